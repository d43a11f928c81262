"""The secrets of a workspace."""

from pathlib import Path

import pytest

from usertrack.core.errors import UsageError
from usertrack.workspace.key import cookie_key, pseudonym_key
from usertrack.workspace.settings import load_settings


def test_cookies_have_a_key_of_their_own(tmp_path: Path, clean_env: pytest.MonkeyPatch) -> None:
    (tmp_path / "usertrack.yaml").write_text("")
    clean_env.chdir(tmp_path)
    key = cookie_key(load_settings())
    assert len(key) == 64
    assert key != pseudonym_key(load_settings())
    assert key == cookie_key(load_settings())
    assert (tmp_path / ".usertrack/pages.key").stat().st_mode & 0o777 == 0o600


def test_an_empty_key_signs_nothing(tmp_path: Path, clean_env: pytest.MonkeyPatch) -> None:
    (tmp_path / "usertrack.yaml").write_text("")
    clean_env.chdir(tmp_path)
    cookie_key(load_settings())
    (tmp_path / ".usertrack/pages.key").write_text("\n")
    with pytest.raises(UsageError, match="is empty"):
        cookie_key(load_settings())
