import tempfile
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def temporary_files_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A survey looks through the temporary files of every usertrack at work; those of other tests are none of its."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder
