"""`usertrack init --from-database`: shows what accounts and runs could be, asks, writes what was agreed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from usertrack.cli import diagnostics, output
from usertrack.core.errors import UsageError, UsertrackError, did_you_mean
from usertrack.core.source_names import TABLES
from usertrack.core.words import people_words, plural

if TYPE_CHECKING:
    from usertrack.engine.runner import Runner
    from usertrack.library.query import Statement
    from usertrack.mapping.catalog import Catalog
    from usertrack.mapping.events import EventCount
    from usertrack.mapping.files import Written
    from usertrack.mapping.proposal import Labels, Proposal
    from usertrack.workspace.settings import Settings

_QUESTION = "is this right? yes, next, none, a table by number or name, or PART=[TABLE.]COLUMN"
_ALWAYS_ASKED = ("accounts", "runs")  # without the others the segments are as good
_NO_MORE = "there is no other candidate: none, or the name of a table"
_ASKED = {  # columns that are asked for where they are not found, and the families of those that they could be
    "account_id": ("number", "uuid", "text"),
    "email": ("text",),
    "signed_up_at": ("time", "number"),
    "at": ("time", "number"),
    "status": ("text", "number", "bool"),
}


@dataclass(frozen=True)
class Wishes:
    """The options of `init --from-database`."""

    yes: bool
    with_values: bool
    show_values: bool
    fit: bool = False
    runs: str | None = None


@dataclass
class _Dialogue:
    """Shows proposals and learns which to take: from somebody at the terminal, or the first of each."""

    runner: "Runner"
    catalog: "Catalog"
    asks: bool
    with_values: bool
    shows_rows: bool
    show_values: bool

    def agreed(
        self,
        name: str,
        proposals: "Sequence[Proposal]",
        other: "Callable[..., Proposal]",
        why_none: str = "no table looks like it",
    ) -> "Proposal | None":
        """The proposal that is taken for the entity ``name``; None where there is no such thing."""
        from usertrack.mapping.preview import RANKED, ranking_document

        waiting = list(proposals)
        proposal = waiting.pop(0) if waiting else None
        if waiting and name in _ALWAYS_ASKED:
            output.emit(ranking_document(name, proposals))
        shown = None
        while True:
            if proposal:
                # a column that was refused is not asked for again
                proposal = shown = proposal if proposal is shown else self.completed(proposal, other)
                self._show(proposal)
            else:
                diagnostics.note(f"{name}: {'no other table looks like it' if shown else why_none}")
            if not self.asks or not (proposals or name in _ALWAYS_ASKED):
                return proposal
            answer = diagnostics.ask(f"{name}: {_QUESTION if proposal else _NO_MORE}", "yes" if proposal else "none")
            if answer.lower() in ("y", "yes"):
                return proposal
            if answer.lower() == "none":
                return None
            if answer.lower() in ("n", "no", "next"):
                proposal = waiting.pop(0) if waiting else None
            elif answer.isdecimal() and 0 < int(answer) <= len(proposals[:RANKED]):
                proposal = proposals[int(answer) - 1]
            elif proposal and "=" in answer:
                proposal = self._with_part(proposal, answer, other)
            else:
                proposal = self._named(answer, other) or proposal

    def choice(self, question: str, choices: "Sequence[str]") -> int:
        """The number of one of ``choices`` that somebody at the terminal takes, 0 for none."""
        for number, text in enumerate(choices, 1):
            diagnostics.note(f"  {number}  {text}")
        while True:
            answer = diagnostics.ask(f"{question} 1 to {len(choices)}, or none", "none").lower()
            if answer == "none":
                return 0
            if answer.isdecimal() and 0 < int(answer) <= len(choices):
                return int(answer)

    def completed(self, proposal: "Proposal", other: "Callable[..., Proposal]") -> "Proposal":
        """``proposal`` with the columns that were not found and that somebody at the terminal names."""
        from usertrack.mapping.corrections import near_columns, set_part

        for part in [part for part in proposal.not_found if self.asks and part.name in _ASKED]:
            families, table = _ASKED[part.name], proposal.table
            own = [column for column in table.columns if column.family in families and column.name != table.primary]
            columns = {column.name: column for column in own} | near_columns(proposal, self.catalog, part.name)
            if not columns:
                continue
            leads = part.name == "account_id" and proposal.kind.name != "accounts"
            if leads:
                diagnostics.note(f"nothing in {table.label} leads to an account")
            question = f"{table.label}: which column is {part.name} ({part.about})?"
            number = self.choice(question, [f"{name} ({column.type})" for name, column in columns.items()])
            if leads and not number:
                return proposal
            if number:
                name, column = [*columns.items()][number - 1]
                if leads:
                    return self.completed(other(table, owner=column), other)
                set_part(proposal, self.catalog, part.name, name)
        if proposal.missing == [proposal.kind.status]:  # of a table that somebody named
            proposal.select.add(proposal.kind.status, "NULL::text")
            proposal.notes.append("nothing says how a row ended: all of them count, and none as finished or failed")
        return proposal

    def _with_part(self, proposal: "Proposal", answer: str, other: "Callable[..., Proposal]") -> "Proposal":
        """Return ``proposal`` with a part read from another column, as ``answer`` says: ``email=contact_mail``.

        A number is one of the columns that were shown beside it.
        """
        from usertrack.mapping.corrections import near_columns, set_part

        name, _, value = map(str.strip, answer.partition("="))
        column = proposal.table.by_name.get(value)
        if name == "account_id" and proposal.kind.name not in ("accounts", "events") and column:
            return other(proposal.table, owner=column)
        near = [*near_columns(proposal, self.catalog, name)]
        value = near[int(value) - 1] if value.isdecimal() and 0 < int(value) <= len(near) else value
        try:
            set_part(proposal, self.catalog, name, value)
        except UsageError as error:
            diagnostics.hint(f"{error.message}: {error.hint}")
        return proposal

    def labels(self, proposals: "Sequence[Proposal]") -> "Labels":
        """The words of the small columns of ``proposals``; none where nobody may look at values."""
        from usertrack.mapping.sampling import columns_to_sample, read_labels, sample

        columns = columns_to_sample(proposals) if self.with_values else []
        return read_labels(columns, self.runner.run([sample(*column) for column in columns]))

    def _named(self, answer: str, other: "Callable[..., Proposal]") -> "Proposal | None":
        from usertrack.mapping.catalog import named_table

        try:
            proposal = self.completed(other(named_table(self.catalog, answer)), other)
        except UsertrackError as error:
            diagnostics.hint(f"{error.message}: {error.hint}")
            return None
        if proposal.missing:
            diagnostics.hint(f"{proposal.table.label} has nothing for {', '.join(proposal.missing)}")
            return None
        return proposal

    def _show(self, proposal: "Proposal") -> None:
        from usertrack.core.table import Table
        from usertrack.mapping.corrections import near_columns
        from usertrack.mapping.preview import judge_reach, preview, proposal_document, reach

        for counts in self.runner.run(reach(proposal)):
            if isinstance(counts, Table):
                judge_reach(proposal, *counts.rows[0])
        answer = self.runner.run([preview(proposal)])[0] if self.shows_rows else None
        if isinstance(answer, UsertrackError):
            diagnostics.note(f"its rows cannot be shown: {answer.message}")
        rows = answer if isinstance(answer, Table) else None
        open_parts = proposal.kind.columns if self.asks and proposal.confidence != "high" else ()
        near = {part.name: [*near_columns(proposal, self.catalog, part.name)] for part in open_parts}
        output.emit(proposal_document(proposal, rows, near, show_values=self.show_values))


def init_from_database(folder: Path, wishes: Wishes, profile: str | None = None) -> bool:
    """Propose, ask and write. Without a terminal and without ``yes`` nothing is written, and the answer is False."""
    from usertrack.cli.own_domains import own_domains
    from usertrack.engine.connect import open_runner
    from usertrack.library.events import EVENTS
    from usertrack.library.library import Library, shipped_root
    from usertrack.mapping.files import add_internal
    from usertrack.mapping.own_events import own_events_counted
    from usertrack.workspace.folder import FILE_NAME
    from usertrack.workspace.settings import load_settings

    options = {"profile": profile} if profile else {}
    settings = load_settings(options=options, workspace=folder if folder.is_dir() else None)
    asks = not wishes.yes and diagnostics.has_terminal()
    if not settings.has_postgres and not (settings.has_posthog and _is_alone("tables", asks=asks)):
        raise _no_database(folder, settings)
    with_values = wishes.with_values
    if asks and with_values and settings.has_postgres:
        with_values = diagnostics.says_yes(_CONSENT)
    # without PostHog no events are asked for: own ones would be copied before it is known where to
    library = Library([shipped_root() / "queries"], absent=() if settings.has_posthog else (EVENTS,))
    with (
        diagnostics.Progress() as progress,
        open_runner(settings, library, now=datetime.now(UTC), notify=progress, cached=False) as runner,
    ):
        progress("looking at tables", passing=True)
        catalog = _catalog(runner) if settings.has_postgres else None
        progress.stop()
        found = _Found()
        if catalog:
            shows_rows = with_values and (wishes.yes or asks)
            dialogue = _Dialogue(runner, catalog, asks, with_values, shows_rows, wishes.show_values)
            _find_entities(dialogue, found, wishes.runs)
            _set_zones(dialogue, found.proposals)
            _match_organizations(runner, found.proposals)
        own = own_events_counted(catalog, found.proposals) if catalog else None
        if asked := runner.bind("posthog/event_people") if settings.has_posthog else own:
            _find_events(runner, found, asked, asks=asks)
        internal = own_domains(runner, found.proposals if with_values else [], asks=asks)
    lacks = "tables" if not catalog else "events" if not asked and _is_alone("events", asks=asks) else ""
    if not (wishes.yes or asks):
        files = "".join(f"{TABLES}/{proposal.kind.name}.sql, " for proposal in found.proposals)
        diagnostics.note(f"this would write {files}usertrack.yaml and segments.yaml; add --yes to do it")
        return False
    _write(folder, found, lacks, profile or "")
    add_internal(folder / FILE_NAME, internal)
    if catalog and all(proposal.kind.name != "accounts" for proposal in found.proposals):
        raise _no_accounts(folder, found)
    _write_segments(folder, found, asks=asks, fit=wishes.fit)
    for draft in found.drafts:
        path = folder / TABLES / f"{draft.kind.name}.sql"
        diagnostics.note(
            f"next: {draft.kind.name} lack {', '.join(draft.missing)}: fill in {path}.draft, name it {path.name}, "
            f"and take `{draft.kind.name}: none` out of usertrack.yaml"
        )
    if catalog and not wishes.fit:
        diagnostics.note("next: `usertrack init --from-database --fit` shows thresholds that fit your own numbers")
    if len(found.proposals) < 2 and not found.events:
        diagnostics.note("next: nothing says what people do; `--runs TABLE` names the table of what they run")
        return False
    return True


@dataclass
class _Found:
    """The entities and events that were agreed on, and ``drafts`` of entities that lack a needed column."""

    proposals: "list[Proposal]" = field(default_factory=list)
    drafts: "list[Proposal]" = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)
    events: "list[EventCount]" = field(default_factory=list)


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
    from usertrack.core.table import Table
    from usertrack.mapping.catalog import counts_asked, read_catalog, statements, with_counts

    answers = runner.run(statements())
    tables = []
    for answer in answers:
        if isinstance(answer, UsertrackError):
            raise answer
        tables.append(answer.rows)
    catalog = read_catalog(*tables)
    for counts in runner.run(counts_asked(catalog)):
        catalog = with_counts(catalog, counts.rows) if isinstance(counts, Table) else catalog
    diagnostics.note(f"this role may read {plural(len(catalog.tables), 'table or view', 'tables and views')}")
    if catalog.refused:
        named = ", ".join(catalog.refused[:5]) + (", …" if len(catalog.refused) > 5 else "")
        diagnostics.note(f"{plural(len(catalog.refused), 'table')} may not be read, and are left out: {named}")
    return catalog


def _find_entities(dialogue: _Dialogue, found: _Found, runs: str | None) -> None:
    """Add what is agreed on for each entity; ``runs`` names the table of those."""
    from usertrack.library.entities import KINDS
    from usertrack.mapping.accounts import (
        NO_ACCOUNTS,
        account_proposal,
        account_proposals,
        nearest_account,
        without_one_key,
    )
    from usertrack.mapping.activity import activity_proposals, proposal_for, without_way
    from usertrack.mapping.catalog import named_table
    from usertrack.mapping.own_events import event_proposal, event_proposals
    from usertrack.mapping.sampling import CANDIDATES

    catalog = dialogue.catalog
    of_runs = named_table(catalog, runs) if runs else None
    candidates = account_proposals(catalog)
    labels = dialogue.labels(candidates[:2])
    nearest = nearest_account(catalog)
    candidates = account_proposals(catalog, labels) or ([nearest] if nearest and dialogue.asks else [])
    accounts = dialogue.agreed("accounts", candidates, partial(account_proposal, catalog, labels=labels))
    if accounts is None:
        if several := without_one_key(catalog):
            diagnostics.note(several)
        found.drafts += [nearest] if nearest else []
        # the others are written all the same: they count as soon as the accounts are filled in
        users = nearest.table if nearest else NO_ACCOUNTS
    else:
        found.proposals.append(accounts)
        users = accounts.table
    if candidates := event_proposals(catalog, users):
        agreed = dialogue.agreed("events", candidates, partial(event_proposal, accounts=users))
        found.proposals += [agreed] if agreed else []
    best = activity_proposals(catalog, users)
    if of_runs:
        best["runs"] = [proposal_for(KINDS["runs"], catalog, of_runs, users, {})]
    labels = dialogue.labels([proposal for ranking in best.values() for proposal in ranking[:CANDIDATES]])
    best = activity_proposals(catalog, users, labels)
    if of_runs:
        best["runs"] = [proposal_for(KINDS["runs"], catalog, of_runs, users, labels)]
    for name, proposals in best.items():
        taken = [proposal.table for proposal in found.proposals]
        untaken = [proposal for proposal in proposals if all(proposal.table is not table for table in taken)]
        read_as = partial(proposal_for, KINDS[name], catalog, accounts=users, labels=labels)
        near = without_way(name, catalog, users)
        why_none = f"{near.label} looks like it, but nothing in it leads to {users.label}" if near else ""
        if near and not untaken and name in _ALWAYS_ASKED:
            nearest = dialogue.completed(read_as(near), read_as)
            if nearest.missing:
                found.drafts.append(nearest)
            else:
                untaken = [nearest]
        proposal = dialogue.agreed(name, untaken, read_as, why_none or "no table looks like it")
        if proposal and proposal.is_empty and name == "runs" and not (dialogue.asks or of_runs):
            # everybody would be somebody who never ran anything
            label = proposal.table.label
            diagnostics.note(f"runs: {label} is empty, and left out; `--runs {label}` takes it all the same")
        elif proposal:
            found.proposals.append(proposal)
            found.drafts = [draft for draft in found.drafts if draft.kind != proposal.kind]


def _set_zones(dialogue: _Dialogue, proposals: "Sequence[Proposal]") -> None:
    """Set the timezone of the proposals whose times have none, in a database that is not in UTC."""
    from usertrack.library.entities import UNKNOWN_ZONE
    from usertrack.mapping.zones import doubt, newest_asked

    asked = [
        (proposal, statement)
        for proposal in proposals
        if (statement := newest_asked(proposal.kind, proposal.sql, (name for name, _ in proposal.select.columns)))
    ]
    for (proposal, _), answer in zip(asked, dialogue.runner.run([statement for _, statement in asked]), strict=True):
        if not (known := doubt(answer)):
            continue
        diagnostics.note(f"{proposal.kind.name}: {known.text}")
        proposal.timezone = known.zone if known.is_settled else UNKNOWN_ZONE
        if dialogue.asks:
            number = dialogue.choice(f"{proposal.kind.name}: of which timezone are they?", (known.zone, "UTC"))
            proposal.timezone = (UNKNOWN_ZONE, known.zone, "UTC")[number]
        if proposal.timezone == UNKNOWN_ZONE:
            diagnostics.note(
                f"next: say which it is, `timezone:` in {TABLES}/{proposal.kind.name}.sql; until then it is UTC"
            )


def _match_organizations(runner: "Runner", proposals: "Sequence[Proposal]") -> None:
    """Spell the organizations of accounts as PostHog's groups are called, and say what is left to somebody."""
    from usertrack.core.table import Table
    from usertrack.mapping.groups import groups_asked, spell_organizations, spellings_asked

    accounts = next((proposal for proposal in proposals if proposal.organizations), None)
    if accounts is None or accounts.organizations is None:
        return
    groups = runner.run([groups_asked(runner.library.fragments("posthog")["organization"].sql)])[0]
    names = [str(row[0]) for row in groups.rows] if isinstance(groups, Table) else []
    counts = runner.run([spellings_asked(accounts.organizations, names)])[0]
    if isinstance(counts, Table):
        for note in spell_organizations(accounts, names, [int(count) for count in counts.rows[0]]):
            diagnostics.note(note)


