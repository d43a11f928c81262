"""The frame of every page, and its parts, which are streamed to the browser as they are answered.

A page is sent at once, with a skeleton in the place of each part. Parts are asked for at the same time, in threads, and
sent in the order in which they are answered; declarative shadow DOM puts each in its place, without a script.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from usertrack.core.document import Document
from usertrack.core.errors import UsertrackError
from usertrack.core.words import number, shortened
from usertrack.render import html, sparkline
from usertrack.render.links import Links
from usertrack.render.safe import prose, visible
from usertrack.sources import STORE_IS_DAMAGED
from usertrack.web.answers import answers_used
from usertrack.web.links import PageLinks, in_path

if TYPE_CHECKING:
    from jinja2 import Environment

Result = TypeVar("Result")
LOG = logging.getLogger(__name__)
_THREADS = 6  # for each kind of page

NAVIGATION = {  # path: name, and the key after g that goes there
    "/": ("Today", "t"),
    "/segments": ("Segments", "s"),
    "/activity": ("Activity", "a"),
    "/live": ("Live", "l"),
    "/alerts": ("Alerts", "r"),
    "/plan": ("Plan", "p"),
    "/queries": ("Queries", "q"),
}


@dataclass(frozen=True)
class Part:
    """A part of a page. ``content`` makes its HTML in a thread, and may raise UsertrackError.

    ``height`` of its skeleton is in rem: about that of the part on the demo, so that the page does not
    jump. With ``waiting``, these words stand in its place. ``asks`` says in the
    skeleton what is asked for. ``name`` is its anchor, too. It is made when ``after`` has ended, however that ends; no
    thread waits for it. One that ``is_local`` asks no source, and waits for none that does.
    """

    name: str
    content: Callable[[], Markup]
    height: int = 12
    waiting: str = ""
    asks: str = ""
    after: "Future[None] | asyncio.Future[Any] | None" = None
    is_local: bool = False


class Shell:
    """Makes pages. ``place`` is the name of the workspace, ``damage`` says what is known of a damaged store.

    The parts of each kind of page have threads of their own, and so have local parts, and what a page asks before it
    begins: a slow source on one page holds up no other page, and nothing that can be told without it.
    """

    def __init__(self, place: str, damage: Callable[[], Sequence[str]] = tuple) -> None:
        self._place = place
        self._damage = damage
        self._threads: dict[str, ThreadPoolExecutor] = {}

    def page(
        self, request: Request, title: str, parts: Sequence[Part], intro: str = "", *, layout: str = ""
    ) -> Response:
        """The page, streamed. ``intro`` stands above the parts, and is there at once.

        ``layout`` is the style sheet's name for how parts lie; without one, below each other.
        """
        frame = _frame(request, title, intro, parts, layout=layout, place=self._place)
        return StreamingResponse(self._pieces(frame, parts, _kind(request)), media_type="text/html")

    async def ask(self, request: Request, make: Callable[..., Result], *arguments: object) -> Result:
        """Call ``make`` in a thread with ``arguments``: it asks what a page needs before it begins."""
        threads = self._threads_of(f"/{_kind(request)} before")
        return await asyncio.get_running_loop().run_in_executor(threads, partial(make, *arguments))

    def simple(self, request: Request, title: str, body: Markup, status: int = 200) -> Response:
        """A page that is there at once."""
        head, tail = _frame(request, title, body, place=self._place)
        return HTMLResponse(head + _warning(self._damage()) + tail, status)

    def outside(self, request: Request, title: str, body: Markup, status: int) -> Response:
        """A page for who has no access: without a way further, and without the name of the workspace."""
        return HTMLResponse("".join(_frame(request, title, body, pages={})), status)

    async def _pieces(self, frame: tuple[str, str], parts: Sequence[Part], kind: str) -> AsyncIterator[str]:
        head, tail = frame
        yield head
        if told := _warning(self._damage()):
            yield told
        answers = [asyncio.ensure_future(self._answered(part, kind)) for part in parts]
        try:
            for answer in asyncio.as_completed(answers):
                yield await answer
                if not told and (told := _warning(self._damage())):
                    yield told
        finally:
            for pending in answers:
                pending.cancel()  # who left the page waits for nothing; what runs is kept for the next visit
        yield tail

    async def _answered(self, part: Part, kind: str) -> str:
        if part.after:
            with suppress(Exception):  # the part says what it is
                await asyncio.wrap_future(part.after)
        threads = self._threads_of("local" if part.is_local else f"/{kind}")
        return await asyncio.get_running_loop().run_in_executor(threads, _answer, part)

    def _threads_of(self, name: str) -> ThreadPoolExecutor:
        if name not in self._threads:
            self._threads[name] = ThreadPoolExecutor(_THREADS, f"page {name}")
        return self._threads[name]


def _kind(request: Request) -> str:
    """The kind of page: the first word of its path."""
    return str(request.url.path.split("/")[1])


def end(waiting: "Future[None]") -> None:
    """Let the parts go on that are made after ``waiting``; where it has ended, or nobody waits any more, do nothing."""
    if not waiting.done() and waiting.set_running_or_notify_cancel():
        waiting.set_result(None)


def _answer(part: Part) -> str:
    """The part's HTML with what is missing of its answers, or its error in its place."""
    try:
        with answers_used() as used:
            content = part.content()
        lines = dict.fromkeys(note for answer in used for note in answer.notes)
        if any(answer.incomplete for answer in used):
            lines["incomplete: a source did not answer, or it is not known who has opted out"] = None
        content += _notes(lines)
    except UsertrackError as problem:
        content = error(problem.message, problem.hint)
    except Exception as problem:
        LOG.exception("part %s of a page", part.name)
        content = error(f"usertrack itself failed ({type(problem).__name__})", "this is a bug, please report it")
    return f'<section slot="{part.name}" id="{part.name}">{unbroken(content)}</section>\n'


