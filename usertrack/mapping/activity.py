"""Which tables hold what accounts do: runs, calls, executions of code, deployments, agent runs."""

import re
from collections.abc import Iterator, Sequence
from math import log10

from usertrack.library.entities import KINDS, EntityKind
from usertrack.mapping import rules
from usertrack.mapping.catalog import Catalog, DatabaseTable, TableColumn
from usertrack.mapping.matching import column_like, columns_like, time_like, without_id
from usertrack.mapping.proposal import Labels, Proposal, ranked
from usertrack.mapping.select import Select, as_time
from usertrack.mapping.states import numbered_states, sorted_states, unknown_labels
from usertrack.mapping.ways import Way, Ways, WayStep

_SPECIAL = {
    name: [frozenset(group.split()) for group in rules.patterns(name)]
    for name in ("calls", "code_runs", "agent_runs", "deployments")
}  # entities whose tables have a word of each group in their names
_FLAGS = {pattern: state for state, patterns in rules.groups("success_flags").items() for pattern in patterns}
# The right runs of the schemas in tests/mapping have 10.7 to 28.6 points, and 5.9 where nothing is called like one. How
# little the guesses depend on each weight is in docs/decisions/0039.
_LEAST = {"runs": 8, "deployments": 4}  # points below which a table is not proposed; of the others 10
_LAST_RESORT = 5  # of runs, where none has 8: an unlikely table is shown, with little confidence, before none
_SURE = {"deployments": 12}  # they have no status, which tells most; of the others 18: name, status, error and way


def activity_proposals(
    catalog: Catalog, accounts: DatabaseTable, labels: Labels | None = None
) -> dict[str, list[Proposal]]:
    """Return proposals for every other entity, best first. A table comes first for one entity alone."""
    ways = Ways(catalog, accounts)
    proposals: dict[str, list[Proposal]] = {name: [] for name in ("runs", *_SPECIAL)}
    for table, points, reasons in _candidates(catalog, accounts):
        way = ways.to_accounts(table)
        for name in proposals if way else ():
            if way and (special := _special_points(name, table)):
                proposal = activity_proposal(KINDS[name], table, way, accounts, labels or {})
                # a key more on the way costs little more than a tenfold of rows brings
                proposal.score += points + special - 1.2 * way.cost
                proposal.reasons[:0] = reasons
                if table.row_count == 0:
                    proposal.score -= 3  # more than an error column: what nobody ever did is not what the product does
                    proposal.reasons.append("against it: it is empty")
                proposals[name].append(proposal)
    _prefer_runs_to_definitions(proposals["runs"])
    _prefer_runs_to_steps(proposals["runs"], ways)
    best = {
        name: ranked(drafts, sure=_SURE.get(name, 18), least=_LEAST.get(name, 10)) for name, drafts in proposals.items()
    }
    best["runs"] = best["runs"] or ranked(proposals["runs"], sure=18, least=_LAST_RESORT)
    return _each_table_once(best)


def _prefer_runs_to_definitions(proposals: Sequence[Proposal]) -> None:
    """Take points off a table that another candidate refers to, with more rows: a check has pings, a flow has runs.

    Not for a part of it by its name: the steps of a build are more than the builds.
    """
    by_table = {proposal.table.id: proposal for proposal in proposals}
    for run in proposals:
        targets = dict.fromkeys(column.references[0] for column in run.table.columns if column.references)
        for proposal in [by_table[id_] for id_ in targets if id_ in by_table]:
            is_part = set(proposal.table.words) <= set(run.table.words) or _weight(run.table) < _weight(proposal.table)
            count, more = (proposal.table.row_count or 0), (run.table.row_count or 0)
            if proposal is not run and not is_part and more > count:
                proposal.score -= 4  # 2 to 8 give the same guesses; with 0, Formbricks' surveys go before its responses
                proposal.reasons.append(f"against it: {run.table.label} refers to it, and has more rows")


def _prefer_runs_to_steps(proposals: Sequence[Proposal], ways: Ways) -> None:
    """Take points off a table that refers to another candidate whose name says runs as clearly: it has their steps.

    Where both names say so equally, they have to share a word: a build refers to a job, which defines it.
    """
    tables = {proposal.table.id: proposal.table for proposal in proposals}
    for proposal in proposals:
        step = proposal.table
        targets = dict.fromkeys(known[0].id for column in step.columns if (known := ways.reference(step, column)))
        for run in [tables[id_] for id_ in targets if id_ in tables and id_ != step.id]:
            is_named = _weight(run) > _weight(step) or (
                _weight(run) == _weight(step) and set(run.words) & set(step.words)
            )
            if is_named and _weight(run) >= 5:  # as of a table that is a candidate by its name
                proposal.score -= 4  # as much as a definition loses
                proposal.reasons.append(f"against it: its rows belong to those of {run.label}")
                break


