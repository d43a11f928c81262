"""The TLS context of a request: the certificate authorities are read once per process, and only for https."""

import ssl
from functools import cache


def tls(url: str) -> ssl.SSLContext:
    """For httpx's ``verify``: to read the authorities takes 25 ms, and httpx does it for each client.

    A plain ``http://`` address needs none, and gets a context that trusts nobody.
    """
    return _untrusting() if url.lower().startswith("http://") else _trusting()


@cache
def _untrusting() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # a certificate is required, and none is trusted


@cache
def _trusting() -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context()
