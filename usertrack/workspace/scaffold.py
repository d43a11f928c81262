"""Create a workspace: a folder with its settings, rules, patterns and queries. No existing file is overwritten."""

import json
import re
import shutil
from pathlib import Path

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.source_names import POSTGRES
from usertrack.core.temporary import write_whole
from usertrack.library.library import SOURCES, Library, shipped_root
from usertrack.workspace.folder import FILE_NAME

_SETTINGS = """\
# usertrack.yaml: settings of this workspace. An option beats the environment, that beats the file .env beside this one,
# that a profile of `usertrack login`, and that this file. Secrets are not for this file: a profile has them, or the
# environment or .env (POSTHOG_PERSONAL_API_KEY, DATABASE_URL or NEON_API_KEY; for `usertrack push` SLACK_WEBHOOK_URL
# and USERTRACK_WEBHOOK_URL), or a password manager, which password_command asks.

# profile: acme                     # which profile; without it the one called default
# password_command:                 # commands that print a secret; they run once `usertrack allow` has allowed them
#   posthog.personal_api_key: op read op://Work/PostHog/key

posthog:
  host: https://us.posthog.com      # EU Cloud: https://eu.posthog.com; your own `usertrack serve`: http://127.0.0.1:8765
  project_id:                       # the number in the address of your project; or POSTHOG_PROJECT_ID
  timeout: 300                      # seconds that one query may take

postgres:
  timeout: 120                      # seconds that one query may take

neon:                               # only with NEON_API_KEY; DATABASE_URL needs none of it
  project_id:
  database:
  role: neondb_owner                # a read-only role is best

timezone: UTC                       # times are shown in it, such as Europe/Berlin
# week_start: monday                # or sunday; without it weeks start as in PostHog's project
# internal: [acme.com]              # domains and e-mails of your own people; they are left out everywhere
# opt_out: [no_analytics]           # person properties that, like $opt_out, say no; who did is left out everywhere
# events:                           # what your events are called: one, a list, event[condition], or none
#   signed_up: [user_signed_up, signed_up]
#   connect_clicked: integration_clicked

# labels: {run: build, credits: minutes}    # what runs, calls, tools and credits are called where you work
# metrics: [connect_rate, first_run] # what the scorecard shows, in this order, by the names that `metrics` takes
# sections: [summary, failures]     # what the weekly report shows, in this order, by id or heading

# max_age: 1h                       # take answers from the cache that are not older; --refresh asks anew all the same

# insights: [2625022, New signups]  # saved insights of PostHog that come first in `insight list`: ids or names
"""

_CAUSES = """\
# failures.yaml: what failures are called, and whose they are. `usertrack failures` tries these rules before the
# shipped ones (`shipped: false` leaves those out). A rule looks at the fingerprint of a message, in which ids, amounts
# and paths are <id>, <n> and <path>: `usertrack failures -o failures.csv` lists them. `usertrack check` proves it.

rules: []
#  - match: 'disk quota of (?P<team>\\w+) exceeded'    # a regular expression, any case
#    category: infrastructure                         # or platform_bug, missing_feature, user_code, third_party
#    label: "Disk quota ({team})"                     # may name groups of the pattern; at tool level {tool}, {provider}
#    level: tool                                      # or workflow; without it a rule is for both

# categories:
#   billing: {name: Billing, owner: Finance}
"""

FUNNELS = """\
# funnels.yaml: funnels by name, for `usertrack funnel NAME`. A step is an event, several with | between them, or one
# with a condition. `usertrack check` proves this file. `shipped: true` adds the shipped one, which is of the demo.

shipped: false

# checkout:
#   title: Checkout
#   steps: ["$pageview[properties.$pathname = '/pricing']", checkout_started, paid|subscribed]
#   window: 14d                     # to convert in, from the first step; s, m, h, d or w
#   order: ordered                  # or strict (nothing in between), or unordered
#   exclude: [refunded]             # who did this on the way is left out
"""

_GITIGNORE = "# usertrack's own files, and secrets\n.usertrack/\n.env\n"

