"""Passages: a hit that a cut left short is shown with what stands beside it, if there is room."""

from pathlib import Path

import pytest

from ragcl import KnowledgeBase
from ragcl.catalog.passage import Passage
from ragcl.generation.language_model import Completion, LanguageModel
from ragcl.generation.passages import joined

TEXTS = {1: "Pilots board.", 2: "They come by boat.", 3: "It is red.", 4: "Soup is served."}


def chunk(number: int) -> Passage:
    lines = (number * 10, number * 10 + 5)
    return Passage(TEXTS[number], 0.5, "a.md", lines, "H", str(number), id=number)


def beside(one: Passage) -> tuple[Passage | None, Passage | None]:
    """The first three are one section that was cut twice."""
    around = {1: (None, chunk(2)), 2: (chunk(1), chunk(3)), 3: (chunk(2), None)}
    return around.get(one.id, (None, None))


def count(text: str) -> int:
    return len(text.split())


def shown(numbers: list[int], room: int) -> list[tuple[str, tuple[int, int] | None, str]]:
    hits = [chunk(number) for number in numbers]
    taken = sum(count(hit.headed) for hit in hits)
    found = joined(hits, beside, count, taken + room)
    assert sum(count(hit.headed) for hit in found) <= taken + room
    return [(hit.text, hit.lines, hit.content_hash) for hit in found]


def test_a_hit_is_joined_with_what_stands_before_and_after_it() -> None:
    text = "Pilots board.\nThey come by boat.\nIt is red."

    assert shown([2, 4], 100) == [(text, (10, 35), "2"), (TEXTS[4], (40, 45), "4")]


def test_what_follows_has_the_first_claim_on_the_room() -> None:
    assert shown([2], 3) == [("They come by boat.\nIt is red.", (20, 35), "2")]
    assert shown([2], 2) == [("Pilots board.\nThey come by boat.", (10, 25), "2")]
    assert shown([2], 1) == [(TEXTS[2], (20, 25), "2")]


def test_nothing_is_shown_twice() -> None:
    texts = [text for text, _, _ in shown([1, 3], 100)]

    assert texts == ["Pilots board.\nThey come by boat.", "It is red."]
    assert [text for text, _, _ in shown([1, 2, 3], 100)] == [TEXTS[1], TEXTS[2], TEXTS[3]]


def test_text_without_lines_is_joined_without_lines() -> None:
    hit = Passage("They.", 0.5, "a.pdf", None, "H", "2", page=3, id=2)

    assert joined([hit], beside, count, 100)[0].lines is None


@pytest.fixture
def long(kb_folder: Path, docs: Path, monkeypatch: pytest.MonkeyPatch) -> KnowledgeBase:
    """A section of many paragraphs, cut into chunks, between two others; what is written is one."""
    written = Completion("The pilot number 5 boards at the red buoy number 5.", (1,), -0.1)
    monkeypatch.setattr(
        LanguageModel, "generate", lambda _self, prompts, **_: [written for _ in prompts]
    )
    paragraphs = [f"The pilot number {n} boards at the red buoy number {n}." for n in range(12)]
    text = "# Pilots\n\n## North\n\nA tanker.\n\n## Boarding\n\n" + "\n\n".join(paragraphs)
    (docs / "pilots.md").write_text(f"{text}\n\n## South\n\nFishing boats.\n")
    settings = kb_folder / "ragcl.toml"
    told = '[answering]\nreading = "write"\npassages = 1\n'
    settings.write_text(
        settings.read_text().replace("[answering]\n", told) + "\n[ingest]\nchunk_tokens = 60\n"
    )
    kb = KnowledgeBase.open(kb_folder)
    kb.ingest(docs)
    return kb


def test_only_a_section_that_was_cut_goes_on_beside_a_chunk(long: KnowledgeBase) -> None:
    hits = long._retriever.retrieve(["pilot"], 100)[0].hits
    section = [one for one in hits if one.heading.endswith("Boarding")]
    section.sort(key=lambda one: one.lines or (0, 0))
    around = [long.catalog.documents.beside(one) for one in section]

    assert len(section) > 3
    ids = [one.id for one in section]
    assert [before and before.id for before, _ in around] == [None, *ids[:-1]]
    assert [after and after.id for _, after in around] == [*ids[1:], None]
    assert [after and after.lines for _, after in around][:-1] == [one.lines for one in section[1:]]
    [tanker] = [one for one in hits if one.text == "A tanker."]
    assert long.catalog.documents.beside(tanker) == (None, None)


def test_an_answer_cites_all_the_lines_that_were_shown(long: KnowledgeBase) -> None:
    question = "Where does the pilot number 5 board?"
    [hit] = long.search(question, k=1)

    [citation] = long.ask(question, mode="context").citations

    assert hit.lines
    assert citation.lines
    assert citation.lines[0] < hit.lines[0] < hit.lines[1] < citation.lines[1]
    assert hit.text in citation.text
    assert citation.content_hash == hit.content_hash
