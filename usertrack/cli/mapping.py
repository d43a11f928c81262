"""`usertrack init --from-database`: shows what accounts and runs could be, asks, writes what was agreed."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from usertrack.cli import diagnostics, output
from usertrack.core.errors import UsageError, UsertrackError, did_you_mean
from usertrack.core.words import plural

if TYPE_CHECKING:
    from usertrack.engine.runner import Runner
    from usertrack.mapping.catalog import Catalog, Relation
    from usertrack.mapping.files import Written
    from usertrack.mapping.proposal import Labels, Proposal
    from usertrack.workspace.settings import Settings

_QUESTION = "is this right? yes, next, none, or the name of another table"
_ALWAYS_ASKED = ("accounts", "runs")  # without the others the segments are as good
_NO_MORE = "there is no other candidate: none, or the name of a table"


@dataclass
class _Dialogue:
    """Shows proposals and learns which to take: from somebody at the terminal, or the first of each."""

    runner: "Runner"
    catalog: "Catalog"
    asks: bool
    with_values: bool
    show_values: bool

    def agreed(
        self,
        name: str,
        proposals: "Sequence[Proposal]",
        other: "Callable[[Relation], Proposal]",
        why_none: str = "no table looks like it",
    ) -> "Proposal | None":
        """The proposal that is taken for the entity ``name``; None where there is no such thing."""
        waiting = list(proposals)
        proposal = waiting.pop(0) if waiting else None
        while True:
            if proposal:
                self._show(proposal)
            else:
                diagnostics.note(f"{name}: {why_none}")
            if not self.asks or not (proposals or name in _ALWAYS_ASKED):
                return proposal
            answer = diagnostics.ask(f"{name}: {_QUESTION if proposal else _NO_MORE}", "yes" if proposal else "none")
            if answer.lower() in ("y", "yes"):
                return proposal
            if answer.lower() == "none":
                return None
            if answer.lower() in ("n", "no", "next"):
                proposal = waiting.pop(0) if waiting else None
            else:
                proposal = self._named(answer, other) or proposal

    def labels(self, proposals: "Sequence[Proposal]") -> "Labels":
        """The words of the small columns of ``proposals``; none where nobody may look at values."""
        from usertrack.mapping.sampling import columns_to_sample, read_labels, sample

        columns = columns_to_sample(proposals) if self.with_values else []
        return read_labels(columns, self.runner.run([sample(*each) for each in columns]))

    def _named(self, answer: str, other: "Callable[[Relation], Proposal]") -> "Proposal | None":
        table = self.catalog.named(answer)
        if table is None:
            names = [table.label for table in self.catalog.tables.values()]
            diagnostics.hint(
                f"no table '{answer}' can be read: {did_you_mean(answer, names, 'write it with its schema')}"
            )
            return None
        try:
            proposal = other(table)
        except UsertrackError as error:
            diagnostics.hint(f"{error.message}: {error.hint}")
            return None
        if proposal.missing:
            diagnostics.hint(f"{table.label} has nothing for {', '.join(proposal.missing)}")
            return None
        return proposal

    def _show(self, proposal: "Proposal") -> None:
        from usertrack.core.table import Table
        from usertrack.mapping.preview import preview, proposal_document

        answer = self.runner.run([preview(proposal)])[0] if self.with_values else None
        if isinstance(answer, UsertrackError):
            diagnostics.note(f"its rows cannot be shown: {answer.message}")
        rows = answer if isinstance(answer, Table) else None
        output.emit(proposal_document(proposal, rows, show_values=self.show_values))


def init_from_database(
    folder: Path, *, yes: bool, with_values: bool, show_values: bool, profile: str | None = None
) -> bool:
    """Propose, ask and write. Without a terminal and without ``yes`` nothing is written, and the answer is False."""
    from usertrack.engine.connect import open_runner
    from usertrack.library.library import Library, shipped_root
    from usertrack.workspace.settings import load_settings

    options = {"profile": profile} if profile else {}
    settings = load_settings(options=options, workspace=folder if folder.is_dir() else None)
    asks = not yes and diagnostics.has_terminal()
    if not settings.has_postgres and not (settings.has_posthog and _is_alone("tables", asks=asks)):
        raise _no_database(folder, settings)
    if asks and with_values and settings.has_postgres:
        with_values = diagnostics.says_yes(_CONSENT)
    with_values = with_values and (yes or asks)
    library = Library([shipped_root() / "queries"])
    with (
        diagnostics.Progress() as progress,
        open_runner(settings, library, now=datetime.now(UTC), notify=progress, cached=False) as runner,
    ):
        progress("looking at tables", passing=True)
        catalog = _catalog(runner) if settings.has_postgres else None
        progress.stop()
        proposals = _agreed_proposals(_Dialogue(runner, catalog, asks, with_values, show_values)) if catalog else []
        _match_organizations(runner, proposals)
        roles = _agreed_roles(runner, asks=asks) if settings.has_posthog else {}
    lacks = "tables" if not catalog else "events" if not settings.has_posthog and _is_alone("events", asks=asks) else ""
    if not (yes or asks):
        files = "".join(f"tables/neon/{each.kind.name}.sql, " for each in proposals)
        diagnostics.note(f"this would write {files}usertrack.yaml and segments.yaml; add --yes to do it")
        return False
    _write(folder, proposals, roles, lacks, profile or "")
    if proposals:
        _set_thresholds(folder, proposals)
    return True


_OTHER = {"tables": ("PostHog", "Postgres"), "events": ("Postgres", "PostHog")}


def _is_alone(lacks: str, *, asks: bool) -> bool:
    """Whether the company has one source alone, and so no ``lacks``: tables or events."""
    has, other = _OTHER[lacks]
    if asks:
        return diagnostics.says_yes(f"{other} is not connected. Is all that you have in {has}?")
    diagnostics.note(f"{other} is not connected: `{lacks}: none` in usertrack.yaml says that there is none")
    return True


def _no_database(folder: Path, settings: "Settings") -> UsageError:
    from usertrack.workspace.profiles import profile_names

    hint = f"run `usertrack login`, or set DATABASE_URL, in the environment or in {folder / '.env'}"
    if names := profile_names():
        hint = f"name a profile with --profile: there is {', '.join(names)}; or {hint}"
    unread = replace(settings, root=folder).unread_env_file
    return UsageError(
        "there is no database to look into", "; ".join(filter(None, [f"{hint}; a role with SELECT is best", unread]))
    )


_CONSENT = (
    "May usertrack read a sample of small columns such as a status, and five rows of what it proposes? It shows them "
    "masked, and keeps nothing"
)


def _catalog(runner: "Runner") -> "Catalog":
    from usertrack.mapping.catalog import read_catalog, statements

    answers = runner.run(statements())
    tables = []
    for answer in answers:
        if isinstance(answer, UsertrackError):
            raise answer
        tables.append(answer.rows)
    catalog = read_catalog(*tables)
    diagnostics.note(f"this role may read {plural(len(catalog.tables), 'table or view', 'tables and views')}")
    if catalog.refused:
        named = ", ".join(catalog.refused[:5]) + (", …" if len(catalog.refused) > 5 else "")
        diagnostics.note(f"{plural(len(catalog.refused), 'table')} may not be read, and are left out: {named}")
    return catalog


def _agreed_proposals(dialogue: _Dialogue) -> "list[Proposal]":
    from usertrack.library.entities import KINDS
    from usertrack.mapping.accounts import account_proposal, account_proposals
    from usertrack.mapping.activity import activity_proposals, proposal_for
    from usertrack.mapping.sampling import CANDIDATES

    catalog = dialogue.catalog
    candidates = account_proposals(catalog)
    labels = dialogue.labels(candidates[:2])
    candidates = account_proposals(catalog, labels)
    accounts = dialogue.agreed("accounts", candidates, partial(account_proposal, catalog, labels=labels))
    if accounts is None:
        raise _no_accounts(catalog)
    best = activity_proposals(catalog, accounts.table)
    labels = dialogue.labels([proposal for each in best.values() for proposal in each[:CANDIDATES]])
    best = activity_proposals(catalog, accounts.table, labels)
    agreed = [accounts]
    for name, proposals in best.items():
        untaken = [each for each in proposals if all(each.table is not other.table for other in agreed)]
        read_as = partial(proposal_for, KINDS[name], catalog, accounts=accounts.table, labels=labels)
        proposal = dialogue.agreed(name, untaken, read_as, _why_none(name, catalog, accounts.table))
        agreed += [proposal] if proposal else []
    return agreed


def _match_organizations(runner: "Runner", proposals: "Sequence[Proposal]") -> None:
    """Spell the organizations of accounts as PostHog's groups are called, and say what is left to somebody."""
    from usertrack.core.table import Table
    from usertrack.mapping.groups import groups_asked, spell_organizations, spellings_asked

    accounts = next((each for each in proposals if each.organizations), None)
    if accounts is None or accounts.organizations is None:
        return
    groups = runner.run([groups_asked(runner.library.fragments("posthog")["organization"].sql)])[0]
    names = [str(row[0]) for row in groups.rows] if isinstance(groups, Table) else []
    counts = runner.run([spellings_asked(accounts.organizations, names)])[0]
    if isinstance(counts, Table):
        for note in spell_organizations(accounts, names, [int(count) for count in counts.rows[0]]):
            diagnostics.note(note)


