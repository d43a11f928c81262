"""Commands about people: segments, explain, user, match."""

from typing import Annotated

import typer

from usertrack.cli import complete
from usertrack.cli.common import Common
from usertrack.cli.options import AllMembers, AnySetName, By, Limit, Pseudonyms, subject_of, with_common

_PANEL = "People"
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The person's e-mail.", show_default=False)]


@with_common
def segments(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...", help="Only these segments, by id or name.", autocompletion=complete.segments_of_set
        ),
    ] = None,
    by: By = None,
    set_name: AnySetName = None,
    all_members: AllMembers = False,
    undecided: Annotated[
        bool,
        typer.Option("--undecided", help="List people who are undecided because a fact is unknown."),
    ] = False,
    limit: Limit = None,
    pseudonyms: Pseudonyms = False,
    *,
    common: Common,
) -> None:
    """Whom to talk to, about what, and why.

    `usertrack segments` · all segments, most urgent people first

    `usertrack segments failing power --limit 0` · all people to act on in two segments

    `usertrack segments power --all-members` · also people who are in a more urgent segment

    `usertrack segments --set lifecycle -o people.xlsx` · another set, as a spreadsheet

    `usertrack segments --by organization` · companies instead of people
    """
    from usertrack.checks.matches import NO_INTERNAL
    from usertrack.cli import diagnostics
    from usertrack.cli.session import open_session
    from usertrack.segments.classify import classify
    from usertrack.segments.history.notes import segment_changes
    from usertrack.segments.history.transitions import record_and_compare
    from usertrack.segments.view import segments_document, undecided_document

    with open_session(common) as session:
        rules = session.rules(subject_of(by))
        segment_set = rules.set_or_usual(set_name)
        only = rules.require(segment_set, names or [])
        profiles = session.profiles(rules, last=True)
        profiles.note(segment_set.left_out_note)
        classification = classify(profiles, segment_set)
        zone = session.settings["timezone"]
        moves = record_and_compare(classification, session.history(), session.runner.now)
        since = segment_changes(moves, zone) if moves else None
        if undecided:
            document = undecided_document(classification, only, zone)
        else:
            document = segments_document(classification, only, zone, limit, since, all_members=all_members)
        session.emit(session.pseudonymised(document) if pseudonyms else document, limit)
        if not session.settings.names_own_people:
            diagnostics.note("; ".join(NO_INTERNAL))


@with_common
def explain(email: Email, by: By = None, set_name: AnySetName = None, *, common: Common) -> None:
    """Explain why a person is, or is not, in each segment, and what would change that.

    `usertrack explain lena@northwind.example`

    `usertrack explain northwind --by organization` · the same of a company
    """
    from usertrack.cli.session import open_session
    from usertrack.segments.explain import explain as explain_person
    from usertrack.segments.explain_view import explain_document

    with open_session(common) as session:
        rules = session.rules(subject_of(by))
        profiles = session.profile_of(rules, email)
        explanation = explain_person(profiles, rules.set_or_usual(set_name), email)
        session.emit(explain_document(profiles, explanation, session.settings["timezone"]))


@with_common
def user(email: Email, limit: Limit = None, *, common: Common) -> None:
    """Show all that is known about one person: account, segments, activity, tools, failures, sessions, timeline.

    `usertrack user lena@northwind.example`

    `usertrack user lena@northwind.example -o lena.md`
    """
    from usertrack.cli.session import open_session
    from usertrack.reports.dossier import dossier
    from usertrack.reports.dossier_view import person_document

    with open_session(common) as session:
        person = dossier(session.runner, session.profile_of(session.rules(), email), email)
        session.incomplete = session.incomplete or bool(person.missing)
        session.emit(person_document(person, session.settings["timezone"]), limit)


@with_common
def match(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="[KIND]",
            help="Only one kind: ambiguous, posthog_only, postgres_only, internal, opted_out or deleted.",
            autocompletion=complete.kinds,
        ),
    ] = None,
    limit: Limit = None,
    *,
    common: Common,
) -> None:
    """How people match between PostHog and Postgres: who is in only one, and whose e-mail is ambiguous.

    `usertrack match` · `usertrack match ambiguous -f csv`
    """
    from usertrack.cli.session import open_session
    from usertrack.segments.match_view import match_document, require_kind

    require_kind(kind)
    with open_session(common) as session:
        profiles = session.profiles(session.rules(), last=True)
        session.emit(match_document(profiles, kind, session.settings["timezone"], limit), limit)


def register(app: typer.Typer) -> None:
    for command in (segments, explain, user, match):
        app.command(rich_help_panel=_PANEL)(command)
