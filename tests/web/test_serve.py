"""Which pages are open already."""

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette

from usertrack.core.notify import Silent
from usertrack.server.database.lock import DirectoryServed
from usertrack.web.serve import serve_pages
from usertrack.workspace.settings import load_settings


class OpenedError(Exception):
    pass


@pytest.mark.slow
def test_pages_of_other_sources_are_other_pages(tmp_path: Path, clean_env: pytest.MonkeyPatch) -> None:
    (tmp_path / "usertrack.yaml").write_text("")
    clean_env.chdir(tmp_path)

    def begin(url: str, link: str) -> None:
        with pytest.raises(DirectoryServed):
            serve("http://127.0.0.1:8765", "db", begin)
        for other in (("http://127.0.0.1:9999", "db"), ("http://127.0.0.1:8765", "another_db")):
            with pytest.raises(OpenedError):
                serve(*other, end)
        raise OpenedError

    def end(url: str, link: str) -> None:
        raise OpenedError

    def serve(host: str, database: str, ready: Callable[[str, str], None]) -> None:
        clean_env.setenv("POSTHOG_HOST", host)
        clean_env.setenv("DATABASE_URL", f"postgresql://ann@127.0.0.1/{database}")
        clean_env.setenv("POSTHOG_PERSONAL_API_KEY", "phx_key")
        serve_pages(lambda *_: Starlette(), load_settings(), "127.0.0.1", 0, ready, notify=Silent())

    with pytest.raises(OpenedError):
        serve("http://127.0.0.1:8765", "db", begin)
