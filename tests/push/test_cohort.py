"""A segment as a cohort: in a small company whose PostHog answers over real HTTP, or goes wrong on the way."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from usertrack.push import cohort
from usertrack.push.audience import AudienceFilter, PushAudience, audience_of
from usertrack.push.order import PushOrder, PushOutcome
from usertrack.sources.identity import database_of
from usertrack.workspace.settings import load_settings

from ..conftest import Cli, problem
from ..people import Company, Office, office, served

Handler = Callable[[httpx.Request], httpx.Response | None]


def power(company: Company) -> None:
    """Five power users: known once, known twice, known in other letters, known to the backend alone, not known."""
    for email in ("once@x.example", "Twice@x.example", "case@x.example", "backend@x.example", "unknown@x.example"):
        company.account(email, runs={"completed": 6})
    for email in ("once@x.example", "twice@x.example", "twice@x.example", " CASE@X.example"):
        company.person(email)
    company.account("boss@datagen.dev", runs={"completed": 9})
    company.person("boss@datagen.dev")
    company.person("bystander@x.example")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    company = Company()
    power(company)
    backend, other = company.person(None), company.person("someone@else.example")
    with office(tmp_path_factory.mktemp("cohort"), company) as opened:
        ids = [("Backend@x.example", backend), ("unknown@x.example", other)]
        opened.store.insert(
            "person_distinct_ids", [{"distinct_id": name, "person_id": id_, "version": 2} for name, id_ in ids]
        )
        yield opened


@pytest.fixture
def fresh(place: Office) -> Office:
    for table in ("cohorts", "static_cohort_people"):
        place.store.query(f"TRUNCATE TABLE posthog.{table}")
    return place


@pytest.fixture
def own(fresh: Office, cli: Cli, clean_env: pytest.MonkeyPatch) -> Iterator[Cli]:
    with served(fresh) as env:
        for name, value in env.items():
            clean_env.setenv(name, value)
        yield cli


class Faulty(httpx.AsyncBaseTransport):
    """PostHog, but for what ``handler`` answers in its place."""

    def __init__(self, inner: httpx.AsyncBaseTransport, handler: Handler) -> None:
        self._inner, self._handler = inner, handler

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self._handler(request) or await self._inner.handle_async_request(request)


@cache  # the company stays as it is: what changes is its cohorts
def power_users(place: Office, only: AudienceFilter | None, *, all_members: bool) -> PushAudience:
    with place.classified() as classification:
        return audience_of(classification, "power", "UTC", all_members=all_members, only=only)


def push(
    place: Office,
    handler: Handler = lambda request: None,
    *,
    all_members: bool = False,
    only: AudienceFilter | None = None,
    **options: Any,
) -> PushOutcome:
    who = power_users(place, only, all_members=all_members)
    with place.runner(between=lambda inner: Faulty(inner, handler)) as runner:
        order = PushOrder(**{"settings": load_settings(env={}), "pause": 0.01, "patience": 0.3, **options})
        return cohort.push(who, order, runner, lambda text, *, passing=False: None)


def members(place: Office) -> list[str]:
    rows = place.store.rows(
        "SELECT trim(BOTH ' ' FROM ifNull(lower(properties.email::Nullable(String)), 'backend')) FROM posthog.persons"
        " FINAL WHERE id IN (SELECT person_id FROM posthog.static_cohort_people FINAL) ORDER BY 1"
    )
    return [email for (email,) in rows]


def cohorts(place: Office) -> int:
    count: int = place.store.rows("SELECT count() FROM posthog.cohorts FINAL")[0][0]
    return count


COHORT = ["--to", "posthog-cohort", "--yes"]  # the moment of the company may be over
ALL = ["backend", "case@x.example", "once@x.example", "twice@x.example", "twice@x.example"]


@pytest.mark.slow
def test_made_once_and_brought_up_to_date(own: Cli, fresh: Office) -> None:
    result = own("push", "power", *COHORT, "-f", "json")
    assert result.code == 0, result.err
    first = json.loads(result.out)
    assert members(fresh) == ALL
    assert first["unresolved"] == ["unknown@x.example"]
    assert (first["people"], first["sent"], first["persons"], first["added"]) == (5, 4, 5, 5)
    assert (first["created"], first["verified"], first["cohort"]["count"]) == (True, True, 5)
    assert first["cohort"]["name"] == "usertrack: Power Users"

    again = json.loads(own("push", "power", *COHORT, "-f", "json").out)
    assert (again["created"], again["added"], again["removed"]) == (False, 0, 0)
    assert again["cohort"] == first["cohort"]

    fewer = own("push", "power", *COHORT, "-n", 1)
    assert fewer.code == 2
    assert "holds other people (Kept by `usertrack push`: those with the primary segment action/power in " in fewer.err
    assert "with `usertrack push --name` for the 1 most urgent of those with the primary segment " in fewer.err
    assert members(fresh) == ALL
    for addition in (1, 0):
        top = json.loads(own("push", "power", *COHORT, "-n", 1, "--name", "Top", "-f", "json").out)
        assert (top["added"], top["removed"], top["cohort"]["count"]) == (addition, 0, 1)
    assert cohorts(fresh) == 2


def test_another_database_does_not_take_a_cohort_over(fresh: Office) -> None:
    push(fresh)
    other = load_settings(env={"DATABASE_URL": "postgresql://me:hunter2@db.example/acme", "POSTHOG_PROJECT_ID": "1"})
    error = problem(lambda: push(fresh, settings=other))
    assert "holds other people" in error.message
    assert error.hint.endswith("for those with the primary segment action/power in db.example/acme")
    assert "hunter2" not in f"{error.message}{error.hint}"
    assert members(fresh) == ALL


def test_a_cohort_of_all_members_does_not_lose_some_of_them(fresh: Office) -> None:
    push(fresh, all_members=True)
    error = problem(lambda: push(fresh))
    assert "holds other people (Kept by `usertrack push`: segment action/power in " in error.message
    assert error.hint.endswith("; or keep it as it is with everybody (`--all-members`)")


@pytest.mark.slow
def test_a_part_of_a_segment_has_a_cohort_of_its_own(fresh: Office) -> None:
    push(fresh)
    once = AudienceFilter("name or e-mail contains 'once'", lambda profiles: "contains(email, 'once')")
    part = push(fresh, only=once)
    assert part.details["cohort"]["name"] == "usertrack: Power Users, name or e-mail contains 'once'"
    assert (part.details["added"], part.details["removed"]) == (1, 0)
    assert members(fresh) == ALL
    assert cohorts(fresh) == 2
    assert push(fresh, only=once).details["added"] == 0
    too_long = AudienceFilter("x" * 400, lambda profiles: "true")
    assert "more than 400 characters" in problem(lambda: push(fresh, only=too_long)).message


@pytest.mark.slow
def test_the_past_does_not_replace_the_people_of_now(own: Cli, fresh: Office) -> None:
    past = ["push", "power", "--as-of", "2026-11-19T09:00", "--to", "posthog-cohort"]
    own("push", "power", *COHORT, "--name", "Live")
    for more in ([], ["--dry-run"]):
        result = own(*past, *more)
        assert (result.code, result.out) == (2, "")
        assert "the cohort holds the people of now, and these are the people of 19 Nov 2026, 09:00 UTC" in result.err
        assert "--name" in result.err.split("hint: ")[1]
    assert "holds other people" in own(*past, "--name", "Live").err
    assert members(fresh) == ALL
    assert json.loads(own(*past, "--name", "Then", "-f", "json").out)["created"] is True
    assert own(*past, "--name", "Live", "--yes").code == 0
    assert own("push", "power", "--as-of", "2099-01-01", "--to", "posthog-cohort").code == 2


def test_what_people_see(own: Cli) -> None:
    out = own("push", "power", *COHORT, "--name", "VIPs").out
    assert "Power Users to posthog-cohort: 4 of 5 people" in out
    assert "VIPs (number 1, new)" in out
    assert "Not known to PostHog, and left out: 1" in out
    assert "unknown@x.example" in out


def test_a_dry_run_changes_nothing(fresh: Office) -> None:
    creation, addition = push(fresh, dry_run=True).requests
    assert cohorts(fresh) == 0
    assert (creation.method, creation.body["name"], creation.body["is_static"]) == (
        "POST",
        "usertrack: Power Users",
        True,
    )
    assert len(addition.body["person_ids"]) == 5
    assert "phx_" not in f"{creation}{addition}"
    push(fresh)
    assert push(fresh, dry_run=True).requests == ()


def test_an_empty_segment_makes_no_cohort_and_empties_one(own: Cli, fresh: Office) -> None:
    nobody = own("push", "failing", *COHORT)
    assert "Failing Users is empty: nothing was sent" in nobody.out
    assert cohorts(fresh) == 0
    database = database_of(load_settings(env=dict(os.environ)))
    mark = f"Kept by `usertrack push`: segment action/failing in {database}."
    body = {"name": "usertrack: Failing Users", "description": mark}
    with httpx.Client(base_url=os.environ["POSTHOG_HOST"], headers={"Authorization": "Bearer phx_test"}) as client:
        last_week = [fresh.store.rows("SELECT toString(id) FROM posthog.persons FINAL LIMIT 1")[0][0]]
        cohort = {**body, "is_static": True, "_create_static_person_ids": last_week}
        client.post("/api/projects/1/cohorts/", json=cohort).raise_for_status()
    emptied = json.loads(own("push", "failing", *COHORT, "-f", "json").out)
    assert (emptied["removed"], emptied["cohort"]["count"], emptied["verified"]) == (1, 0, True)


def test_a_cohort_of_somebody_else_stays_as_it_is(fresh: Office) -> None:
    fresh.store.insert("cohorts", [{"id": 7, "name": "usertrack: Power Users", "description": "mine", "version": 1}])
    error = problem(lambda: push(fresh))
    assert error.exit_code == 2
    assert "was not made by `usertrack push`" in error.message
    assert "--name" in error.hint
    cohort_json = {"id": 8, "name": "both", "description": "Kept by `usertrack push`: segment x/y.", "version": 1}
    fresh.store.insert("cohorts", [cohort_json])
    assert "holds other people" in problem(lambda: push(fresh, name="both")).message
    assert members(fresh) == []


def test_posthog_loses_somebody(fresh: Office) -> None:
    """#26683: of 9170 people 8482 arrive, and nobody says so."""

    def drop_one(request: httpx.Request) -> httpx.Response | None:
        if "add_persons" in request.url.path:
            content = json.dumps({"person_ids": json.loads(request.content)["person_ids"][1:]}).encode()
            request.stream = httpx.ByteStream(content)
            request.headers["Content-Length"] = str(len(content))
        return None

    outcome = push(fresh, drop_one)
    assert outcome.problem is not None
    assert outcome.problem.exit_code == 5
    assert "holds 4 of 5 persons: 1 missing, 0 too many" in outcome.problem.message
    assert outcome.details["verified"] is False
    assert push(fresh).problem is None
    assert members(fresh) == ALL


