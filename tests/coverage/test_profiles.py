"""Properties of persons and groups in the code, each group type by itself."""

from pathlib import Path

from usertrack.coverage.properties import group_properties, person_properties
from usertrack.plan.read import read_plan
from usertrack.plan.scan.site import ProfileSite, Scan


def test_a_property_is_in_the_code_where_its_own_type_of_group_has_it(tmp_path: Path) -> None:
    path = tmp_path / "tracking.yaml"
    path.write_text(
        "events: {}\nperson_properties: {role: string, seats: {aliases: [seat_count]}}\n"
        "group_properties: {team: {plan: string}, company: {plan: string, size: integer}}\n"
    )
    sites = [
        ProfileSite("group", "team", "a.py", 1, "posthog.group_identify", ("plan",)),
        ProfileSite("group", "company", "a.py", 2, "posthog.group_identify", ("name",)),
        ProfileSite("person", None, "a.py", 3, "posthog.identify", ("seat_count",), is_complete=False),
    ]
    scan = Scan((), (), 1, 0.0, sites)
    groups = group_properties(read_plan(path), scan, None)
    assert [(row.of, row.name, row.always) for row in groups] == [
        ("team", "plan", True),
        ("company", "plan", False),
        ("company", "size", False),
    ]
    persons = person_properties(read_plan(path), scan, None)
    assert [(row.name, row.always) for row in persons] == [("role", None), ("seats", True)]
