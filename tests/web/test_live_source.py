"""The livestream says of an event what the query says, so that gaps in one can be filled by the other."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

import asyncio
from datetime import UTC, datetime, timedelta

from tests.web.live_site import Company, company, shared_store  # noqa: F401
from usertrack.live.signals.livestream import livestream
from usertrack.live.signals.occurrence import Occurrence
from usertrack.web.live.sources import live_source

EVENTS = (
    ("$pageview", {"$session_id": "s1", "$window_id": "w1", "$current_url": "https://x.example/p/17?tab=2"}),
    ("$exception", {"$exception_list": [{"value": "card 17 refused"}], "$exception_fingerprint": "f1"}),
    ("$exception", {"$exception_message": "no such 'plan'", "$exception_fingerprint": ""}),
    ("form_submit", {"form_id": "signup", "$window_id": ""}),
    ("field_error", {"field": "card", "form_id": 7}),
    ("$autocapture", {"$event_type": "submit"}),
    ("page_time", {"visible_seconds": 12}),
    ("$set", {"$set": {"plan": "pro"}}),
    ("report_created", {"$pathname": ""}),
)


def test_both_say_the_same(company: Company) -> None:
    begun = datetime.now(UTC) - timedelta(seconds=1)

    async def heard() -> list[Occurrence]:
        known: list[Occurrence] = []
        async with livestream(str(company.settings["posthog.host"]), "phx_test") as stream:
            for name, properties in EVENTS:
                await asyncio.to_thread(
                    company.do, "dana@acme.example", name, properties.pop("$pathname", "/a/17"), **properties
                )
            async for each in stream:
                known += each.occurrences
                if known[-1:] and known[-1].name == "report_created":
                    return known
        return known

    streamed = asyncio.run(asyncio.wait_for(heard(), 30))
    with live_source(company.settings) as source:
        polled = source.arrivals(begun)
    assert len(polled) == 8
    assert sorted(streamed) == sorted(polled)
