"""Where the code sets properties of persons and groups."""

from pathlib import Path

import pytest

from usertrack.plan.scan.scan import scan_code

from .marked import written


@pytest.mark.parametrize(
    ("source", "profiles"),
    [
        ('posthog.identify(id, { role: 1 }, { source: "ad" });', ["person role", "person source"]),
        ("posthog.setPersonProperties({ role: 1 });", ["person role"]),
        ('posthog.group("team", slug, { plan: "pro" });', ["group team plan"]),
        ("posthog.identify(id);", []),
        ("posthog.identify(id, traits());", ["person …"]),
        (
            'posthog.capture("paid", { amount: 1, $set: { role: 1 }, $set_once: { source: 2 } });',
            ["person role", "person source"],
        ),
        ("cache.group(1, 2, { a: 1 }); session.set({ a: 1 }, { b: 1 });", []),
        (
            "const known = (user, more) => posthog.identify(user.id, { role: 1, ...more });\n"
            "known(user, { seats: 3 });",
            ["person role seats"],
        ),
        (
            "const of = (kind, key, facts) => posthog.group(kind, key, facts);\n"
            'of("team", 1, { plan: 1 });\nof("team", 2, { seats: 1 });',
            ["group team plan seats"],
        ),
    ],
)
def test_in_the_browser(source: str, profiles: list[str], tmp_path: Path) -> None:
    assert set_in(f'import posthog from "posthog-js";\n{source}', "a.ts", tmp_path) == profiles


@pytest.mark.parametrize(
    ("source", "profiles"),
    [
        ('posthog.set(distinct_id=user.id, properties={"role": 1})', ["person role"]),
        ('posthog.set_once(user.id, {"role": 1})', ["person role"]),
        ('posthog.group_identify("team", slug, {"plan": 1, "seats": 2})', ["group team plan seats"]),
        ('posthog.group_identify(kind(), slug, {"plan": 1})', ["group ? plan"]),
        ('track.identify(7, {"role": 1}, set_once={"source": 2})', ["person role", "person source"]),
        ('track.group_identify("team", "acme", {"plan": 1})', ["group team plan"]),
        (
            'posthog.capture(1, "$groupidentify", {"$group_type": "team", "$group_set": {"plan": 1}})',
            ["group team plan"],
        ),
        ('facts = {"role": 1}\nfacts["seats"] = 2\nposthog.identify(1, facts)', ["person role seats"]),
    ],
)
def test_in_python(source: str, profiles: list[str], tmp_path: Path) -> None:
    assert set_in(f"import posthog\nfrom usertrack import track\n{source}\n", "a.py", tmp_path) == profiles


def test_in_node(tmp_path: Path) -> None:
    source = """
import { PostHog } from "posthog-node";
const client = new PostHog("key");
client.identify({ distinctId: 1, properties: { role: 1, $set_once: {} } });
client.groupIdentify({ groupType: "team", groupKey: 1, properties: { plan: 1 } });
client.capture({ distinctId: 1, event: "paid", properties: { $set: { seats: 3 } } });
"""
    assert set_in(source, "a.ts", tmp_path) == ["person role $set_once", "group team plan", "person seats"]


def set_in(source: str, name: str, folder: Path) -> list[str]:
    written(f"=== {name}\n{source}", folder)
    return [
        " ".join(
            [
                site.of,
                *([site.group_type or "?"] if site.of == "group" else []),
                *([] if site.is_complete else ["…"]),
                *site.properties,
            ]
        )
        for site in scan_code([folder]).profiles
    ]
