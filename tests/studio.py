"""A studio that exports videos: tables and words of its own, exact credits, and no session ids."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .people import Company, ago, office, served

SCHEMA = """
CREATE TABLE members (id text, mail text, joined timestamp, minutes int, plan text);
CREATE TABLE exports (id int, member text, begun timestamp, state text, problem text);
CREATE TABLE api_calls (member text, at timestamp, endpoint text, vendor text, result text, problem text)
"""
FILES = {
    "usertrack.yaml": """\
tables: {code_runs: none, deployments: none, agent_runs: none}
labels: {run: export, call: API call, tool: endpoint, credits: minutes}
""",
    "tables/neon/accounts.sql": """\
-- title: Members
-- states: {active: [paid]}
SELECT id AS account_id, mail AS email, joined AS signed_up_at, minutes AS credits, plan AS subscription_status
FROM members
""",
    "tables/neon/runs.sql": """\
-- title: Exports
-- states: {ok: [done], failed: [broken], running: [queued], cancelled: [stopped]}
SELECT id AS run_id, member AS account_id, begun AS at, state AS status, problem AS error FROM exports
""",
    "tables/neon/calls.sql": """\
-- title: API calls
-- states: {ok: [done], failed: [broken]}
SELECT member AS account_id, at, endpoint AS tool, vendor AS provider, result AS status, problem AS error FROM api_calls
""",
}


class Studio(Company):
    def member(
        self,
        name: str,
        *,
        minutes: int = 50,
        plan: str | None = None,
        joined: float = 60,
        exports: int = 0,
        at: float = 3,
    ) -> str:
        """A member of so many days, with ``exports`` that went well ``at`` days ago; returns the e-mail."""
        email = f"{name}@films.example"
        self._add("members", mail=email, joined=ago(joined), minutes=minutes, plan=plan)
        self.tables["members"][-1]["id"] = name
        self.export(email, "done", exports, at)
        return email

    def export(self, email: str, state: str, times: int, at: float, problem: str | None = None) -> None:
        member = email.partition("@")[0]
        for number in range(times):
            self._add("exports", member=member, begun=ago(at, number), state=state, problem=problem)

    def call(
        self, email: str, endpoint: str, times: int, problem: str | None = None, vendor: str | None = None
    ) -> None:
        member, result = email.partition("@")[0], "broken" if problem else "done"
        for number in range(times):
            self.tables["api_calls"].append(
                {"member": member, "at": ago(2, number), "endpoint": endpoint, "vendor": vendor}
                | {"result": result, "problem": problem}
            )


@contextmanager
def at_work(studio: Studio, folder: Path) -> Iterator[dict[str, str]]:
    """The environment in which the command line asks the studio, with its workspace in ``folder``."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with office(folder / "office", studio, SCHEMA) as opened, served(opened) as environment:
        yield {**environment, "USERTRACK_WORKSPACE": str(folder)}
