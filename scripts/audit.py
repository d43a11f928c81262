"""Audits the pinned requirements for known vulnerabilities. Runs where pip-audit is installed (requirements/audit.txt).

The audit's data are on the network: where they cannot be had, that is said, and nothing has failed.
"""

import json
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[1] / "requirements"


def main() -> int:
    """Print what is known of each file of pins. Returns 1 where one of them has a known vulnerability."""
    worst = 0
    for name in ("users.txt", "ci.txt"):
        command = ["pip-audit", "--disable-pip", "--require-hashes", "-r", str(REQUIREMENTS / name), "--format", "json"]
        done = subprocess.run([sys.executable, "-m", "pip_audit", *command[1:]], capture_output=True, text=True)
        try:
            pins = json.loads(done.stdout)["dependencies"]
        except ValueError:
            print(f"{name}: could not be audited: {(done.stderr.strip().splitlines() or ['no answer'])[-1][:200]}")
            continue
        known = [pin for pin in pins if pin.get("vulns")]
        unread = [pin["name"] for pin in pins if "skip_reason" in pin]
        print(f"{name}: {len(pins)} pins, {len(known)} with a known vulnerability, {len(unread)} could not be audited")
        for pin in known:
            worst = 1
            names = ", ".join(vulnerability["id"] for vulnerability in pin["vulns"])
            print(f"  {pin['name']} {pin['version']}: {names}")
    return worst


if __name__ == "__main__":
    sys.exit(main())
