"""Slack's own: the parts of a message (Block Kit), in which texts have no effect, and what its refusals mean."""

import httpx

from usertrack.core.errors import ConnectionFailed, QueryError, UsertrackError
from usertrack.delivery.post import answer_of, plain_refusal

HEADER = 150  # characters that Slack takes in a header
SECTION = 3000  # and in a section


def header(text: str) -> dict[str, object]:
    return {"type": "header", "text": {"type": "plain_text", "text": cut(text, HEADER), "emoji": False}}


def section(text: str) -> dict[str, object]:
    """``text`` is mrkdwn."""
    return {"type": "section", "text": mrkdwn(text)}


def context(text: str) -> dict[str, object]:
    return {"type": "context", "elements": [mrkdwn(text)]}


def mrkdwn(text: str) -> dict[str, object]:
    """Verbatim: Slack turns no part of the text into a link, channel or mention."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def refusal(response: httpx.Response) -> UsertrackError:
    """The error for a refusal of Slack (docs: "Sending messages using incoming webhooks", error table)."""
    reply = answer_of(response)
    if reply.startswith(("invalid_payload", "invalid_blocks", "no_text", "too_many_attachments")):
        return QueryError(
            f"Slack refused the message: {reply}", "this is a bug, please report it with what a dry run shows"
        )
    if reply in _CLOSED:
        return ConnectionFailed(f"Slack does not take the message: {reply}", _CLOSED[reply])
    return plain_refusal(response, "Slack")


_NEW = "make a new incoming webhook and set SLACK_WEBHOOK_URL"
_CLOSED = {
    "no_service": f"the webhook was removed, switched off or mistyped; {_NEW}",
    "no_service_id": f"the address is not whole; {_NEW}",
    "no_team": f"the workspace of the webhook is gone; {_NEW}",
    "team_disabled": f"the workspace of the webhook is closed; {_NEW}",
    "invalid_token": f"the address is not whole, or no longer valid; {_NEW}",
    "channel_not_found": f"the channel of the webhook is gone; {_NEW}",
    "channel_is_archived": f"unarchive the channel, or {_NEW}",
    "user_not_found": f"whoever made the webhook is gone; {_NEW}",
    "action_prohibited": "an administrator of Slack has forbidden it; ask for the webhook to be allowed",
    "posting_to_general_channel_denied": "an administrator keeps #general closed; make a webhook for another channel",
}
