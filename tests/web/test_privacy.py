"""Somebody's data from the browser: a file of it, and the end of it."""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.people import Company, Office, ago, office
from tests.web.conftest import Browser

ANN = "ann@x.example"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    company = Company()
    for email in (ANN, "joann@x.example"):
        company.account(email, runs={"completed": 6})
        company.event(company.person(email), "$pageview", ago(3), 4)
    with office(tmp_path_factory.mktemp("pages"), company) as opened:
        yield opened


@pytest.fixture(autouse=True)
def temporary_files_of_its_own(clean_env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A survey reads those of every usertrack; those of other tests are none of its."""
    clean_env.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.slow  # every place is read four times; tests/privacy proves what is read and deleted
def test_a_person_is_exported_and_erased(visitor: Browser, place: Office) -> None:
    answer = visitor.post(f"/export/{ANN}", f"/export/{ANN}")
    assert 'filename="ann-x.example.json"' in answer.headers["content-disposition"]
    assert "joann" not in answer.text
    assert json.loads(answer.text)["counts"]["events"] == 4

    address = f"/erase/{ANN}"
    order = re.search(r'name="order" value="([^"]+)"', visitor.get(address).text)
    assert order
    done = visitor.post("/erase", f"/export/{ANN}", order=order[1], typed=" Ann@x.example ")
    assert "was erased" in visitor.get(done.headers["location"]).text
    assert place.store.rows("SELECT count() FROM posthog.events")[0][0] == 4  # joann's
