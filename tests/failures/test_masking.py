"""What a message is boiled down to, and that nothing of anybody's stays in it."""

import re
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usertrack.library.masking import fingerprint, redacted, telling_line

TRACEBACK = (
    'Traceback (most recent call last):\n  File "/srv/runs/7/main.py", line {}, in <module>\n    rows[3]["email"]\n'
)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (
            "Modal OOM (rc=137): container ta-9f8e7d6c5b4a3210 killed, 2048 MiB limit exceeded after 53321 ms\n  at x",
            "Modal OOM (rc=137): container <id> killed, <n> MiB limit exceeded after <n> ms",
        ),
        (
            "API timeout: POST https://api.datagen.dev/v1/runs/550e8400/step timed out after 300 s (attempt 3)",
            "API timeout: POST <url> timed out after <n> s (attempt <n>)",
        ),
        (
            "LinkedIn API error 403: GET /v2/people/9f8e7d6c is not yours",
            "LinkedIn API error 403: GET <path> is not yours",
        ),
        ("balance reported 0 (account has 52)", "balance reported 0 (account has <n>)"),
        ("run 0 of 12 stopped, rc=0", "run <n> of <n> stopped, rc=0"),
        ("cannot read [/etc/passwd]", "cannot read [<path>]"),
        ("500 Internal Server Error after 500 ms", "500 Internal Server Error after <n> ms"),
        ("exit code 1, errno 111, status: 503", "exit code 1, errno 111, status: 503"),
        ("took 512 ms, row 431 of 450: 404 items", "took <n> ms, row <n> of <n>: <n> items"),
        ("Batch 500: returned 431 rows, error in 599 lines", "Batch <n>: returned <n> rows, error in <n> lines"),
        ("KeyError: 451", "KeyError: <n>"),
        ("LinkedIn API returned 999", "LinkedIn API returned 999"),
        ("HubSpot 502, 404 Not Found, returned 403 for it", "HubSpot 502, 404 Not Found, returned 403 for it"),
        ('x.ApiException: (400) Reason, {"status":409}', 'x.ApiException: (400) Reason, {"status":409}'),
        ("credits: balance is 0, needs 3", "credits: balance is 0, needs <n>"),
        ("credits: needs 3.5, available: 12", "credits: needs <n>, available: <n>"),
        ("credits: needs 12, available: 3.5", "credits: needs <n>, available: <too few>"),
        ("run12345 of lena@northwind.example from 10.0.0.7:5432", "<id> of <email> from <ip>"),
        ("failed at 2026-11-20T09:00:12.5Z in C:\\Users\\lena\\main.py", "failed at <time> in <path>"),
        ("\x1b[31mFATAL\x1b[0m [red]x[/red] %s {0}", "FATAL [red]x[/red] %s {<n>}"),
        ("", "(no message)"),
        ("\n \n", "(no message)"),
    ],
)
def test_one_cause_is_one_text(message: str, text: str) -> None:
    assert fingerprint(message) == text


def test_the_error_type_stands_in_front_once() -> None:
    assert fingerprint("no content", "ToolError") == "ToolError: no content"
    assert fingerprint("ToolError: no content", "ToolError") == "ToolError: no content"
    assert fingerprint("", "ToolError") == "ToolError"


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (TRACEBACK.format(3) + "IndexError: list index out of range", "IndexError: list index out of range"),
        ("KeyError: 'HUBSPOT_API_KEY'\n" + TRACEBACK.format(3), "KeyError: 'HUBSPOT_API_KEY'"),
        (
            TRACEBACK.format(3)
            + "KeyError: 'a'\n\nDuring handling of the above exception, another exception occurred:\n\n"
            + TRACEBACK.format(9)
            + "app.errors.RunFailed: no rows\n",
            "app.errors.RunFailed: no rows",
        ),
        ("Error: boom\n    at run (/srv/a.js:3:1)", "Error: boom"),
        (
            "RuntimeException: outer\n\tat a.B\nCaused by: IOException: disk full\n\tat c.D",
            "Caused by: IOException: disk full",
        ),
        ("Traceback (most recent call last):\n  cut", "  cut"),
    ],
)
def test_the_telling_line(message: str, line: str) -> None:
    assert telling_line(message) == line


