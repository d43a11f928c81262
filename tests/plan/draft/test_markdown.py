"""A plan in Markdown becomes a plan that reads and lints."""

from pathlib import Path

import pytest

from usertrack.core.errors import UsageError
from usertrack.plan.draft.markdown import draft_of_markdown
from usertrack.plan.draft.write import merge
from usertrack.plan.lint import lint_plan
from usertrack.plan.model import Plan
from usertrack.plan.read import read_plan

FOLDER = Path(__file__).parents[1]


def plan_of(folder: Path, text: str) -> Plan:
    (folder / "plan.md").write_text(text)
    merge(folder / "tracking.yaml", draft_of_markdown(folder / "plan.md"))
    return read_plan(folder / "tracking.yaml")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "tracking.yaml"
    merge(path, draft_of_markdown(FOLDER / "seed003.md"))
    return path


def test_seed_003_is_the_plan_that_a_human_writes_of_it(written: Path) -> None:
    plan, by_hand = read_plan(written), read_plan(FOLDER / "seed003.yaml")
    assert list(plan.events) == list(by_hand.events)
    for name, event in by_hand.events.items():
        assert (plan.events[name].tier, plan.events[name].phase) == (event.tier, event.phase), name
        assert plan.events[name].acceptance == event.acceptance
        assert plan.events[name].status == event.status
    assert [(phase.effort, phase.files, phase.acceptance) for phase in plan.phases.values()] == [
        (phase.effort, phase.files, phase.acceptance) for phase in by_hand.phases.values()
    ]
    for section in ("person_properties", "group_properties"):
        assert str(_shape(getattr(plan, section))) == str(_shape(getattr(by_hand, section)))
    assert plan.naming[0].ongoing == ("viewing", "filtering")
    assert plan.scopes == {"team": ("team_slug",)}
    assert {name: metric.targets for name, metric in plan.metrics.items()} == {
        name: metric.targets for name, metric in by_hand.metrics.items()
    }


def _shape(value: object) -> object:
    """Types and values by name, at any depth."""
    if isinstance(value, dict):
        return {name: _shape(item) for name, item in value.items()}
    return getattr(value, "type", None), getattr(value, "values", None), getattr(value, "unit", None)


def test_its_plan_lints(written: Path) -> None:
    rules = {finding.rule.id for finding in lint_plan(read_plan(written))}
    assert {"same-event", "same-property", "event-tense", "personal-data", "incomplete-event"} <= rules
    assert "unknown-property" not in rules


def test_every_guess_is_marked(written: Path) -> None:
    lines = [line.strip() for line in written.read_text().splitlines()]
    assert "phase: 3  # guess: by the words of its title" in lines
    assert "teams_count: {type: integer, description: Multi-team users}  # guess: from 'user.teams.count()'" in lines
    assert "properties: [team_slug]  # guess: what else is sent: feature toggles" in lines
    assert "role: {type: string, values: [admin, member], description: Segment by role}" in lines
    assert all("# guess:" in line for line in lines if line.startswith("status:"))


def test_pipes_in_code_stay_in_their_cell(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        """
## Events

| Event | Properties | When |
|---|:--|--:|
| `report_exported` | `format`, `a\\|b` | `csv|pdf` was asked for \\| twice |
| order paid | amount, currency | |

## User properties
| Property | Values |
| --- | --- |
| `plan` | `free|pro` |
""",
    )
    assert plan.events["report_exported"].description == "csv|pdf was asked for | twice"
    assert [use.name for use in plan.events["report_exported"].properties] == ["format"]
    assert [use.name for use in plan.events["order paid"].properties] == ["amount", "currency"]
    assert plan.person_properties["plan"].values == ("free", "pro")


