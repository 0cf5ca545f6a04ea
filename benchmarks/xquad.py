"""XQuAD (Artetxe et al. 2020): its articles, and those that a reader may be tested on.

Knows the files `xquad.LANGUAGE.json` of the repository google-deepmind/xquad, which hold the same
articles in the same order, and no benchmark.
"""

import json
from pathlib import Path
from typing import Any

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