def test_a_sample_begins_with_what_happened() -> None:
    assert redacted(TRACEBACK.format(12) + "IndexError: list index out of range").startswith(
        "IndexError: list index out of range ⏎ Traceback (most recent call last): ⏎ File"
    )
    assert redacted("retry https://api.hubspot.example/v3/contacts?key=abc after 3 s") == (
        "retry https://api.hubspot.example/… after 3 s"
    )


def test_long_messages_are_cut_in_words() -> None:
    assert len(fingerprint("word " * 100_000)) == 200
    assert len(redacted("word " * 100_000)) == 300


words = st.text(min_size=0, max_size=60)
alphabet = string.ascii_letters + string.digits
tokens = st.one_of(
    st.sampled_from(["sk-", "sk_live_", "ghp_", "phx_", "xoxb-", "AKIA", "eyJ", "github_pat_"]).flatmap(
        lambda prefix: st.text(alphabet, min_size=16, max_size=60).map(lambda rest: prefix + rest)
    ),
    st.text("0123456789abcdef", min_size=16, max_size=64).filter(lambda text: any(map(str.isdigit, text))),
    st.text(alphabet + "+/", min_size=36, max_size=90).filter(
        lambda text: any(map(str.isdigit, text)) and text[0] != "/"
    ),
    st.uuids().map(str),
)


@pytest.mark.slow
@given(before=words, number=st.integers(100_000, 10**30), after=words)
def test_no_long_number_survives(before: str, number: int, after: str) -> None:
    message = f"{before}{number}{after}"
    assert not re.search(r"\d{6}", fingerprint(message) + redacted(message))


@given(before=words, email=st.emails(), after=words)
def test_no_email_survives(before: str, email: str, after: str) -> None:
    message = f"{before} {email} {after}"
    assert email not in fingerprint(message, email)
    assert email not in redacted(message)


@given(before=words, token=tokens, after=words, around=st.sampled_from(["  ", '""', "''", "()", "[]", "= ", ":,"]))
def test_no_token_survives(before: str, token: str, after: str, around: str) -> None:
    message = f"{before} {around[0]}{token}{around[1]} {after}"
    assert token not in fingerprint(message, token)
    assert token not in redacted(message)


@given(
    secret=st.text(string.ascii_letters, min_size=1, max_size=30).filter(lambda text: text.lower() not in "<secret>")
)
@pytest.mark.parametrize(
    "form", ["password={}", '"api_key": "{}"', "HUBSPOT_TOKEN={}", "postgres://me:{}@db/x", "passwd: {}"]
)
def test_no_value_of_a_secret_survives(form: str, secret: str) -> None:
    clean = redacted(f"failed with Q{form.format('Q' + secret + 'Z')}")
    assert f"Q{secret}Z" not in clean


@given(st.text(max_size=300))
def test_the_same_message_is_the_same_fingerprint_and_one_line(message: str) -> None:
    assert fingerprint(message) == fingerprint(message)
    assert not re.search(
        "[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\ud800-\udfff]", fingerprint(message) + redacted(message)
    )


def test_disguised_secrets_do_not_survive() -> None:
    clean = redacted(
        "to lena\u200b@northwind.example and ｏｍａｒ＠ａｃｍｅ．ｅｘａｍｐｌｅ, card 4111 1111-1111 1111, ١٢٣٤٥٦٧"
    )
    assert clean == "to <email> and <email>, card <n>, <n>"


def test_hostile_messages_take_no_longer() -> None:
    pieces = (
        "a",
        "1",
        "a.",
        "a/",
        "1 ",
        "-",
        "token",
        "a1-",
        "\\",
        "/",
        "@",
        "a@",
        "://",
        "Bearer ",
        "1.",
        "-----BEGIN ",
    )
    started = time.thread_time()
    for piece in (*pieces, "\x1b[", "x://", "rc= ", "0,", "Traceback (most recent call last)\n", "\n"):
        fingerprint(piece * 500_000)
        redacted(piece * 500_000)
    assert time.thread_time() - started < 5