def _why_none(name: str, catalog: "Catalog", accounts: "Relation") -> str:
    from usertrack.mapping.activity import without_way

    near = without_way(name, catalog, accounts)
    return (
        f"{near.label} looks like it, but nothing in it leads to {accounts.label}" if near else "no table looks like it"
    )


def _no_accounts(catalog: "Catalog") -> UsageError:
    from usertrack.mapping.accounts import nearest_account

    nearest = nearest_account(catalog)
    near = (
        f"; {nearest.table.label} has nothing for {', '.join(nearest.missing)}" if nearest and nearest.missing else ""
    )
    return UsageError(
        f"no accounts: everything else is about them{near}",
        "a table needs an id, an e-mail (its own, or in a table beside it) and the time of sign-up; name yours on a "
        "terminal, or write tables/neon/accounts.sql by hand",
    )


def _agreed_roles(runner: "Runner", *, asks: bool) -> dict[str, str]:
    """The events of PostHog that have another name than the usual one, as agreed."""
    from usertrack.core.table import Table
    from usertrack.mapping.events import proposed_roles, roles_document

    answer = runner.run([runner.bind("posthog/event_names")])[0]
    if not isinstance(answer, Table):
        diagnostics.note(f"events are left as they are: {answer.message}")
        return {}
    names = [str(row[0]) for row in answer.rows]
    roles = proposed_roles(names)
    if not roles:
        return {}
    output.emit(roles_document(roles, names))
    return roles if not asks or diagnostics.says_yes("events: is this right?") else {}