def error(message: str, hint: str = "") -> Markup:
    """An error in the place of what could not be answered."""
    return rendered("error.html.j2", message=message, hint=hint)


def document_html(document: Document, links: Links | None = None, prefix: str = "") -> Markup:
    """The blocks and notes of a document, as a part of a page. Ids in it begin with ``prefix``."""
    return Markup(html.body(document, links=links or PageLinks(), prefix=prefix)) + _notes(document.notes)


def titled_html(document: Document) -> Markup:
    """Return the document's HTML below its title, as a part of a page."""
    return Markup("<h2>{}</h2>").format(document.title) + document_html(document)


def _notes(lines: Iterable[str]) -> Markup:
    """Notes below a part. A damaged store is said once, at the top of the page."""
    told = (line for line in lines if not line.startswith(STORE_IS_DAMAGED))
    return Markup("").join(Markup("<p class='note'>{}</p>").format(words(line)) for line in told)


def _warning(damage: Iterable[str]) -> str:
    """The top of a page whose numbers may be too low; empty where the store is whole."""
    lines = Markup("").join(Markup("<p class='problem'>{}</p>").format(words(line)) for line in damage)
    return f'<section slot="damage" id="damage" role="alert">{lines}</section>\n' if lines else ""


_PERCENT = re.compile(r"(?<=\d) %(?!\w)")
_AS_TYPED = re.compile(r"(<(pre|code|textarea|script|style)\b.*?</\2>)", re.DOTALL)


def unbroken(page: str) -> str:
    """``page``, a piece of HTML, with a no-break space between a number and its percent sign; code stays as it is."""
    pieces = _AS_TYPED.split(page)
    pieces[2::3] = [""] * len(pieces[2::3])  # the names of elements, which are in the pieces before them
    pieces[::3] = [_PERCENT.sub("\u00a0%", piece) for piece in pieces[::3]]
    return "".join(pieces)


def words(text: str) -> Markup:
    """A sentence with the parts in backticks as code."""
    return Markup("").join(Markup("<code>{}</code>").format(part) if code else part for part, code in prose(text))


def clipped(text: str, most: int = 200) -> Markup:
    """A text of somebody's, isolated from the direction of what is around it; the whole of a long one is its title."""
    whole = visible(text)
    if len(whole) <= most:
        return Markup("<bdi>{}</bdi>").format(whole)
    return Markup('<bdi title="{}">{}</bdi>').format(whole, shortened(whole, most))


def _spark(values: Sequence[float | None]) -> Markup:
    return Markup(sparkline.draw(values))


_END = "<!-- parts -->"


def _frame(  # noqa: PLR0913
    request: Request,
    title: str,
    intro: str,
    parts: Sequence[Part] = (),
    *,
    layout: str = "",
    place: str = "",
    pages: Mapping[str, tuple[str, str]] = NAVIGATION,
) -> tuple[str, str]:
    """The page up to where its parts begin, and what is after them."""
    variables = {
        "title": title,
        "intro": Markup(unbroken(intro)) if isinstance(intro, Markup) else intro,
        "parts": parts,
        "layout": layout,
        "place": place,
        "pages": pages,
    }
    head, _, tail = template("shell.html.j2").render(path=request.url.path, **variables).partition(_END)
    return head, tail


def rendered(name: str, **variables: object) -> Markup:
    """The template of that name, filled."""
    return Markup(template(name).render(**variables))


def template(name: str) -> Any:  # noqa: ANN401
    return _environment().get_template(name)


@cache
def _environment() -> "Environment":
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("usertrack.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(visible=visible, words=words, number=number, spark=_spark, clipped=clipped, path=in_path)
    return environment