def _no_accounts(folder: Path, found: _Found) -> UsageError:
    draft = next((draft for draft in found.drafts if draft.kind.name == "accounts"), None)
    near = f"; {draft.table.label} has nothing for {', '.join(draft.missing)}" if draft else ""
    path = folder / TABLES / "accounts.sql"
    next_step = f"fill in {path}.draft and name it {path.name}" if draft else f"write {path} by hand"
    return UsageError(
        f"no accounts: everything else is about them{near}",
        f"{next_step}, and take `accounts: none` out of usertrack.yaml; on a terminal, you are asked for the table",
    )


def _find_events(runner: "Runner", found: _Found, asked: "Statement", *, asks: bool) -> None:
    """Add the events that ``asked`` counts, and those that have another name than the usual one, as agreed."""
    from usertrack.core.table import Table
    from usertrack.mapping.events import EventCount, proposed_roles, roles_document

    answer = runner.run([asked])[0]
    if not isinstance(answer, Table):
        diagnostics.note(f"events are left as they are: {answer.message}")
        return
    found.events = [EventCount(str(name), events, people, usual) for name, events, people, usual in answer.rows]
    if not (roles := proposed_roles(found.events)):
        return
    output.emit(roles_document(roles, found.events))
    found.roles = roles
    if asks and not diagnostics.says_yes("events: is this right?"):
        found.roles = _asked_roles(roles, found.events)
        output.emit(roles_document(found.roles, found.events))


