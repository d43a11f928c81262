"""Answers from the cache on the command line: the same as from the sources, and labelled with their age."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conftest import Cli
from ..people import Company, Office, ago, office, served
from .test_own_sources import LENA, northwind


@pytest.fixture(scope="module")
def northwind_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    company = Company()
    northwind(company)
    with office(tmp_path_factory.mktemp("northwind"), company) as opened:
        yield opened


@pytest.fixture
def own(cli: Cli, clean_env: pytest.MonkeyPatch, northwind_office: Office) -> Iterator[Cli]:
    """The command line on a company whose PostHog is served; nothing but the cache knows it afterwards."""
    with served(northwind_office) as env:
        for name, value in env.items():
            clean_env.setenv(name, value)
        yield cli


def users(out: str) -> object:
    return json.loads(out)["users"]


def test_offline_answers_the_same(own: Cli) -> None:
    live = own("segments", "-f", "json")
    kept = own("segments", "-f", "json", "--offline")
    assert (live.code, kept.code) == (0, 0)
    assert users(kept.out) == users(live.out)
