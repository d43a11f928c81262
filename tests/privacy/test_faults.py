"""Erasing when PostHog refuses, is slow or breaks off: nothing is said to be gone that is not, and a rerun ends it."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest

from usertrack.core.errors import CheckFailed, ConnectionFailed, SourceBusy, UsertrackError
from usertrack.privacy.erase import delete, erase_everywhere, prove, raise_left
from usertrack.privacy.places import LocalFiles, silent, survey
from usertrack.privacy.subject import find_subject
from usertrack.server.database.store import Store
from usertrack.server.persons_api import routes

from ..conftest import problem
from ..people import SERVER, Company, Office, ago, office
from ..push.test_cohort import Faulty, Handler

ANN = "ann@x.example"
NOWHERE = LocalFiles(None, None)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    company = Company()
    company.account(ANN)
    with office(tmp_path_factory.mktemp("faults"), company) as opened:
        yield opened


@pytest.fixture
def ann() -> str:
    """The id of a person: what was deleted does not come back under its own."""
    return str(uuid4())


@pytest.fixture
def place(opened: Office, ann: str) -> Office:
    """Ann's four events, whatever another test has made of them."""
    for table in ("persons", "events"):
        opened.store.query(f"TRUNCATE TABLE posthog.{table}")
    opened.store.insert("persons", [{"id": ann, "properties": {"email": ANN}, "version": 1}])
    event = {"event": "seen", "timestamp": str(ago(3)), "person_id": ann, "distinct_id": "browser"}
    opened.store.insert("events", [{**event, "uuid": str(uuid4())} for _ in range(4)])
    return opened


def erase(place: Office, handler: Handler = lambda request: None) -> None:
    with place.runner(between=lambda inner: Faulty(inner, handler)) as runner:
        subject = find_subject(runner, ANN)
        before = survey(runner, subject, NOWHERE)
        done = delete(runner, subject, NOWHERE, lambda text, *, passing=False: None, patience=0.5, pause=0.01)
        raise_left(subject, prove(runner, subject, NOWHERE, before), done=done)


def answers(status: int, path: str, **body: object) -> Handler:
    return lambda request: httpx.Response(status, json=body) if path in request.url.path else None


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (403, {"detail": "API key missing required scope 'person:write'"}, ConnectionFailed, "person:write"),
        (404, {"detail": "Not found."}, ConnectionFailed, "Not found"),
        (503, {}, SourceBusy, "503"),
    ],
)
def test_refused(place: Office, status: int, body: dict[str, str], kind: type[UsertrackError], message: str) -> None:
    error = problem(lambda: erase(place, answers(status, "bulk_delete", **body)))
    assert isinstance(error, kind)
    assert message in error.message
    assert place.store.rows("SELECT count() FROM posthog.events") == [[4]]


def test_accepted_and_not_done(place: Office) -> None:
    """PostHog answers 202 and deletes on Sunday; until then it is not gone."""
    error = problem(lambda: erase(place, answers(202, "bulk_delete", persons_found=1)))
    assert isinstance(error, CheckFailed)
    assert "1 persons in PostHog" in error.message
    assert "4 events in PostHog" in error.message


def test_pages_forget_who_was_deleted_before_the_long_proof(place: Office) -> None:
    steps: list[str] = []

    def noted(request: httpx.Request) -> httpx.Response | None:
        is_deletion = "bulk_delete" in request.url.path
        steps.append("delete" if is_deletion else "read")
        return httpx.Response(202, json={"persons_found": 1}) if is_deletion else None

    with place.runner(between=lambda inner: Faulty(inner, noted)) as runner:
        subject = find_subject(runner, ANN)
        before = survey(runner, subject, NOWHERE)
        erase_everywhere(runner, subject, NOWHERE, before, silent, when_deleted=lambda: steps.append("forget"))
    forgotten = steps.index("forget")
    assert "delete" in steps[:forgotten]
    assert "read" in steps[forgotten:]


def test_what_was_not_looked_at_is_not_said_to_be_empty(place: Office) -> None:
    """PostHog's own servers, and embedded ones of before, look through no files."""
    about = httpx.Response(200, json={"id": 1, "timezone": "UTC"})
    handler: Handler = lambda request: about if request.url.path.endswith("/projects/1/") else None  # noqa: E731
    with place.runner(between=lambda inner: Faulty(inner, handler)) as runner:
        by_content = {each.content: each for each in survey(runner, find_subject(runner, ANN), NOWHERE)}
    assert by_content["files of its server"].count is None
    assert "not checked" in by_content["files of its server"].note
    assert "files with the e-mail's bytes" not in by_content


@pytest.mark.slow
def test_slowed_down_and_cut_short(place: Office) -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response | None:
        seen.append(request.url.path)
        if "bulk_delete" in request.url.path and sum("bulk_delete" in path for path in seen) == 1:
            return httpx.Response(429, headers={"Retry-After": "0"})
        if "deletion_status" in request.url.path:
            raise httpx.ReadError("cut")
        return None

    assert isinstance(problem(lambda: erase(place, handler)), ConnectionFailed)
    with place.runner() as runner:
        subject = find_subject(runner, ANN)  # a run cut short is gone on with
        assert delete(runner, subject, NOWHERE, lambda text, *, passing=False: None, pause=0.01)
        again = prove(runner, subject, NOWHERE, survey(runner, subject, NOWHERE))
    assert {each.left for each in again if each.held.place == "PostHog"} == {0}
    assert place.store.rows("SELECT count() FROM posthog.events") == [[0]]


@pytest.mark.slow
def test_posthog_deletes_events_on_sunday(place: Office, ann: str) -> None:
    """PostHog Cloud: the person is gone at once, the events are not; what proves that they are is said."""

    def cloud(request: httpx.Request) -> httpx.Response | None:
        if "bulk_delete" in request.url.path:
            place.store.query("TRUNCATE TABLE posthog.persons")
            return httpx.Response(202, json={"persons_found": 1, "events_queued_for_deletion": True})
        if "deletion_status" in request.url.path:
            return httpx.Response(200, json={"results": [{"person_uuid": ann, "status": "pending"}]})
        return None

    error = problem(lambda: erase(place, cloud))
    assert isinstance(error, CheckFailed)
    assert (
        error.message
        == f"PostHog has yet to delete {ANN}: 4 events in PostHog; proven to hold nothing: embedded store, history"
    )
    assert error.hint.endswith(f"then `usertrack privacy prove {ANN} --person {ann}` proves it")
    assert what_is_left(place, ann) == {"events": 4}
    place.store.query("TRUNCATE TABLE posthog.events")  # on Sunday
    assert what_is_left(place, ann) == {}


def what_is_left(place: Office, person: str) -> dict[str, int | None]:
    with place.runner() as runner:
        holdings = survey(runner, find_subject(runner, ANN, [person]), NOWHERE)
        return {each.content: each.count for each in holdings if each.ours and each.count}


def test_the_server_knows_scopes(place: Office) -> None:
    from starlette.applications import Starlette

    store: Store = place.store
    app = Starlette(routes=routes(store, replace(SERVER, scopes=("person:read", "query:read"))))

    async def status(method: str, path: str) -> tuple[int, str]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://local") as client:
            key = {"Authorization": f"Bearer {SERVER.personal_api_key}"}
            answer = await client.request(method, f"/api/projects/1/persons/{path}", headers=key, json={"ids": ["x"]})
            return answer.status_code, answer.text

    import anyio

    assert anyio.run(status, "GET", "")[0] == 200
    refused = anyio.run(status, "POST", "bulk_delete/")
    assert (refused[0], "required scope 'person:write'" in refused[1]) == (403, True)
