"""`usertrack alerts`: who needs help now, what became of it, and what people do about it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli import alerts_simulate, alerts_watch, complete
from usertrack.cli.common import Common
from usertrack.cli.options import Limit, with_common, with_common_once

if TYPE_CHECKING:
    from usertrack.live.alerts.desk import Desk
    from usertrack.live.alerts.life import Alert

alerts = typer.Typer(
    no_args_is_help=True,
    help="""Who needs help now: patterns over what people do, and a word to those who can help.

    `usertrack alerts simulate` · what the patterns would have sent in the last 30 days, and whether they were right

    `usertrack alerts watch` · runs them live, and tells Slack

    `usertrack alerts list` · who needs help now

    Patterns are in patterns.yaml. To try it: `usertrack serve --demo-traffic`, and `usertrack alerts watch --demo`.""",
)

_Id = Annotated[
    str,
    typer.Argument(
        metavar="ALERT",
        help="Its id in `usertrack alerts list`, or the person's e-mail.",
        show_default=False,
        autocompletion=complete.alerts,
    ),
]
_By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Name of the person who did it; default: your login name.")
]
_Comment = Annotated[str, typer.Option("--comment", metavar="TEXT", help="A comment that your team sees.")]
_For = Annotated[str, typer.Option("--for", metavar="TIME", help="How long: 30m, 2h, 1d.")]


@alerts.command("list")
@with_common
def list_alerts(
    everything: Annotated[bool, typer.Option("--all", help="Also list resolved alerts.")] = False,
    pattern: Annotated[
        str | None,
        typer.Option("--pattern", help="Only alerts of this pattern.", autocompletion=complete.patterns),
    ] = None,
    limit: Limit = None,
    *,
    common: Common,
) -> None:
    """List who needs help, the most urgent first, and the channels that do not get through.

    `usertrack alerts list` · open alerts

    `usertrack alerts list --all --pattern stuck -o stuck.csv`
    """
    from usertrack.cli.desk import open_desk
    from usertrack.cli.session import emit
    from usertrack.live.alerts.outbox import channel_state
    from usertrack.live.alerts.view import alerts_document

    now = datetime.now(UTC)
    with open_desk(common) as (settings, desk):
        listed = [alert for alert in desk.alerts(everything=everything) if pattern in (None, alert.pattern)]
        channels = [channel_state(desk.store, name) for name in desk.settings.channels]
        left_out = [] if everything else desk.within_incidents()
        document = alerts_document(listed, channels, now, settings["timezone"], left_out=len(left_out))
        emit(document, settings, common, limit)


@alerts.command("show")
@with_common
def show(alert: _Id, *, common: Common) -> None:
    """One alert: why it fired, what is known of the person, what its pattern looks for, and every step of its life.

    `usertrack alerts show 3f9a1c` · `usertrack alerts show dana@acme.example`
    """
    from usertrack.cli.desk import open_desk
    from usertrack.cli.session import emit
    from usertrack.live.alerts.view import alert_document
    from usertrack.live.signals.looks_for import looks_for
    from usertrack.live.signals.read import read_patterns
    from usertrack.workspace.files import patterns_path

    with open_desk(common) as (settings, desk):
        named = _alert(desk, alert)
        changes = desk.store.changes(named.key)
        patterns = {pattern.id: pattern for pattern in read_patterns(patterns_path(settings)).patterns}
        words = looks_for(patterns[named.pattern]) if named.pattern in patterns else {}
        emit(alert_document(named, changes, datetime.now(UTC), settings["timezone"], words), settings, common)


@alerts.command("ack")
@with_common_once
def acknowledge(alert: _Id, comment: _Comment = "", by: _By = None, *, common: Common) -> None:
    """Say that you look after it: nobody is told of it again.

    `usertrack alerts ack 3f9a1c --comment "calling her"`
    """
    from usertrack.cli.desk import open_desk

    with open_desk(common) as (_, desk):
        changed = desk.acknowledge(_alert(desk, alert).key, _who(by), datetime.now(UTC), comment)
        _say("acknowledged", changed)


@alerts.command("snooze")
@with_common_once
def snooze(alert: _Id, time: _For = "1h", comment: _Comment = "", by: _By = None, *, common: Common) -> None:
    """Do not tell anybody of it for a while; if it still fires then, they are told again.

    `usertrack alerts snooze 3f9a1c --for 2h`
    """
    from usertrack.cli.desk import open_desk
    from usertrack.core.words import parse_age

    now = datetime.now(UTC)
    with open_desk(common) as (_, desk):
        changed = desk.snooze(_alert(desk, alert).key, now + parse_age(time), _who(by), now, comment)
        _say(f"snoozed for {time}", changed)


@alerts.command("resolve")
@with_common_once
def resolve(alert: _Id, comment: _Comment = "", by: _By = None, *, common: Common) -> None:
    """Say that it is over. If the pattern fires again, the alert is reopened.

    `usertrack alerts resolve 3f9a1c --comment "the card was expired"`
    """
    from usertrack.cli.desk import open_desk

    with open_desk(common) as (_, desk):
        changed = desk.resolve(_alert(desk, alert).key, _who(by), datetime.now(UTC), comment)
        _say("resolved", changed)


@alerts.command("stats")
@with_common
def stats(
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="How far to look back.")] = 30,
    pattern: Annotated[
        str | None, typer.Option("--pattern", help="Only alerts of this pattern.", autocompletion=complete.patterns)
    ] = None,
    *,
    common: Common,
) -> None:
    """How fast people in need are noticed, taken up and helped.

    `usertrack alerts stats --days 7`
    """
    from datetime import timedelta

    from usertrack.cli.desk import open_desk
    from usertrack.cli.session import emit
    from usertrack.live.alerts.stats import stats as compute
    from usertrack.live.alerts.view import stats_document

    now = datetime.now(UTC)
    with open_desk(common) as (settings, desk):
        computed = compute(desk.store.changes(), now - timedelta(days=days), now, pattern, desk.store.incidents())
        emit(stats_document(computed, days, pattern or ""), settings, common)


@alerts.command("test")
@with_common_once
def send_invented(
    channel: Annotated[
        list[str] | None, typer.Argument(metavar="[CHANNEL]...", help="Only these channels of patterns.yaml.")
    ] = None,
    *,
    common: Common,
) -> None:
    """Send an invented alert to your channels, to see that it arrives and what it looks like.

    `usertrack alerts test slack`

    Exit code 5: a channel did not take it.
    """
    from usertrack.cli.alerts_test import send_test

    send_test(common, channel or [])


def _alert(desk: "Desk", text: str) -> "Alert":
    from usertrack.live.alerts.ids import alert_of

    return alert_of(text, desk.alerts(everything=True))


def _who(by: str | None) -> str:
    """Return a name that colleagues know for whoever runs this."""
    import getpass

    try:
        return by or getpass.getuser()
    except (OSError, KeyError):
        return "somebody"


def _say(done: str, alert: "Alert") -> None:
    from usertrack.cli import diagnostics
    from usertrack.live.alerts.view import person_words

    diagnostics.note(f"{done}: {person_words(alert)}, {alert.pattern}")


alerts_watch.register(alerts)
alerts_simulate.register(alerts)


def register(app: typer.Typer) -> None:
    app.add_typer(alerts, name="alerts", rich_help_panel="People")