def _write(folder: Path, proposals: "Sequence[Proposal]", roles: "Mapping[str, str]", lacks: str, profile: str) -> None:
    """Write what was agreed on; ``lacks`` is events or tables, where the company has none at all.

    From then on the workspace uses ``profile``, unless it names another one.
    """
    from usertrack.mapping.files import (
        absent_entities,
        add_absent,
        add_events,
        add_labels,
        add_none,
        take_none_away,
        write_entities,
    )
    from usertrack.mapping.labels import guessed_labels
    from usertrack.workspace.folder import FILE_NAME
    from usertrack.workspace.scaffold import create_workspace

    created = create_workspace(folder)
    written = write_entities(folder, proposals)
    settings_file = folder / FILE_NAME
    if profile:
        text = settings_file.read_text()
        settings_file.write_text(
            re.sub(r"^# profile: \S+", f"profile: {json.dumps(profile)}", text, count=1, flags=re.M)
        )
    for key in {*_OTHER} - {lacks}:
        take_none_away(settings_file, key)
    if labels := guessed_labels(proposals):
        written.append(add_labels(settings_file, labels))
        if written[-1].outcome == "written":
            words = ", ".join(f"{name}: {label}" for name, label in labels.items())
            diagnostics.note(f"`labels` in usertrack.yaml are guessed from the names of your tables: {words}")
    if proposals:
        written.append(add_absent(settings_file, absent_entities(folder)))
    if roles:
        written.append(add_events(settings_file, roles))
    if lacks:
        written.append(add_none(settings_file, lacks, _OTHER[lacks][1]))
    for path in created:
        if path.name != "segments.yaml":  # which gets its thresholds now
            diagnostics.note(f"wrote {path}")
    for each in written:
        if each.path not in created:
            _say(each)


def _say(written: "Written") -> None:
    if written.outcome == "left":
        diagnostics.note(f"left {written.path} as it is: it differs from what would be written")
    else:
        diagnostics.note(f"{'wrote' if written.outcome == 'written' else 'unchanged:'} {written.path}")


def _set_thresholds(folder: Path, proposals: "Sequence[Proposal]") -> None:
    """Write segments.yaml with thresholds from the company's own numbers, where nobody has edited it."""
    from usertrack.core.table import Table
    from usertrack.engine.connect import open_runner
    from usertrack.library.library import shipped_root
    from usertrack.mapping.files import write_new
    from usertrack.mapping.thresholds import (
        statements,
        thresholds,
        unmapped_facts,
        with_thresholds,
        without_expansion,
        without_facts,
    )
    from usertrack.workspace.files import library_of
    from usertrack.workspace.settings import load_settings

    settings = load_settings(workspace=folder)
    library = library_of(settings)
    mapped = [f"{each.kind.name}.{name}" for each in proposals for name, _ in each.select.columns]
    queries = statements(library, mapped)
    with (
        diagnostics.Progress() as progress,
        open_runner(settings, library, now=datetime.now(UTC), notify=progress, cached=False) as runner,
    ):
        progress("looking at how your numbers are distributed", passing=True)
        answers = runner.run(list(queries.values()))
        numbers = {
            name: dict(zip((column.name for column in answer.columns), answer.rows[0], strict=True))
            for name, answer in zip(queries, answers, strict=True)
            if isinstance(answer, Table)
        }
    shipped = (shipped_root() / "segments.yaml").read_text(encoding="utf-8")
    text = without_facts(with_thresholds(shipped, thresholds(numbers)), unmapped_facts(library))
    if any(each.has_shared_plan for each in proposals):
        text = without_expansion(text)
    _say(write_new(folder / "segments.yaml", text, replaceable=shipped))
