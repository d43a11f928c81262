"""What /activity says of its words is what the glossary says."""

from pathlib import Path

from usertrack.web.meanings import MEANINGS


def test_each_word_means_what_the_glossary_says() -> None:
    glossary = (Path(__file__).parents[2] / "docs/glossary.md").read_text()
    assert [word for word, meaning in MEANINGS.items() if f"\n| {word} | {meaning}" not in glossary] == []
