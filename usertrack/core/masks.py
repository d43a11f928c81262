"""Takes secrets out of texts that others wrote: keys of PostHog, and the credentials in an address."""

import re

_KEY = re.compile(r"\bph[xsc]_\w+")
_CREDENTIALS = re.compile(r"//[^/@\s]*@")
_NAMED = re.compile(r"\b(password|passwd|secret|token|api_?key)(\s*[=:]\s*)\S+", re.IGNORECASE)


def mask_keys(text: str) -> str:
    return _KEY.sub("[key]", text)


def mask_credentials(text: str) -> str:
    """``text`` without user and password of the addresses in it."""
    return _CREDENTIALS.sub("//…@", text)


def mask_secrets(text: str) -> str:
    """``text`` without all that looks like a secret: ``password=…`` too."""
    return _NAMED.sub(r"\1\2[…]", mask_credentials(mask_keys(text)))