_EVENTS_SHOWN = 15  # the own events of most people, so that they fit on a screen with the question


def _asked_roles(roles: "Mapping[str, str]", events: "Sequence[EventCount]") -> dict[str, str]:
    """The event of each role as somebody at the terminal gives it: by its number or its name, or none."""
    from usertrack.library.events import NONE, ROLES
    from usertrack.mapping.events import escaped

    names = [count.name for count in events]
    shown = [count for count in events if not count.name.startswith("$")][:_EVENTS_SHOWN]
    for number, count in enumerate(shown, 1):
        diagnostics.note(f"  {number}  {count.name} ({people_words(count.people)}, {plural(count.events, 'time')})")
    answers: dict[str, str] = {}
    for role, about in ROLES.items():
        usual = roles.get(role, about.default)
        while role not in answers:
            reply = diagnostics.ask(f"{role} ({about.about}): a number, the name of an event, or - for none", usual)
            if reply.isdecimal() and 0 < int(reply) <= len(shown):
                answers[role] = escaped(shown[int(reply) - 1].name)
            elif reply in ("-", NONE, usual):
                answers[role] = usual if reply == usual else NONE
            elif reply in names:
                answers[role] = escaped(reply)
            else:
                diagnostics.hint(f"there is no event '{reply}': {did_you_mean(reply, names, 'take a number')}")
    return answers


