"""The library by itself: a small wheel that needs no other package, on the oldest Python that it names as well."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "packages/track"
ALONE = """
import sys
sys.path[:0] = sys.argv[1:2]
import usertrack_track, usertrack_track.aio, usertrack_track.asgi, usertrack_track.wsgi, usertrack_track.__main__
usertrack_track.configure(spool=sys.argv[2], relay=False, target=lambda message: print(message.event))
usertrack_track.track(7, "seen")
assert usertrack_track.flush()
usertrack_track.__main__.main(["migrate", "--print"])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=PACKAGE, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    return wheel


def test_its_wheel_is_small_and_requires_nothing(wheel: Path) -> None:
    assert wheel.stat().st_size < 200_000
    metadata = zipfile.ZipFile(wheel).read("usertrack_track-0.1.0.dist-info/METADATA").decode()
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist")]
    assert required
    assert [line for line in required if "extra ==" not in line] == []


@pytest.mark.parametrize("python", [sys.executable, "python3.9"], ids=["this one", "3.9"])
def test_it_runs_without_any_other_package(python: str, wheel: Path, tmp_path: Path) -> None:
    interpreter = shutil.which(python)
    if not interpreter or subprocess.run([interpreter, "--version"], capture_output=True).returncode:
        pytest.skip(f"{python} is not installed")
    run = [interpreter, "-IS", "-c", ALONE, str(wheel), str(tmp_path)]  # without site-packages and this folder
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.stdout.startswith("seen\n-- usertrack_track keeps"), done.stderr
