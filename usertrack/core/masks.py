"""Takes secrets out of texts that others wrote: keys of PostHog, and the credentials in an address."""

import re

_KEY = re.compile(r"\bph[xsc]_\w+")
_CREDENTIALS = re.compile(r"//[^/@\s]*@")


def mask_keys(text: str) -> str:
    return _KEY.sub("[key]", text)


def mask_credentials(text: str) -> str:
    """``text`` without user and password of the addresses in it."""
    return _CREDENTIALS.sub("//…@", text)
