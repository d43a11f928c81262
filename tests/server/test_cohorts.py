"""Static cohorts over HTTP, in PostHog's shapes."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from query_fixtures import ANN, BOB, EVE, KEY, NOBODY, Api

COHORTS = "/api/projects/1/cohorts/"


@pytest.fixture(autouse=True)
def no_cohorts(api: Api) -> Iterator[None]:
    yield
    for table in ("cohorts", "static_cohort_people"):
        api.store.query(f"TRUNCATE TABLE posthog.{table}")


def ask(api: Api, method: str, path: str = "", **options: Any) -> httpx.Response:
    return api.request(method, f"{COHORTS}{path}", headers={"Authorization": f"Bearer {KEY}"}, **options)


def create_cohort(api: Api, name: str, *persons: str) -> int:
    body = {"name": name, "is_static": True, "_create_static_person_ids": list(persons)}
    response = ask(api, "POST", json=body)
    assert response.status_code == 201
    id_: int = response.json()["id"]
    return id_


def uploaded(api: Api, text: str) -> httpx.Response:
    return ask(api, "POST", data={"name": "csv", "is_static": "true"}, files={"csv": ("people.csv", text.encode())})


def members(api: Api, id_: int) -> set[str]:
    return {person["uuid"] for person in ask(api, "GET", f"{id_}/persons/").json()["results"]}


def test_made_of_persons(api: Api) -> None:
    id_ = create_cohort(api, "Pros", ANN, BOB, str(UUID(int=77)))
    cohort = ask(api, "GET", f"{id_}/").json()
    assert (cohort["name"], cohort["count"], cohort["is_static"], cohort["is_calculating"]) == ("Pros", 2, True, False)
    assert cohort["cohort_type"] == "static"
    assert members(api, id_) == {ANN, BOB}


def test_added_to_and_taken_out_of(api: Api) -> None:
    id_ = create_cohort(api, "Pros")
    assert ask(api, "GET", f"{id_}/").json()["count"] == 0
    added = ask(api, "PATCH", f"{id_}/add_persons_to_static_cohort/", json={"person_ids": [ANN, EVE, NOBODY]})
    assert added.json() == {"success": True}
    for _ in range(2):  # taking out is idempotent
        gone = ask(api, "PATCH", f"{id_}/remove_person_from_static_cohort/", json={"person_id": ANN})
        assert gone.json() == {"success": True}
    assert members(api, id_) == {EVE}
    assert ask(api, "GET", f"{id_}/").json()["count"] == 1


def test_pages_follow_each_other(api: Api) -> None:
    id_ = create_cohort(api, "All", ANN, BOB, EVE)
    first = ask(api, "GET", f"{id_}/persons/?limit=2").json()
    assert [person["uuid"] for person in first["results"]] == [EVE, BOB]
    last = api.get(first["next"].removeprefix("http://local")).json()
    assert [person["uuid"] for person in last["results"]] == [ANN]
    assert (first["previous"], last["next"]) == (None, None)
    ann = last["results"][0]
    assert (ann["name"], ann["distinct_ids"], ann["created_at"]) == ("ann@x.io", ["d1"], "2026-01-01T00:00:00.000000Z")


def test_listed_searched_renamed_and_deleted(api: Api) -> None:
    first, second = create_cohort(api, "usertrack: Power"), create_cohort(api, "others")
    assert [cohort["id"] for cohort in ask(api, "GET").json()["results"]] == [second, first]
    page = ask(api, "GET", "?search=USERTRACK%3A&basic=true").json()
    assert (page["count"], page["results"][0]["id"]) == (1, first)
    assert ask(api, "PATCH", f"{first}/", json={"name": "it's"}).json()["name"] == "it's"
    assert ask(api, "DELETE", f"{first}/").status_code == 405
    assert ask(api, "PATCH", f"{first}/", json={"deleted": True}).json()["deleted"] is True
    assert [cohort["id"] for cohort in ask(api, "GET").json()["results"]] == [second]


@pytest.mark.parametrize(
    ("text", "persons"),
    [
        ("d1\nd3\nnobody\n", {ANN, EVE}),
        ("email\nann@x.io\n", {ANN}),
        ("name,Email\nBob,bob@staff.io\n", {BOB}),
        (f"email,person_id\nann@x.io,{EVE}\n", {EVE}),
        ("email,distinct-id\nann@x.io,d2\n", {BOB}),
        ("d1,\n", None),
        ("", None),
    ],
)
def test_uploaded(api: Api, text: str, persons: set[str] | None) -> None:
    response = uploaded(api, text)
    if persons is None:
        assert response.status_code == 400
        return
    assert response.status_code == 201, response.text
    assert members(api, response.json()["id"]) == persons


def test_refusals(api: Api) -> None:
    id_ = create_cohort(api, "Pros")
    add, remove = f"{id_}/add_persons_to_static_cohort/", f"{id_}/remove_person_from_static_cohort/"
    for method, path, body, status, detail in (
        ("POST", "", {"name": "x", "is_static": True}, 400, "Invalid source for static cohort"),
        ("POST", "", {"name": "x" * 401, "is_static": True, "_create_static_person_ids": []}, 400, "400 characters"),
        ("PATCH", add, {"person_ids": [NOBODY]}, 400, "No valid users to add to cohort"),
        ("PATCH", add, {"person_ids": []}, 400, "cannot be empty"),
        ("PATCH", add, {"person_ids": ["x"] * 1001}, 400, "List size exceeds limit"),
        ("PATCH", remove, {"person_id": NOBODY}, 404, "does not exist"),
        ("PATCH", remove, {"person_id": "x"}, 400, "valid UUID"),
        ("GET", "99/", None, 404, "Not found."),
        ("GET", "99/persons/", None, 404, "Not found."),
        ("PATCH", "99/add_persons_to_static_cohort/", {"person_ids": [ANN]}, 404, "Not found."),
    ):
        response = ask(api, method, path, json=body)
        assert (response.status_code, detail in response.json()["detail"]) == (status, True), (path, response.text)
    assert api.get(COHORTS, "phx_wrong").status_code == 401


def test_asked_for_in_hogql(api: Api) -> None:
    id_ = create_cohort(api, "it's", ANN)
    create_cohort(api, "twice"), create_cohort(api, "twice")
    for cohort in (str(id_), "'it\\'s'"):
        assert api.rows(f"SELECT count() FROM events WHERE person_id IN COHORT {cohort}") == [[3]]
        assert api.rows(f"SELECT count() FROM events WHERE person_id NOT IN COHORT {cohort}") == [[4]]
    assert api.rows("SELECT properties.email FROM persons WHERE id IN COHORT {who}", values={"who": id_}) == [
        ["ann@x.io"]
    ]
    for cohort, message in (
        ("'Its'", "There is no cohort"),
        ("99", "There is no cohort"),
        ("'twice'", "several cohorts"),
    ):
        assert message in api.refusal(f"SELECT 1 FROM events WHERE person_id IN COHORT {cohort}")[1]
