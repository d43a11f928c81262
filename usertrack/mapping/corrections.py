"""Corrections of a proposal by somebody who knows better: another column for one of its parts."""

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.mapping.proposal import Proposal
from usertrack.mapping.select import as_time


def set_part(proposal: Proposal, name: str, value: str) -> None:
    """Read the part ``name`` of ``proposal`` from the column ``value``, or from none for -.

    Raises UsageError, with the proposal unchanged, where there is no such part or column.
    """
    parts = {column.name: column for column in proposal.kind.columns}
    columns, select = proposal.table.by_name, proposal.select
    if name not in parts:
        raise UsageError(f"{proposal.kind.name} have no part '{name}'", did_you_mean(name, parts, ", ".join(parts)))
    sql = ""
    if value in columns:
        sql = select.of(columns[value])
        sql = as_time(columns[value], sql) if parts[name].type == "time" else sql
    elif value != "-":
        raise UsageError(f"no column '{value}' can be read", did_you_mean(value, columns, "name one of the table"))
    elif parts[name].required and name != "email":  # without an e-mail people are told apart by account_id
        raise UsageError(f"{proposal.kind.name} need {name}", "name a column for it")
    select.columns = [pair for pair in select.columns if pair[0] != name] + ([(name, sql)] if sql else [])
    if name == proposal.kind.status:
        proposal.status, proposal.states = None, {}
        proposal.notes.append(f"say what the words of `{value}` mean in `states`")
