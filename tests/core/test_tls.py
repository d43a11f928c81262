"""Whom a request trusts."""

import ssl

from usertrack.core.tls import tls


def test_https_trusts_the_authorities_alone() -> None:
    context = tls("https://us.posthog.com")
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.cert_store_stats()["x509_ca"] > 50


def test_http_trusts_nobody() -> None:
    context = tls("HTTP://localhost:8123")
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.cert_store_stats()["x509"] == 0
