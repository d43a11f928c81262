"""Certificates for servers on this machine."""

import subprocess
from pathlib import Path


def make_certificate(path: Path, *names: str) -> None:
    """Write a certificate of localhost and ``names``, and its key, into one file."""
    alternatives = ",".join(["IP:127.0.0.1", *(f"DNS:{name}" for name in ("localhost", *names))])
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
        f" -addext subjectAltName={alternatives} -keyout {path} -out {path}.crt".split(),
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
