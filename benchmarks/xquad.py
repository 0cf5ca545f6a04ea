"""XQuAD (Artetxe et al. 2020): its articles, and those that a reader may be tested on.

Knows the files `xquad.LANGUAGE.json` of the repository google-deepmind/xquad, which hold the same
articles in the same order, and no benchmark.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

# Articles whose paragraphs, or some of them, stand in what the reader was trained on.
NOT_TESTED = frozenset(
    "Warsaw Normans Computational_complexity_theory Huguenot Steam_engine 1973_oil_crisis "
    "European_Union_law Packet_switching Immune_system Harvard_University Yuan_dynasty "
    "Scottish_Parliament Islamism Imperialism French_and_Indian_War Force".split()
)


def articles(folder: Path, language: str = "en") -> list[dict[str, Any]]:
    """All articles, as SQuAD writes them: a `title`, and `paragraphs` with their `qas`."""
    text = (folder / f"xquad.{language}.json").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = json.loads(text)["data"]
    return found


class Asked(NamedTuple):
    """A question about a paragraph, with the accepted answers and where the paragraph is."""

    question: str
    accepted: list[str]
    source: str


def lay_out(docs: Path, every: Sequence[dict[str, Any]]) -> list[Asked]:
    """Write the paragraphs of articles, each a file; gives the questions about them."""
    rows = []
    for article in every:
        for number, paragraph in enumerate(article["paragraphs"]):
            source = f"{number}/{article['title']}.txt"
            (docs / source).parent.mkdir(parents=True, exist_ok=True)
            (docs / source).write_text(paragraph["context"], encoding="utf-8")
            rows += [
                Asked(one["question"], [answer["text"] for answer in one["answers"]], source)
                for one in paragraph["qas"]
            ]
    return rows