def _weight(table: DatabaseTable) -> float:
    """Return points for how much the name of ``table`` sounds like runs."""
    return max(
        (rules.weights("runs").get(word, 0) for word in table.words if word not in rules.words("tails")), default=0
    )


def without_way(name: str, catalog: Catalog, accounts: DatabaseTable) -> DatabaseTable | None:
    """The table that looks most like the entity ``name``, but from which nothing leads to an account."""
    ways = Ways(catalog, accounts)
    points = {
        table.id: points + special
        for table, points, _ in _candidates(catalog, accounts)
        if (special := _special_points(name, table)) > 0 and not ways.to_accounts(table)
    }
    best = max(points, key=lambda table_id: points[table_id], default=None)
    least = _LEAST.get(name, 10) - 4 * (
        name in _SPECIAL
    )  # its name says it, and points of a status are not among these
    return catalog.tables[best] if best is not None and points[best] >= least else None


def proposal_for(
    kind: EntityKind,
    catalog: Catalog,
    table: DatabaseTable,
    accounts: DatabaseTable,
    labels: Labels,
    owner: TableColumn | None = None,
) -> Proposal:
    """``table`` as somebody named it for the entity ``kind``, without an account where nothing leads to one.

    ``owner`` is the column that leads to it, where somebody has named that, too.
    """
    key = accounts.key
    way = (
        Way((WayStep(table, owner, accounts, key),), 0) if owner and key else Ways(catalog, accounts).to_accounts(table)
    )
    return activity_proposal(kind, table, way, accounts, labels)


def _each_table_once(best: dict[str, list[Proposal]]) -> dict[str, list[Proposal]]:
    """A table that is the first choice of one entity is not the first choice of another; runs choose first."""
    taken: set[int] = set()
    for name, proposals in best.items():
        best[name] = [proposal for proposal in proposals if proposal.table.id not in taken]
        taken |= {proposal.table.id for proposal in best[name][:1]}
    return best


def _candidates(catalog: Catalog, accounts: DatabaseTable) -> Iterator[tuple[DatabaseTable, float, list[str]]]:
    """The tables that could hold what accounts do, with their points and what these are for."""
    for table in catalog.tables.values():
        is_system = table.name.lower() in rules.words("system_tables") or table.schema in rules.words("system_schemas")
        refused = set(table.words) & rules.words("no_candidates")
        is_activity = any(rules.weights("runs").get(word, 0) >= 5 for word in table.words) or _special_points(
            "calls", table
        )
        if refused <= rules.words("tails") and is_activity:
            refused = set()
        if table is not accounts and not is_system and not refused:
            points, reasons = _points(table)
            if points:
                yield table, points, reasons


def _points(table: DatabaseTable) -> tuple[float, list[str]]:
    """Return points for a name and columns that sound like something that begins and ends; 0 for not at all."""
    heads = [rules.weights("runs").get(word, 0) for word in table.words if word not in rules.words("tails")]
    if not heads or not time_like(table, rules.patterns("started"), rules.words("began")):
        return 0, []
    points = max(heads[-1], 0.6 * max(heads))  # the last word is the noun: another says little more than half as much
    reasons = (
        [f"its name says {max(table.words, key=lambda word: rules.weights('runs').get(word, 0))}"] if points else []
    )
    others = [word for word in table.words if word in rules.words("not_runs")]
    points -= 4 * len(others)  # as much as a definition loses to its runs
    reasons += [f"against it: {', '.join(others)} in its name"] if others else []
    ends = {word for column in table.columns for word in column.words if word in rules.words("ended")}
    points += min(4, 2 * len(ends))  # two such columns, an end and a duration, tell all that a third would
    reasons += [f"it ends ({', '.join(sorted(ends))})"] if ends else []
    if error := _error(table):
        points += 2  # as an end: what can fail is a run, but logs and webhooks have errors, too
        reasons.append(f"it has an error ({error.name})")
    points += min(6.0, log10(1 + (table.row_count or 0)))  # a million rows say less than the name of a run, 9
    return max(points, 0.1), reasons  # 0.1: it stays a candidate, which a status may lift