_QUERY_HEADER = """\
-- title: {title}
-- about: >
--   What the numbers mean, and for whom.
-- key: email
-- params: {{days: 30}}
-- facts:
--   {column}: {{label: {label}, type: int, absent: 0}}
"""
_QUERY = {
    "posthog": """\
SELECT
    {{email_of_event}} AS email,
    count() AS {column}
FROM events
WHERE event = '$pageview'
    AND timestamp > toDateTime({{as_of}}) - toIntervalHour(24 * {{days}})
    AND timestamp <= toDateTime({{as_of}})
    AND email IS NOT NULL
    AND {{customer}}
GROUP BY email
ORDER BY count() DESC, email
""",
    POSTGRES: """\
SELECT
    a.email,
    count(*) AS {column}
FROM {{runs}} AS r
JOIN {{accounts}} AS a USING (account_id)
WHERE r.at <= {{as_of}} AND r.at > {{as_of}} - make_interval(days => {{days}}::int)
    AND NOT {{is_internal}}
GROUP BY a.email
ORDER BY count(*) DESC, a.email
""",
}


def create_workspace(folder: Path) -> list[Path]:
    """Create a workspace in ``folder`` and return the files written; existing ones stay. Raises UsageError."""
    patterns = (shipped_root() / "patterns.yaml").read_text(encoding="utf-8")
    files = {
        "failures.yaml": _CAUSES,
        "funnels.yaml": FUNNELS,
        ".gitignore": _GITIGNORE,
        "segments.yaml": own_segments(),
        "patterns.yaml": patterns,
        FILE_NAME: _SETTINGS,  # last: with it the folder is a workspace, and after a kill `init` goes on
    }
    missing = {folder / name: text for name, text in files.items() if not (folder / name).exists()}
    try:
        for source in SOURCES:
            (folder / "queries" / source).mkdir(parents=True, exist_ok=True)
            (folder / "queries" / source / ".gitkeep").touch()
        for path, text in missing.items():
            write_whole(path, text, 0o666)
    except OSError as error:
        raise UsageError(f"cannot make a workspace in '{folder}': {error.strerror}", "choose another folder") from error
    return [*missing]


_OF_THE_DEMO = {  # what only the demo's company has in the shipped segments.yaml, and what an own one has there
    "posthog/mcp_connects: {days: 30, high_value: [Gmail, Slack, Linear]}": "posthog/intent: {days: 30}",
    "(mcp_clicks + 2 * high_value_clicks)": "intents",
    "clicked connect {mcp_clicks}×[ ({mcp_servers})]": "{intents}× a sign of intent",
    "mcp_clicks": "intents",
}


def own_segments() -> str:
    """Return the shipped segments.yaml with the same rules, without what only the demo's company has."""
    text = (shipped_root() / "segments.yaml").read_text(encoding="utf-8")
    for shipped, own in _OF_THE_DEMO.items():
        text = text.replace(shipped, own)
    return text


def use_profile(folder: Path, profile: str) -> None:
    """Let the workspace in ``folder`` use ``profile`` from now on, unless it names another one."""
    path = folder / FILE_NAME
    text = path.read_text(encoding="utf-8")
    named = re.sub(r"^# profile: \S+", f"profile: {json.dumps(profile)}", text, count=1, flags=re.MULTILINE)
    if named != text:
        write_whole(path, named, 0o666)


def create_query(root: Path, name: str, library: Library) -> Path:
    """Write an example query ``name`` below ``root``, or copy the shipped one; returns its path. Raises UsageError."""
    source, _, rest = name.partition("/")
    if source not in SOURCES or not rest:
        raise UsageError(
            f"'{name}' does not say where the query runs",
            did_you_mean(source, SOURCES, f"write posthog/NAME or {POSTGRES}/NAME"),
        )
    if not all(part.replace("_", "").replace("-", "").isalnum() for part in rest.split("/")):
        raise UsageError(f"'{name}' is not a name for a query", "use letters, digits, - and _")
    path = root / "queries" / f"{name}.sql"
    if path.exists():
        raise UsageError(f"{path} exists already", f"`usertrack query show {name}` shows it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if name in library.files:
            shutil.copyfile(library.files[name][0], path)
        else:
            path.write_text(_query_text(source, rest), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    return path


def _query_text(source: str, rest: str) -> str:
    """A query that runs as it is, with a fact of the same name as the file."""
    title = rest.replace("_", " ").capitalize()
    last = rest.rsplit("/", 1)[-1]
    column = f"n_{last}" if last[0].isdigit() else last
    template = _QUERY_HEADER + _QUERY[source]
    return template.format(title=title, label=last.replace("_", " "), column=column.replace("-", "_").lower())
