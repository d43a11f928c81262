"""`usertrack user` and `usertrack explain` on the demo, for everybody who is difficult to write down."""

import json

import pytest

from ..conftest import Cli, slow_but

HOSTILE = ["percent%s{0}@hooli.example", "party@hooli.example", "markup@umbra.example", "formula@initech.example"]


DIFFICULT = [*HOSTILE, "siobhan.o'brien@acme.example", "noor@lumen.example"]


@pytest.mark.slow
@pytest.mark.parametrize("email", slow_but(DIFFICULT[:1], DIFFICULT))
def test_hostile_people_on_a_terminal(demo: Cli, email: str) -> None:
    result = demo("user", email)
    assert result.code == 0
    assert "\x1b" not in result.out


@pytest.mark.slow
@pytest.mark.parametrize("fmt", slow_but(["html"], ["markdown", "html", "json"]))
def test_the_most_hostile_one_everywhere(demo: Cli, fmt: str) -> None:
    result = demo("user", HOSTILE[0], "-f", fmt)
    assert result.code == 0
    assert "\x1b" not in result.out
    if fmt == "json":
        assert json.loads(result.out)["email"] == HOSTILE[0]
    else:
        assert "<script>alert" not in result.out.replace("\\<", "")


@pytest.mark.parametrize("fmt", slow_but(["html"], ["table", "markdown", "html"]))
def test_everybody_at_once(demo: Cli, fmt: str) -> None:
    result = demo("segments", "-n", "0", "-f", fmt)
    assert result.code == 0
    assert "\x1b" not in result.out
    if fmt in ("markdown", "html"):  # on a terminal, a reason takes two lines, and that one is longer
        assert "[/red]" in result.out.replace("\\", "")
        assert "<script>alert" not in result.out.replace("\\<", "")