def _special_points(name: str, table: DatabaseTable) -> float:
    """Points for the words that an entity needs in the name of a table; 0 where they are not there."""
    groups = _SPECIAL.get(name)
    if groups is None:  # runs, which are rather not what another entity is by its name: -4, as other words of no run
        return -4 if any(_special_points(other, table) for other in _SPECIAL if other != "deployments") else 1
    words = table.words[-1:] if name == "deployments" else table.words
    # 3: a table that has the words of an entity is that one before it is another
    return 3 if all(set(words) & group for group in groups) else 0


def status_columns(table: DatabaseTable) -> list[TableColumn]:
    """The columns of ``table`` that could say how something ended, best first."""
    exact = [
        *columns_like(table, rules.patterns("status"), "text", "number"),
        *columns_like(table, rules.patterns("http_status"), "number"),
    ]
    others = [
        c for c in table.columns if c.words[-1:] and c.words[-1] in rules.words("status_heads") and c.family == "text"
    ]
    return [*exact, *(column for column in others if column not in exact)]


def activity_proposal(
    kind: EntityKind, table: DatabaseTable, way: Way | None, accounts: DatabaseTable, labels: Labels
) -> Proposal:
    """``table`` read as the entity ``kind``; without a ``way`` it lacks the account."""
    select = Select(table)
    proposal = Proposal(kind, select, 0, [])
    key = accounts.key
    assert key is not None  # a table without a key is no candidate for accounts
    columns = {column.name for column in kind.columns}
    if "run_id" in columns and table.key:
        select.add("run_id", select.of(table.key))
    if way:
        select.add("account_id", select.follow(way, key))
        first = way.steps[0]
        if first.only:
            proposal.notes.append(
                f"`{first.column.name}` refers to several tables: rows of no {accounts.words[-1]} have no account"
            )
        elif "actor" in columns and len(way.steps) > 1 and not first.column.references:
            word = " ".join(without_id(first.column) or first.column.words)
            select.add("actor", f"'{word} ' || {select.of(first.column)}")
    if at := time_like(table, rules.patterns("started"), rules.words("began")):
        select.add("at", as_time(at, select.of(at)))
    if kind.status:
        _add_status(proposal, labels)
    for name, patterns in rules.groups("further").items():
        if name in columns and (column := column_like(table, patterns)):
            select.add(name, select.of(column))
    says = column_like(table, ("message",), "text") if proposal.states.get("failed") else None
    if "error" in columns and (error := _error(table) or says):
        text = select.of(error)
        select.add("error", text if error.family == "text" else f"coalesce({text} ->> 'message', {text}::text)")
    if "code_length" in columns and (code := column_like(table, rules.patterns("code"), "text")):
        select.add("code_length", f"length({select.of(code)})")
    if way:
        proposal.reasons.append(f"{way.label} leads to the account")
    if table.hides_rows:
        proposal.notes.append(f"row security of {table.label} may hide rows from this role: they are not counted")
    return proposal


def _error(table: DatabaseTable) -> TableColumn | None:
    return column_like(table, rules.patterns("error"), "text", "json")


def _add_status(proposal: Proposal, labels: Labels) -> None:
    """Add how a row ended: of a status in words, of a flag, of times, or of a number; the clearest first.

    Points are those of words whose meaning is known, at most 9, less what is left to guess: 7 for the codes of HTTP, 6
    for those of a process, 5 for a flag of success, 4 for times, 2 for a flag that tells the end alone.
    """
    table, select = proposal.table, proposal.select
    best = max(
        (_read_status(proposal, column, labels) for column in status_columns(table)),
        key=lambda reading: reading[0],
        default=None,
    )
    if best and best[1].family == "number" and _is_http(proposal, best[1], labels):
        points, code = 7.0, select.of(best[1])
        select.add("status", f"CASE WHEN {code} < 400 THEN 'ok' WHEN {code} >= 400 THEN 'failed' END")
        proposal.states = {"ok": ("ok",), "failed": ("failed",)}
        if any(column.name == "error" for column in proposal.kind.columns) and not _error(table):
            select.add("error", f"CASE WHEN {code} >= 400 THEN 'HTTP ' || {code} END")
        proposal.reasons.append(f"{best[1].name} is that of HTTP: 400 and above is a failure")
    elif best and best[0] >= 4:  # at least the common words of a status that nobody may look at
        points = _add_words(proposal, *best)
    elif exits := columns_like(table, rules.patterns("exit_status"), "number"):
        points, code = 6, select.of(exits[0])
        select.add("status", f"CASE WHEN {code} = 0 THEN 'ok' WHEN {code} <> 0 THEN 'failed' END")
        proposal.states = {"ok": ("ok",), "failed": ("failed",)}
        proposal.reasons.append(f"{exits[0].name} is that of a process: all but 0 is a failure")
    elif flags := columns_like(table, tuple(_FLAGS), "bool"):
        points = _add_flag(proposal, flags[0])
    elif times := _end_times(table, select):
        points = 4
        select.add("status", times)
        proposal.states = {
            state: (state,) for state in ("ok", "failed", "running", "cancelled") if f"'{state}'" in times
        }
    elif best:
        points = _add_words(proposal, *best)
    else:
        return
    proposal.score += points
    shown = [
        f"{state}: {', '.join(words_of_state[:4])}"
        for state, words_of_state in proposal.states.items()
        if state in ("ok", "failed")
    ]
    if shown and proposal.status:
        proposal.reasons.append(" · ".join(shown))


