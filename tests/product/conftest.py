"""One store for all analyses (chDB opens one per process), emptied before each; it answers each question once."""

from collections.abc import Iterator

import pytest

from usertrack.server.database.store import Store

from .. import store_answers
from ..server.capture_fixtures import client, store

__all__ = ["client", "store"]


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("product"))
    with store_answers.given_once(store):
        yield store
    store.close()