def test_other_tables_and_words(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        """
# Tracking
| Event name | Owner | Tier | Where |
| - | - | - | - |
| `signed up` / `logged_in` | growth | 1 | `web/auth.ts:12-20` |

### Account traits
| Attribute | Type |
| - | - |
| `seats` | integer |
| `mrr_percent` | percentage |

| Risk | Impact |
| - | - |
| `not_an_event` | High |
""",
    )
    assert set(plan.events) == {"signed up", "logged_in"}
    assert plan.events["logged_in"].source == ("web/auth.ts",)
    assert plan.group_properties["account"]["seats"].type == "integer"


def test_no_name_in_code_is_lost(tmp_path: Path) -> None:
    (tmp_path / "x.md").write_text("| Event |\n|-|\n| `Document Added` / `Nav: Menu opened` |\n| `track()` |\n")
    draft = draft_of_markdown(tmp_path / "x.md")
    assert [each.path[1] for each in draft.entries if each.path[0] == "events"] == [
        "Document Added",
        "Nav: Menu opened",
    ]
    assert list(draft.notes) == ["`track()` does not read as an event: left out"]


def test_types_beside_the_names_of_properties(tmp_path: Path) -> None:
    cell = "`n`: number, `m` (string), `row_count` and `y` (`a|b`), `z` (optional), toggles"
    plan = plan_of(tmp_path, f"| Event | Properties |\n|-|-|\n| `paid` | {cell} |\n")
    assert [use.name for use in plan.events["paid"].properties] == ["n", "m", "row_count", "y", "z"]
    assert [plan.properties[name].type for name in "nmy"] == ["number", "string", "string"]
    assert plan.properties["y"].values == ("a", "b")
    assert "# guess: what else is sent: toggles, z: optional" in plan.path.read_text()


def test_struck_and_second_rows(tmp_path: Path) -> None:
    rows = "| ~~old_event~~ | |\n| `paid` | one |\n| `paid` | two |\n"
    (tmp_path / "x.md").write_text(f"| Event | Description |\n|-|-|\n{rows}")
    draft = draft_of_markdown(tmp_path / "x.md")
    assert list(draft.notes) == ["`paid` is there twice: the description of its first row holds"]
    merge(tmp_path / "tracking.yaml", draft)
    plan = read_plan(tmp_path / "tracking.yaml")
    assert {name: event.status for name, event in plan.events.items()} == {"old_event": "deprecated", "paid": "planned"}


def test_slips_of_the_pen(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        """
## Phase 1: Start [ ]
**Files to modify:**
- `a.py` - one
- `a.py` - again

| Metric | Target (v1) | Goal (later) |
|---|---|---|
| Events per day | 7.4.0 | 12,500+ |
| | 5 | 6 |

| Property | Values |
|---|---|
| | x |
| `plan` | "a" / "a" |
""",
    )
    assert plan.phases["1"].files == ("a.py",)
    assert {name: metric.targets for name, metric in plan.metrics.items()} == {
        "Events per day": {"v1": 7.4, "later": 12_500}
    }
    assert plan.properties["plan"].values == ("a",)


@pytest.mark.parametrize("text", ["", "# Nothing\n", "| Event |\n", "| Event |\n|---|\n", "| a |\n|-|\n| `x` |\n"])
def test_a_file_without_a_plan_gives_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.md").write_text(text)
    assert list(draft_of_markdown(tmp_path / "x.md").entries) == []


def test_encodings(tmp_path: Path) -> None:
    table = "| Event | Description |\r\n|---|---|\r\n| `paid` | café |\r\n"
    for number, content in enumerate((table.encode("latin-1"), b"\xef\xbb\xbf" + table.encode())):
        (tmp_path / "x.md").write_bytes(content)
        merge(tmp_path / f"{number}.yaml", draft_of_markdown(tmp_path / "x.md"))
        assert read_plan(tmp_path / f"{number}.yaml").events["paid"].description == "café"
    with pytest.raises(UsageError, match="cannot be read"):
        draft_of_markdown(tmp_path / "nothing.md")
