"""Names that are nearly the same, and patterns."""

import pytest

from usertrack.coverage.names import near
from usertrack.plan.model import matches


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("report_export", "report_exported"),
        ("chart_interaction", "chart_interacted"),
        ("Report Exported", "report_exported"),
        ("reportExported", "report_exported"),
        ("exported_report", "report_exported"),
        ("repo_synced", "repos_synced"),
        ("integation_connected", "integration_connected"),
        ("Lnk Viewed", "Link Viewed"),
        ("Add Seat lCicked", "Add Seat Clicked"),
        ("builderblock.duplicated", "builder.block.duplicated"),
    ],
)
def test_nearly_the_same(name: str, other: str) -> None:
    assert near(name, ["page_left", other]) == [other]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("integration_disconnected", "integration_connected"),
        ("trial_started", "trial_ended"),
        ("signed_in", "signed_up"),
        ("step_1", "step_2"),
        ("onboarding_step_1", "onboarding_step_2"),
        ("onboarding_step_1", "onboarding_step_11"),
        ("item_imported", "item_exported"),
        ("user_unmuted", "user_muted"),
        ("report_exported", "report_exported"),
        ("!!!", "???"),
    ],
)
def test_not_the_same(name: str, other: str) -> None:
    assert near(name, [other]) == []


def test_the_most_similar_first() -> None:
    assert near("report_export", ["reports_exporting", "report_exported"]) == ["report_exported", "reports_exporting"]


def test_a_star_stands_for_any_text_and_all_else_for_itself() -> None:
    assert matches("command_*", "command_run_now")
    assert matches("[a]? *", "[a]? b\nc")
    assert not matches("command_*", "a_command_run")
    assert not matches("a.c", "abc")
