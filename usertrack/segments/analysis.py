"""The rules, profiles and missing facts of one run, read on first use through an open runner."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from usertrack.core.notify import Progress
from usertrack.workspace.files import rules_path

if TYPE_CHECKING:
    from usertrack.engine.runner import Runner
    from usertrack.segments.history.file import HistoryFile
    from usertrack.segments.profiles import Profiles
    from usertrack.segments.rules import Rules
    from usertrack.workspace.settings import Settings


_EMAIL_OF_ACCOUNT = """
SELECT a.email FROM {accounts} AS a WHERE trim(a.account_id::text) = trim({account_id}) AND a.email IS NOT NULL
UNION
SELECT f.email FROM {former_accounts} AS f WHERE trim(f.account_id::text) = trim({account_id}) AND f.email IS NOT NULL
ORDER BY email"""


@dataclass
class Analysis:
    """An open runner with its settings and progress. ``incomplete``: a source, or who has opted out, is missing."""

    settings: "Settings"
    runner: "Runner"
    progress: Progress
    incomplete: bool = False

    def rules(self, by: str = "") -> "Rules":
        """The checked rules of segments.yaml, for people or ``by`` organization; raises an error before any query runs.

        From then on, queries answer for the key of these rules.
        """
        from usertrack.core.errors import Absent
        from usertrack.library.library import shipped_root
        from usertrack.segments.applicable import applicable
        from usertrack.segments.classify import check_rules
        from usertrack.segments.rules import read_rules

        rules = read_rules(rules_path(self.settings)).judging(by)
        if not rules.sets and by:
            self.progress(f"segments.yaml has no set `by: {by}`: the shipped one is used")
            rules = read_rules(shipped_root() / "segments.yaml").judging(by)
        self.runner.library = self.runner.library.by(rules.key)
        rules = applicable(rules, self.runner.library)
        if not rules.sets and by:
            raise Absent(f"what {by}s are judged by", set(", ".join(rules.absent.values()).split(", ")))
        check_rules(rules, self.runner.library, self.runner.as_of)
        return rules

    def profiles(self, rules: "Rules", *, last: bool = False) -> "Profiles":
        """Everybody's profile; marks the answer incomplete when a source or who has opted out is missing.

        ``last``: no query runs after it, and the sources close while the answer is made.
        """
        from usertrack.segments.profiles import build_profiles

        self.progress.expect(len(rules.queries))
        profiles = build_profiles(self.runner, rules, self.progress.done, last=last)
        self.progress("sorting people", passing=True)
        return self.mark_incomplete(profiles)

    def profile_of(self, rules: "Rules", email: str) -> "Profiles":
        """The profile of one person; everybody's profiles for an unknown e-mail, to name similar ones.

        Those of all organizations where the rules are of them.
        """
        from usertrack.segments.profiles import build_profiles

        if rules.by:
            return self.profiles(rules)  # one alone does not tell whether PostHog knows any
        self.progress.expect(len(rules.queries))
        profiles = build_profiles(self.runner, rules, self.progress.done, only=email)
        return self.mark_incomplete(profiles) if profiles.people else self.profiles(rules)

    def email_of(self, name: str) -> str:
        """The e-mail of the account with the id ``name``, where that is the key of profiles; else ``name`` as it is.

        An e-mail is taken as it is, too. Raises UsageError where no account of that id has one.
        """
        from usertrack.core.errors import UsageError
        from usertrack.core.source_names import POSTGRES
        from usertrack.library.library import Parameter, Query
        from usertrack.segments.keys import ACCOUNT_ID
        from usertrack.segments.rules import read_rules

        if "@" in name or read_rules(rules_path(self.settings)).key != ACCOUNT_ID:
            return name
        library, params = self.runner.library, {ACCOUNT_ID: Parameter(ACCOUNT_ID, "text")}
        sql = library.expanded(_EMAIL_OF_ACCOUNT, POSTGRES, list(params))
        query = Query("the e-mail of the account", POSTGRES, sql, params=params, entities=library.entities)
        rows = self.runner.table(query.bind({ACCOUNT_ID: name}, self.runner.offered)).rows
        if not rows:
            hint = "this command goes by e-mails, and takes an e-mail or the id of an account with one"
            raise UsageError(f"no account with an e-mail has the id '{name}'", hint)
        return str(rows[0][0])

    def mark_incomplete(self, profiles: "Profiles") -> "Profiles":
        """``profiles``; the answer is incomplete where they are, or where it is not known who has opted out."""
        self.incomplete = self.incomplete or profiles.incomplete or bool(self.runner.opted_out.problem)
        return profiles

    def history(self) -> "HistoryFile | None":
        """The history file in which this answer is recorded; None when it is switched off, or for a future moment."""
        from usertrack.segments.history.file import history_file

        return None if self.runner.future else history_file(self.settings, self.runner.now)
