"""The route of an address: its path, with `:id` for each part that differs from one person or thing to the next."""

import re
from functools import lru_cache
from urllib.parse import urlsplit


@lru_cache(maxsize=100_000)  # most events are of a few paths
def route_of(address: str) -> str:
    """The path of ``address`` with ids as ``:id``, without host, query and fragment: ``/u/17?tab=2`` is ``/u/:id``."""
    try:
        path = urlsplit(address).path
    except ValueError:  # such as http://[
        return "/"
    parts = [":id" if _ID.fullmatch(part) else part for part in path.split("/") if part]
    return "/" + "/".join(parts)


# usertrack.js has the same one
_ID = re.compile(
    r"\d+"
    r"|[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"  # a uuid
    r"|(?=.*\d)[0-9a-f]{8,}"
    r"|(?=.*\d)[\w-]{16,}"
    r"|\w{1,12}_(?=.*\d)[0-9A-Za-z]{8,}"  # such as usr_9f3kd82a
    r"|[^@/]+(?:@|%40)[^@/]+",
    re.IGNORECASE,
)
