"""What `usertrack_track` sends by itself is sent by the code that uses it."""

from pathlib import Path

import pytest

from usertrack.plan.scan.own_library import EVENT, PROPERTIES
from usertrack.plan.scan.scan import scan_code
from usertrack_track.errors import EVENT as SENT
from usertrack_track.errors import error_properties

from .marked import written


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ('MIDDLEWARE = [\n    "usertrack_track.django.ErrorTracking",\n]', [2]),
        ('MIDDLEWARE += ["usertrack_track.django.ErrorTracking"]', [1]),
        ("from usertrack_track.asgi import ErrorTracking\napp.add_middleware(ErrorTracking)", [2]),
        ("from usertrack_track.wsgi import ErrorTracking as Errors\napp = Errors(app)", [2]),
        ("from usertrack.track.django import ErrorTracking\nclass Ours(ErrorTracking): pass", [2]),
        ("import usertrack_track\ntry: job()\nexcept Exception as e: usertrack_track.track_error(e)", [3]),
        ("from usertrack import track\ntry: job()\nexcept Exception as e: track.track_error(e)", [3]),
        ("from usertrack_track import track_error\ntrack_error('x', view='job')", [2]),
        ("from usertrack_track.asgi import ErrorTracking", []),
        ('# "usertrack_track.django.ErrorTracking"', []),
        ("from other import track_error, ErrorTracking\ntrack_error(1)\nErrorTracking(app)", []),
    ],
)
def test_failed_requests_and_jobs(source: str, lines: list[int], tmp_path: Path) -> None:
    written(f"=== a.py\n{source}", tmp_path)
    scan = scan_code([tmp_path])
    assert [(site.event, site.line, site.properties) for site in scan.sites] == [
        ("error_occurred", line, PROPERTIES) for line in lines
    ]
    assert scan.unresolved == []


def test_the_library_sends_just_that() -> None:
    assert EVENT == SENT
    assert [each.name for each in PROPERTIES] == list(error_properties(ValueError(), "home", 3))
    assert [each.name for each in PROPERTIES if each.always] == list(error_properties(ValueError(), "home", 0))


def test_declared_properties(tmp_path: Path) -> None:
    source = """
from usertrack import track
from usertrack_track import group_property
TEAM = "team"
@track.person_property(refreshed_by="repo_added")
def repos_tracked(distinct_id): ...
@group_property(TEAM, refreshed_by="seat_added", name="seats", key="team_slug")
def count_seats(slug): ...
@other.person_property(refreshed_by="x")
def no_property(distinct_id): ...
"""
    written(f"=== a.py\n{source}", tmp_path)
    profiles = [(each.of, each.group_type, each.properties) for each in scan_code([tmp_path]).profiles]
    assert profiles == [("person", None, ("repos_tracked",)), ("group", "team", ("seats",))]
