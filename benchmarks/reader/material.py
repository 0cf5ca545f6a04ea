"""Written material: documents with questions, one document a line of `material/*.jsonl`.

Checks that every phrase and quotation stands in its document word for word. Knows no model.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "material"
HELD_OUT = Path(__file__).parent / "held_out"  # in another hand than what is trained on


@dataclass(frozen=True)
class Section:
    """A heading (possibly empty) and the text below it."""

    heading: str
    text: str


@dataclass(frozen=True)
class Asked:
    """A question and what answers it: a phrase of one section, sentences to quote, or nothing.

    `section` is the number of the section that the phrase or the first quotation stands in; -1
    where nothing answers.
    """

    question: str
    section: int
    phrase: str = ""
    quotes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Document:
    """A document of sections with the questions that were written on it."""

    title: str
    sections: tuple[Section, ...]
    asked: tuple[Asked, ...]


def documents(folder: Path = FOLDER) -> Iterator[Document]:
    """Every written document.

    Raises:
        ValueError: one is not as it should be; the text names the file, the line and the reason.
    """
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if not line.strip():
                continue
            try:
                yield parse(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path.name}:{number}: {error!r}") from error


def held_out() -> dict[str, list[Document]]:
    """The manuals that nothing is trained on, by name."""
    return {
        path.stem: [parse(json.loads(line)) for line in path.read_text("utf-8").splitlines()]
        for path in sorted(HELD_OUT.glob("*.jsonl"))
    }


def parse(values: dict[str, Any]) -> Document:
    """A document from its line.

    Raises:
        ValueError: something does not stand where it should.
    """
    sections = tuple(Section(one.get("heading", ""), one["text"]) for one in values["sections"])
    asked = tuple(_asked(one, sections) for one in values["questions"])
    if not asked:
        raise ValueError("no questions")
    return Document(values["title"], sections, asked)


def _asked(values: dict[str, Any], sections: tuple[Section, ...]) -> Asked:
    question = values["q"]
    kinds = [kind for kind in ("phrase", "quote", "none") if values.get(kind)]
    if len(kinds) != 1:
        raise ValueError(f"{question!r}: one of phrase, quote, none is needed, not {kinds}")
    if kinds == ["none"]:
        return Asked(question, -1)
    if kinds == ["phrase"]:
        number = values.get("section", _holder(sections, values["phrase"], question))
        if values["phrase"] not in sections[number].text:
            raise ValueError(f"{question!r}: {values['phrase']!r} is not in section {number}")
        return Asked(question, number, phrase=values["phrase"])
    holders = [_holder(sections, quote, question) for quote in values["quote"]]
    return Asked(question, holders[0], quotes=tuple(values["quote"]))


def _holder(sections: tuple[Section, ...], text: str, question: str) -> int:
    """The number of the one section that holds a text."""
    found = [i for i, one in enumerate(sections) if text in one.text]
    if not found:
        raise ValueError(f"{question!r}: {text!r} stands in no section")
    return found[0]


def main() -> None:
    """Check the files named, and count what they hold."""
    problems = 0
    for name in sys.argv[1:]:
        counts: Counter[str] = Counter()
        for number, line in enumerate(Path(name).read_text(encoding="utf-8").splitlines(), 1):
            try:
                document = parse(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                problems += 1
                print(f"{name}:{number}: {error!r}")
                continue
            counts["documents"] += 1
            for one in document.asked:
                counts["phrase" if one.phrase else "quote" if one.quotes else "none"] += 1
        print(f"{name}: {dict(counts)}")
    sys.exit(problems > 0)


if __name__ == "__main__":
    main()