def _add_words(
    proposal: Proposal, points: float, column: TableColumn, states: dict[str, tuple[str, ...]], note: str
) -> float:
    proposal.select.add("status", proposal.select.of(column))
    proposal.status, proposal.states = column, states
    proposal.notes += [note] if note else []
    return points


def _read_status(
    proposal: Proposal, column: TableColumn, labels: Labels
) -> tuple[float, TableColumn, dict[str, tuple[str, ...]], str]:
    """Return points for how well ``column`` says how a row ended, the states of its words, and a note."""
    exact = (
        2.0 if len(column.words) == 1 or column.words[:-1] == proposal.table.words[-len(column.words) + 1 :] else 0.0
    )
    if column.family == "number":
        by_number = numbered_states(column.comment)
        states = {
            state: tuple(number for number, label in by_number.items() if label in names)
            for state, names in sorted_states(by_number.values()).items()
        }
        note = f"`{column.name}` is a number: say what {_numbers(proposal, column, labels)} mean in `states`"
        return (exact + 5, column, states, "") if states.get("ok") else (exact + 1.5, column, {}, note)
    read = labels.get((proposal.table.id, column.name))
    words = column.labels or read or ()
    if not words and read is not None:
        return 0, column, {}, f"`{column.name}` is empty in all rows"
    if not words:
        note = f"the words of `{column.name}` were not read: the common ones stand in `states`"
        return exact + 4, column, dict(rules.groups("common_states")), note
    states = sorted_states(words)
    known = sum(len(labels_of_state) for labels_of_state in states.values()) / len(words)
    # a failure tells most, as every flow has an end; -2: words that mean nothing make no status
    points = exact + 4 * bool(states.get("failed")) + 2 * bool(states.get("ok")) + 3 * known - 2
    unknown = unknown_labels(words, states)
    note = (
        f"what is meant by {', '.join(f'`{label}`' for label in unknown[:6])} is open: sort it into `states`"
        if unknown
        else ""
    )
    return points, column, states, note


_HTTP = re.compile(r"[1-5]\d\d")


def _is_http(proposal: Proposal, column: TableColumn, labels: Labels) -> bool:
    """Whether ``column`` is a status of HTTP, by its values, else by its name."""
    values = labels.get((proposal.table.id, column.name), ())
    is_named = column in columns_like(proposal.table, rules.patterns("http_status"))
    return all(map(_HTTP.fullmatch, values)) if values else is_named


def _numbers(proposal: Proposal, column: TableColumn, labels: Labels) -> str:
    values = sorted(labels.get((proposal.table.id, column.name), ()), key=lambda text: (len(text), text))
    return ", ".join(values[:8]) or "0, 1, 2"


def _add_flag(proposal: Proposal, flag: TableColumn) -> float:
    own = " ".join(word for word in flag.words if word not in proposal.table.words) or " ".join(flag.words)
    state = _FLAGS.get(" ".join(flag.words)) or _FLAGS[own]
    proposal.select.add("status", proposal.select.of(flag))
    proposal.status = flag
    if state == "ended":
        proposal.states = {"ok": ("true",), "running": ("false",)}
        return 2
    other = "failed" if state == "ok" else "ok"
    proposal.states = {state: ("true",), other: ("false",)}
    return 5


def _end_times(table: DatabaseTable, select: Select) -> str:
    """A CASE over the times at which something failed, was cancelled or ended; empty where there are none."""
    cases = [
        f"WHEN {select.of(column)} IS NOT NULL THEN '{state}'"
        for state, patterns in (
            ("failed", rules.patterns("failed_at")),
            ("cancelled", rules.patterns("cancelled_at")),
            ("ok", rules.patterns("ended_at")),
        )
        if (column := column_like(table, patterns, "time"))
    ]
    return f"CASE {' '.join(cases)} ELSE 'running' END" if cases and cases[-1].endswith("'ok'") else ""
