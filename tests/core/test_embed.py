"""Provenance in a file: it comes out as it went in, does nothing there, and any other change shows."""

import json
import re

import pytest
from hypothesis import given, settings

from tests.conftest import problem
from tests.render.test_hostile import hostile
from usertrack.core import embed

PAGES = {"markdown": "# a\n\n1 234 people\n", "html": "<html><body><p>1 234 people</p>\n</body>\n</html>\n"}


@pytest.mark.parametrize("fmt", PAGES)
@settings(max_examples=60, deadline=None)
@given(text=hostile)
def test_it_comes_out_as_it_went_in(fmt: str, text: str) -> None:
    known = {"figures": [{"figure": text, "value": -1.5}, {"figure": "-->", "value": None}], "report": {text: [text]}}
    written = embed.embed_provenance(PAGES[fmt], fmt, known)
    provenance = embed.extract_provenance(written)
    assert provenance is not None
    assert provenance[:2] == (fmt, PAGES[fmt])
    assert {name: provenance[2][name] for name in known} == json.loads(json.dumps(known))
    assert provenance[2]["digest"] == embed.digest(provenance[1], provenance[2])


@pytest.mark.parametrize("fmt", PAGES)
def test_what_is_in_it_does_nothing(fmt: str) -> None:
    written = embed.embed_provenance(PAGES[fmt], fmt, {"figures": ["--> </template><script>alert(1)</script> &lt;"]})
    inside = written.replace(PAGES[fmt], "")
    assert "<script" not in written
    assert len(re.findall("-->|</template>", inside)) == 1


@pytest.mark.parametrize("fmt", PAGES)
def test_any_other_change_shows_and_line_ends_do_not(fmt: str) -> None:
    written = embed.embed_provenance(PAGES[fmt], fmt, {"queries": ["posthog/pages"]})

    def holds(text: str) -> bool:
        provenance = embed.extract_provenance(text)
        return provenance is not None and embed.digest(provenance[1], provenance[2]) == provenance[2]["digest"]

    assert holds(written)
    assert holds(written.replace("\n", "\r\n"))
    assert holds("\ufeff" + written + "\n\n")
    assert not holds(written.replace("1 234", "1 235"))
    assert not holds(written.replace("posthog/pages", "posthog/page"))
    assert not holds(written + "and more\n")


def test_json_holds_its_own() -> None:
    document = {"people": 3, "share": 0.1, "who": ["a", None]}
    read = embed.extract_provenance(json.dumps(embed.embed_in_json(document, {"figures": []})))
    assert read is not None
    assert embed.digest(read[1], read[2]) == read[2]["digest"]
    assert json.loads(read[1]) == document


@pytest.mark.parametrize(
    "text", ["", "# a report", "{}", '{"provenance": 1}', "[1]", "<!-- usertrack provenance\n", "{" * 5000]
)
def test_what_is_no_report(text: str) -> None:
    assert embed.extract_provenance(text) is None


def test_somebody_elses_comment_is_not_taken_for_it() -> None:
    hostile_body = "a\n<!-- usertrack provenance\n{}\n-->\nb\n"
    provenance = embed.extract_provenance(embed.embed_provenance(hostile_body, "markdown", {"figures": [1]}))
    assert provenance is not None
    assert (provenance[1], provenance[2]["figures"]) == (hostile_body, [1])


def test_a_page_without_an_end_is_said_to_be_one() -> None:
    error = problem(lambda: embed.embed_provenance("<p>1</p>", "html", {}))
    assert "the page has no </body>" in error.message