def counted(answers: list[dict[str, Any]]) -> Handler:
    """A PostHog whose cohort says of itself what ``answers`` say, the last one for ever."""

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.method == "GET" and re.search(r"/cohorts/\d+/$", request.url.path):
            cohort = answers.pop(0) if len(answers) > 1 else answers[0]
            return httpx.Response(200, json={"id": 1, **cohort}, request=request)
        return None

    return answer


def test_posthog_takes_its_time(fresh: Office) -> None:
    busy, done = {"is_calculating": True, "count": 5}, {"is_calculating": False, "count": 5}
    outcome = push(fresh, counted([busy, {**done, "count": 3}, done]))
    assert (outcome.problem, outcome.details["verified"]) == (None, True)


def test_posthog_counts_late(fresh: Office) -> None:
    """#24046: the count stays 0, though everybody is there."""
    outcome = push(fresh, counted([{"is_calculating": False, "count": 0}]))
    assert outcome.problem is None
    assert "all 5 persons are in the cohort, though PostHog says 0" in outcome.notes


def test_a_lost_answer_makes_no_second_cohort(fresh: Office) -> None:
    def lose(request: httpx.Request) -> httpx.Response | None:
        if request.method == "POST" and request.url.path.endswith("/cohorts/"):
            fields = json.loads(request.content)
            fresh.store.insert("cohorts", [{"id": 1, "version": 1, **{k: fields[k] for k in ("name", "description")}}])
            raise httpx.ReadError("lost", request=request)
        return None

    assert problem(lambda: push(fresh, lose)).exit_code == 3
    assert push(fresh).details["created"] is False
    assert cohorts(fresh) == 1


