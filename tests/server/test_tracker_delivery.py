"""What people do arrives exactly once, whatever becomes of their tabs and their network."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

from typing import Any

import pytest
from browser import Site, chromium, patient, served, shared_store, site, stored_numbers  # noqa: F401
from capture_fixtures import Client
from scripted_visits import Visits

pytestmark = pytest.mark.slow


def test_a_thousand_actions_arrive_once(chromium: Any, site: Site, served: Client) -> None:
    context = patient(chromium.new_context())
    visits = Visits(context, site)
    visits.act(1000)
    numbers = stored_numbers(served, len(visits.done))
    context.close()
    assert len(numbers) == len(set(numbers)), "some are there twice"
    assert set(numbers) <= visits.done
    assert len(numbers) >= 0.99 * len(visits.done), visits.disturbances
    assert min(visits.disturbances[name] for name in ("reload", "close", "there and back", "offline", "crash")) >= 2