def _write(folder: Path, found: _Found, lacks: str, profile: str) -> None:
    """Write what was agreed on; ``lacks`` is events or tables, where the company has none at all.

    From then on the workspace uses ``profile``, unless it names another one.
    """
    from usertrack.library.entities import KINDS
    from usertrack.library.events import NONE
    from usertrack.mapping import files
    from usertrack.mapping.events import funnels_text, set_copies
    from usertrack.mapping.labels import guessed_labels
    from usertrack.workspace.folder import FILE_NAME
    from usertrack.workspace.scaffold import FUNNELS, create_workspace, use_profile

    created = create_workspace(folder)
    set_copies(found.proposals, found.events)
    written = files.write_entities(folder, found.proposals, found.drafts)
    settings_file = folder / FILE_NAME
    if profile:
        use_profile(folder, profile)
    for key in {*_OTHER} - {lacks}:
        files.take_none_away(settings_file, key)
    connect_event = found.roles.get("connect_clicked", NONE)
    if labels := guessed_labels(found.proposals, connect_event * (connect_event != NONE)):
        written.append(files.add_section(settings_file, "labels", labels))
        if written[-1].outcome == "written":
            words = ", ".join(f"{name}: {label}" for name, label in labels.items())
            diagnostics.note(f"`labels` in usertrack.yaml are guessed from the names of your tables: {words}")
    if found.proposals or found.drafts:
        absent = [name for name in KINDS if not (folder / TABLES / f"{name}.sql").exists()]
        written.append(files.add_section(settings_file, "tables", dict.fromkeys(absent, NONE)))
    if found.roles:
        written.append(files.add_section(settings_file, "events", found.roles))
    if found.events:
        text = funnels_text(found.roles, found.events)
        written.append(files.write_new(folder / "funnels.yaml", text, replaceable=[FUNNELS]))
    if lacks:
        written.append(files.add_none(settings_file, lacks, _OTHER[lacks][1]))
    changed = dict.fromkeys([*created, *(file.path for file in written if file.outcome == "written")])
    changed.pop(folder / "segments.yaml", None)  # which gets its rules now
    for file in [*(files.Written(path, "written") for path in changed), *(w for w in written if w.outcome == "left")]:
        _say(file)
    for path in dict.fromkeys(file.path for file in written if file.outcome == "unchanged"):
        if path not in changed:
            _say(files.Written(path, "unchanged"))