def test_a_busy_posthog_is_waited_for(fresh: Office) -> None:
    busy = [429, 503]

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.method == "PATCH" and busy:
            return httpx.Response(busy.pop(), headers={"Retry-After": "0"}, request=request)
        return None

    assert push(fresh, answer).details["verified"] is True
    assert busy == []


@pytest.mark.parametrize(("method", "scope"), [("GET", "cohort:read"), ("POST", "cohort:write")])
def test_a_missing_scope_is_named(fresh: Office, method: str, scope: str) -> None:
    def forbid(request: httpx.Request) -> httpx.Response | None:
        if request.method == method and "/cohorts/" in request.url.path:
            body = {"code": "permission_denied", "detail": f"API key missing required scope '{scope}'"}
            return httpx.Response(403, json=body, request=request)
        return None

    error = problem(lambda: push(fresh, forbid))
    assert (error.exit_code, error.message) == (3, f"the PostHog key lacks the scope {scope}")


def test_an_unknown_segment_is_not_pushed(own: Cli, fresh: Office, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    result = own("push", "power", *COHORT)
    assert result.code == 6
    assert "nothing was sent: who is in Power Users is unknown" in result.err
    assert cohorts(fresh) == 0


def test_a_known_segment_is_pushed_whatever_else_is_missing(own: Cli, clean_env: pytest.MonkeyPatch) -> None:
    clean_env.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert own("push", "frustrated", *COHORT).code == 0
    assert own("push", "frustrated", "--all-members", *COHORT).code == 0


@pytest.mark.slow  # cohorts are tables as events are, which server/test_capture_durability.py reads after a restart
def test_a_server_of_ones_own_keeps_cohorts(tmp_path: Path) -> None:
    """`usertrack serve` in a process of its own, stopped and started again."""
    command = [sys.executable, "-c", "from usertrack.cli.app import main; main()"]
    keys = {"USERTRACK_PROJECT_TOKEN": "phc_own", "USERTRACK_PERSONAL_API_KEY": "phx_own"}
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(("POSTHOG_", "DATABASE_"))}
    env = {
        **quiet,
        **keys,
        "POSTHOG_PROJECT_ID": "1",
        "POSTHOG_PERSONAL_API_KEY": "phx_own",
        "USERTRACK_HISTORY": "off",
    }
    event = {"event": "$rageclick", "timestamp": datetime.now(UTC).isoformat(), "distinct_id": "d1"}
    angry = {**event, "properties": {"$set": {"email": "Angry@x.example"}, "$pathname": "/runs"}}
    outcomes = []
    for _ in range(2):
        serve = [*command, "serve", "--port", "0", "--data", str(tmp_path / "events")]
        with subprocess.Popen(serve, env=env, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as server:
            try:
                assert server.stderr
                url = server.stderr.readline().split(" at ")[1].split(",")[0]
                httpx.post(f"{url}/batch/", json={"api_key": "phc_own", "batch": [angry]}).raise_for_status()
                push_command = [*command, "push", "frustrated", *COHORT, "--all-members", "-f", "json"]
                done = subprocess.run(push_command, env={**env, "POSTHOG_HOST": url}, capture_output=True, cwd=tmp_path)
                assert done.returncode == 0, done.stderr
                outcomes.append(json.loads(done.stdout))
            finally:
                server.send_signal(signal.SIGINT)
                server.wait(20)
    first, again = outcomes
    assert (first["created"], first["added"], first["verified"]) == (True, 1, True)
    assert (again["created"], again["added"], again["cohort"]) == (False, 0, first["cohort"])
