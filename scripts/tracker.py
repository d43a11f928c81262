"""Build `usertrack.min.js` from its sources, and print its size: `python scripts/tracker.py`.

esbuild joins and shortens the sources, and terser saves another 123 bytes (gzip). Both come from npm, pinned here.
"""

import gzip
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ESBUILD, TERSER = "esbuild@0.28.2", "terser@5.51.4"
# of objects that never leave the script
OURS = "--mangle-props=^(answer|around|before|check|element|failed|focus|from|isControl|path|settle|what)$"
FOLDER = Path(__file__).parent.parent / "usertrack/server/tracker"
SOURCE, BUILT = FOLDER / "usertrack.js", FOLDER / "usertrack.min.js"
SOURCES = (SOURCE, FOLDER / "clicks.js", FOLDER / "readable.js")


def built() -> bytes:
    """Return the script with the digest of its sources at its end; raise OSError without npm or the two tools."""
    npm = shutil.which("npm")
    if npm is None:
        raise OSError("npm is missing")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "install", "--prefix", folder, "--no-save", "--no-audit", "--no-fund", ESBUILD, TERSER]
        if subprocess.run(command, capture_output=True).returncode:
            raise OSError(f"npm could not install {ESBUILD} and {TERSER}")
        tools = Path(folder, "node_modules/.bin")
        join = [tools / "esbuild", "--bundle", "--minify", "--target=es2021", OURS, SOURCE]
        joined = subprocess.run(join, capture_output=True, check=True).stdout
        shorten = [tools / "terser", "--compress", "passes=3,ecma=2021", "--mangle"]
        script = subprocess.run(shorten, input=joined, capture_output=True, check=True).stdout
    return script.rstrip() + mark()


def mark() -> bytes:
    """The end of what is built from the sources."""
    return f"//{digest(b''.join(source.read_bytes() for source in SOURCES))}\n".encode()


def digest(source: bytes) -> str:
    return hashlib.sha256(source.replace(b"\r\n", b"\n")).hexdigest()[:8]


def gzipped(script: bytes) -> int:
    return len(gzip.compress(script, 9))


if __name__ == "__main__":
    BUILT.write_bytes(built())
    script = BUILT.read_bytes()
    sys.stdout.write(f"{len(script)} bytes, {gzipped(script)} with gzip\n")
