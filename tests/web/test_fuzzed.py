"""Whatever is in the address of a page or in a form, it is answered or refused.

By hand for longer: `USERTRACK_FUZZ=5000 pytest -n 0 -m slow tests/web/test_fuzzed.py`.
"""

import os
import random
import re
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from starlette.routing import Route

from .conftest import Browser

MANY = int(os.environ.get("USERTRACK_FUZZ", "150"))
TEXTS = [
    *("", "a", "\0", "a\0b", "é" * 300, "'", '"', "`", "{x}", "}", "%s", "%", "-1", "0", "1", "2", "1e999", "9" * 400),
    *("2026-01-01", "2026-13-01", "0000-00-00", "30", "day", "failing", "plan", "country", "all", "(" * 2000, "../x"),
    *("<script>", "lena@northwind.example", "a=b", "properties.a > 1", "\ud800", "csv", "xlsx", "next week", "*"),
]
NAMES = [
    *("days", "since", "until", "interval", "segment", "people", "where", "breakdown", "funnel", "window", "step"),
    *("position", "source", "target", "q", "set", "sort", "page", "to", "did", "by", "last", "value", "kind", "state"),
]
PARTS = {"person": "lena@northwind.example", "segment": "failing", "format": "csv", "name": "posthog/features"}
ENDLESS = {"/stream", "/leave"}  # or it ends the visit


def text(chance: random.Random) -> str:
    return chance.choice(TEXTS)


def ask(browser: Browser, routes: list[Route], chance: random.Random, token: str) -> tuple[str, httpx.Response]:
    route = chance.choice(routes)
    path = route.path
    for name in route.param_convertors:
        value = PARTS.get(name, "1") if chance.random() < 0.6 else text(chance)
        step = quote(value.encode(errors="surrogatepass"), safe="") or "x"
        path = re.sub(rf"{{{name}(:\w+)?}}", lambda _: step, path)  # noqa: B023
    names = chance.sample(NAMES, chance.randrange(4))
    query = "&".join(f"{name}={quote(text(chance).encode(errors='surrogatepass'))}" for name in names)
    options: dict[str, Any] = {}
    if "POST" in (route.methods or ()):  # with values that are nobody's, so that nobody is erased
        fields = {name: text(chance).encode(errors="surrogatepass") for name in chance.sample(NAMES, 4)}
        sent_token = token if chance.random() < 0.8 else text(chance).encode(errors="surrogatepass")
        options["content"] = urlencode({"token": sent_token, **fields})
    method = "POST" if options else "GET"
    return f"{method} {path}?{query}"[:400], browser.request(method, f"{path}?{query}"[:30_000], **options)


@pytest.mark.slow
def test_pages_answer_or_refuse(browser: Browser) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    routes = [route for route in browser.app.routes if isinstance(route, Route) and route.path not in ENDLESS]
    found_token = re.search(r'name="token" value="([^"]+)"', browser.get("/leave").text)
    assert found_token
    failed = []
    for _ in range(MANY):
        try:
            asked, answer = ask(browser, routes, chance, found_token[1])
        except httpx.InvalidURL:
            continue
        if answer.status_code >= 500:
            failed.append(f"{answer.status_code} {asked}")
    assert (failed, seed) == ([], seed)
