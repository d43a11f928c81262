"""Every setting: its environment variable, its default, and what it is for."""

from dataclasses import dataclass
from typing import Any

from usertrack.library.entities import KINDS
from usertrack.library.events import ROLES
from usertrack.library.own_words import LABELS


@dataclass(frozen=True)
class SettingSpec:
    """One setting: its environment variable, its default, whether it is a secret, and what it is for."""

    env: str
    default: Any = None
    secret: bool = False
    about: str = ""


SECTIONS = ("tables", "events")
"""Settings that are none, or a mapping of settings."""
SETTINGS: dict[str, SettingSpec] = {
    "profile": SettingSpec("USERTRACK_PROFILE", about="profile of `usertrack login`, or off; default: `default`"),
    "posthog.host": SettingSpec("POSTHOG_HOST", "https://us.posthog.com", about="where PostHog answers"),
    "posthog.project_id": SettingSpec("POSTHOG_PROJECT_ID", about="number of the project"),
    "posthog.personal_api_key": SettingSpec(
        "POSTHOG_PERSONAL_API_KEY", secret=True, about="personal key with query:read"
    ),
    "posthog.timeout": SettingSpec("USERTRACK_POSTHOG_TIMEOUT", 300, about="seconds that one query may take"),
    "postgres.url": SettingSpec("DATABASE_URL", secret=True, about="connection URI of Postgres"),
    "postgres.timeout": SettingSpec("USERTRACK_POSTGRES_TIMEOUT", 120, about="seconds that one query may take"),
    "neon.api_key": SettingSpec("NEON_API_KEY", secret=True, about="asks Neon for the connection URI instead"),
    "neon.api": SettingSpec("NEON_API_HOST", "https://console.neon.tech/api/v2", about="where Neon's API answers"),
    "neon.project_id": SettingSpec("NEON_PROJECT_ID", about="Neon project, with neon.api_key"),
    "neon.database": SettingSpec("NEON_DATABASE", about="database in the Neon project"),
    "neon.role": SettingSpec("NEON_ROLE", "neondb_owner", about="role in the Neon project; a read-only one is best"),
    "slack.webhook_url": SettingSpec(
        "SLACK_WEBHOOK_URL", secret=True, about="where `push --to slack` and alerts are posted"
    ),
    "slack.bot_token": SettingSpec(
        "SLACK_BOT_TOKEN", secret=True, about="token with chat:write, so that alerts are edited when they end"
    ),
    "slack.api": SettingSpec("SLACK_API", "https://slack.com/api", about="where Slack's API answers"),
    "webhook.url": SettingSpec(
        "USERTRACK_WEBHOOK_URL", secret=True, about="where `push --to webhook` and alerts are posted"
    ),
    "smtp.server": SettingSpec("SMTP_SERVER", about="mail server of alerts, HOST:PORT; 587 without a port"),
    "smtp.user": SettingSpec("SMTP_USER", about="who sends, for the mail server; default: nobody logs in"),
    "smtp.password": SettingSpec("SMTP_PASSWORD", secret=True, about="password of smtp.user"),
    "pagerduty.routing_key": SettingSpec(
        "PAGERDUTY_ROUTING_KEY", secret=True, about="integration key (Events API v2) of alerts"
    ),
    "pagerduty.url": SettingSpec(
        "PAGERDUTY_URL", "https://events.pagerduty.com/v2/enqueue", about="where PagerDuty takes events"
    ),
    "alertmanager.url": SettingSpec(
        "ALERTMANAGER_URL", secret=True, about="an Alertmanager that alerts are handed on to"
    ),
    "timezone": SettingSpec("USERTRACK_TIMEZONE", "UTC", about="timezone to show times in"),
    "week_start": SettingSpec(
        "USERTRACK_WEEK_START", about="monday or sunday; default: as in PostHog's project, else monday"
    ),
    "internal": SettingSpec("USERTRACK_INTERNAL", [], about="domains and e-mails of your own people"),
    "people": SettingSpec("USERTRACK_PEOPLE", "all", about="whom analyses count: all, or identified people alone"),
    "pages": SettingSpec("USERTRACK_PAGES", [], about="patterns such as /blog/* whose pages are one in journeys"),
    "opt_out": SettingSpec(
        "USERTRACK_OPT_OUT", [], about="person properties that, like $opt_out, say no to being analysed"
    ),
    "pseudonym_key": SettingSpec(
        "USERTRACK_PSEUDONYM_KEY", secret=True, about="key of pseudonyms; default: made once, and kept"
    ),
    "tables": SettingSpec("USERTRACK_TABLES", about="none where PostHog is all there is"),
    **{
        f"tables.{name}": SettingSpec(
            f"USERTRACK_TABLES_{name.upper()}", about=f"none where there are none: {kind.about}"
        )
        for name, kind in KINDS.items()
    },
    "events": SettingSpec("USERTRACK_EVENTS", about="none where Postgres is all there is"),
    **{
        f"events.{name}": SettingSpec(f"USERTRACK_EVENTS_{name.upper()}", role.default, about=f"{role.about}; or none")
        for name, role in ROLES.items()
    },
    **{
        f"labels.{name}": SettingSpec(f"USERTRACK_LABELS_{name.upper()}", about=f"{about}; as said without it: {label}")
        for name, (label, about) in LABELS.items()
    },
    "insights": SettingSpec("USERTRACK_INSIGHTS", [], about="your favourites among PostHog's saved insights"),
    "metrics": SettingSpec("USERTRACK_METRICS", [], about="what the scorecard shows, in this order; default: all"),
    "sections": SettingSpec(
        "USERTRACK_SECTIONS", [], about="what the weekly report shows, in this order; default: all"
    ),
    "features.property": SettingSpec(
        "USERTRACK_FEATURES_PROPERTY", "feature", about="the property of the use of a feature that names it"
    ),
    "features.category": SettingSpec(
        "USERTRACK_FEATURES_CATEGORY", "category", about="its property that groups features"
    ),
    "features.duration": SettingSpec(
        "USERTRACK_FEATURES_DURATION", "duration", about="its property with seconds of use"
    ),
    "features.known": SettingSpec(
        "USERTRACK_FEATURES_KNOWN", [], about="features there are: feature, or category/feature"
    ),
    "as_of": SettingSpec("USERTRACK_AS_OF", about="the moment to answer for, default now"),
    "history": SettingSpec("USERTRACK_HISTORY", about="file that classifications are kept in, or off"),
    "history_all_days": SettingSpec(
        "USERTRACK_HISTORY_ALL_DAYS", 14, about="days that all snapshots are kept, then one a day"
    ),
    "history_daily_days": SettingSpec("USERTRACK_HISTORY_DAILY_DAYS", 90, about="days after which it is one a week"),
    "cache": SettingSpec("USERTRACK_CACHE", about="folder that answers are kept in, or off"),
    "cache_size": SettingSpec("USERTRACK_CACHE_SIZE", "1GB", about="how large the cache may grow"),
    "max_age": SettingSpec("USERTRACK_MAX_AGE", about="how old an answer from the cache may be; default: always ask"),
    "format": SettingSpec("USERTRACK_FORMAT", about="default output format"),
}