def _say(written: "Written") -> None:
    if written.outcome == "left":
        diagnostics.note(f"left {written.path} as it is: it differs from what would be written")
    else:
        diagnostics.note(f"{'wrote' if written.outcome == 'written' else 'unchanged:'} {written.path}")


def _write_segments(folder: Path, found: _Found, *, asks: bool, fit: bool) -> None:
    """Write segments.yaml: the rules as shipped for what is known here, and segments by the company's key action.

    With ``fit``, thresholds that fit the company's own numbers are shown, and taken once somebody agrees.
    """
    from usertrack.core.document import Document, Listing
    from usertrack.core.table import Table
    from usertrack.engine.connect import open_runner
    from usertrack.mapping import thresholds
    from usertrack.mapping.events import with_usage
    from usertrack.mapping.files import Written
    from usertrack.workspace.files import library_of
    from usertrack.workspace.scaffold import own_segments
    from usertrack.workspace.settings import load_settings

    path, new = folder / "segments.yaml", own_segments()
    now = path.read_text(encoding="utf-8")
    own = thresholds.keyed_by_account(new) if any("email" in proposal.missing for proposal in found.proposals) else new
    if now == new:
        path.write_text(own, encoding="utf-8")  # the key says which columns accounts need
    if found.proposals:
        own = thresholds.without_facts(own, thresholds.unmapped_facts(library_of(load_settings(workspace=folder))))
    if any(proposal.has_shared_plan for proposal in found.proposals):
        own = thresholds.without_expansion(own)
    text = with_usage(own if now == new else now, found.roles, found.events)
    if text != now:
        path.write_text(text, encoding="utf-8")
    is_edited = now not in (new, own, with_usage(own, found.roles, found.events))
    _say(Written(path, "written" if text != now else "left" if is_edited else "unchanged"))
    for segment, _, rule in thresholds.changed_rules(new, text) if now == new else ():
        diagnostics.note(f"{segment} goes without what is not known of accounts: {rule or 'it is left out'}")
    if text == now and not fit:
        return
    settings = load_settings(workspace=folder)
    with (
        diagnostics.Progress() as progress,
        open_runner(settings, library_of(settings), now=datetime.now(UTC), notify=progress, cached=False) as runner,
    ):
        if "\n  usage:" in text and "\n  usage:" not in now:
            people = thresholds.people_in(runner, [text])[0]
            counts = [
                f"{people_words(count)} in {name.partition('.')[2]}"
                for name, count in people.items()
                if name.startswith("usage.") and count is not None
            ]
            diagnostics.note(f"the set `usage` is from your own events: {', '.join(counts)}")
        if not fit:
            return
        progress("looking at how your numbers are distributed", passing=True)
        mapped = [f"{proposal.kind.name}.{name}" for proposal in found.proposals for name, _ in proposal.select.columns]
        queries = thresholds.statements(runner.library, mapped)
        answers = runner.run(list(queries.values()))
        numbers = {
            name: answer.dicts()[0] for name, answer in zip(queries, answers, strict=True) if isinstance(answer, Table)
        }
        changes = thresholds.thresholds(numbers)
        fitted = thresholds.with_thresholds(text, changes)
        table = thresholds.fit_table(text, fitted, changes, thresholds.people_in(runner, [text, fitted]))
    if not table.rows:
        diagnostics.note("the thresholds are as your numbers would have them: nothing to fit")
        return
    output.emit(Document("thresholds: as they are, and as they would fit your numbers", (Listing(table, limit=0),)))
    if not asks or diagnostics.says_yes("take the fitted ones?"):
        path.write_text(fitted, encoding="utf-8")
        _say(Written(path, "written"))
