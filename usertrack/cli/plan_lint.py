"""`usertrack plan lint`: what is wrong in the tracking plan itself."""

import typer

from usertrack.cli.common import Common
from usertrack.cli.options import with_common
from usertrack.cli.plan_options import PlanOption


@with_common
def lint(plan: PlanOption = None, *, common: Common) -> None:
    """Find what is wrong in the tracking plan itself, without code and data, and what to write instead.

    `usertrack plan lint` · `usertrack plan lint --plan growth/tracking.yaml -f json`

    Names: case and tense by the plan's own rules, two names for one meaning, ids in names. Properties: types, units and
    lists that clash, unknown ones, personal data that is not declared. Events: no owner, phase, acceptance or scope;
    funnels and segments that rest on events which are not there. Exit code 5 where there is more than a note.
    """
    from usertrack.cli.common import settings_of
    from usertrack.cli.session import emit
    from usertrack.coverage.releases import release_tags
    from usertrack.plan.finding_view import findings_document, raise_problems
    from usertrack.plan.lint import lint_plan
    from usertrack.plan.read import read_plan
    from usertrack.workspace.files import plan_path

    settings = settings_of(common)
    path = plan_path(settings, plan)
    findings = lint_plan(read_plan(path), release_tags(path.parent))
    emit(findings_document(f"usertrack plan lint · {path}", findings), settings, common)
    raise_problems(findings)


def register(plan: typer.Typer) -> None:
    plan.command()(lint)
