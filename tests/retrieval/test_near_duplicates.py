"""Near duplicates: one hit for what says the same, and the newest version of a file."""

import os
from pathlib import Path

import pytest

from ragcl import KnowledgeBase
from ragcl.catalog.documents import StoredChunk
from ragcl.retrieval.near_duplicates import collapse

OLD = "The north berth is 9 metres deep. It takes tankers only, and none of them by night."
NEW = "The north berth is 11 metres deep. It takes tankers only, and none of them by night."
HEADING = "Handbook > Berths"


def chunk(
    id_: int, text: str, source: str, modified: int = 0, heading: str = HEADING
) -> StoredChunk:
    return StoredChunk(
        id_, str(id_), text, heading, (), "/docs", source, None, None, modified_ns=modified
    )


def shown(*chunks: StoredChunk) -> list[int]:
    return [one.id for one in collapse(chunks).values()]


def test_the_same_words_are_one_hit_that_names_both_files() -> None:
    first = chunk(1, "Soup costs 3 crowns.", "a.md")
    second = chunk(2, "soup  costs\n3 crowns", "b.md")

    [only] = collapse([first, second]).values()

    assert (only.id, only.source, only.elsewhere) == (1, "a.md", ("b.md",))


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("old/handbook.md", "handbook.md"),
        ("archive/2019/handbook.md", "current/handbook.md"),
        ("handbook_old.md", "handbook.md"),
        ("handbook.md", "handbook_v2.md"),
        ("handbook-v9.md", "handbook-v10.md"),
    ],
)
def test_of_two_versions_the_newer_takes_the_place_of_both(older: str, newer: str) -> None:
    """Whatever the clock says: a copy that was made for safety is the file changed last."""
    old, new = chunk(1, OLD, older, modified=2), chunk(2, NEW, newer, modified=1)

    assert shown(old, new) == [2]
    assert shown(new, old) == [2]
    assert list(collapse([old, new])) == [1]  # the place of the better ranked


@pytest.mark.parametrize("copy", ["handbook (1).md", "handbook - Copy.md", "Copy of handbook.md"])
def test_of_a_file_and_its_copy_the_one_that_was_changed_last_counts(copy: str) -> None:
    assert shown(chunk(1, OLD, "handbook.md", 1), chunk(2, NEW, copy, 2)) == [2]
    assert shown(chunk(1, OLD, "handbook.md", 2), chunk(2, NEW, copy, 1)) == [1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("north/berths.md", "south/berths.md"),
        ("report-2024.md", "report-2025.md"),
        ("berth 1.md", "berth 2.md"),
        ("handbook.md", "old/prices.md"),
        ("handbook.md", "handbook.md"),
    ],
)
def test_alike_texts_of_files_that_are_no_versions_of_one_another_both_stay(
    one: str, other: str
) -> None:
    assert shown(chunk(1, OLD, one, 1), chunk(2, NEW, other, 2)) == [1, 2]


def test_another_section_of_an_old_version_stays() -> None:
    pilots = "Pilots board at the red buoy. A pilot is compulsory for ships over 90 metres."

    assert shown(chunk(1, NEW, "handbook.md"), chunk(2, pilots, "old/handbook.md")) == [1, 2]
    elsewhere = chunk(2, OLD, "old/handbook.md", heading="Handbook > Quays")
    assert shown(chunk(1, NEW, "handbook.md"), elsewhere) == [1, 2]


def test_the_same_words_under_another_heading_are_about_something_else() -> None:
    pool = chunk(1, "Open from nine to five.", "pool.md", heading="Pool")
    library = chunk(2, "Open from nine to five.", "library.md", heading="Library")

    assert shown(pool, library) == [1, 2]


def test_an_answer_is_not_taken_from_an_old_copy(kb: KnowledgeBase, docs: Path) -> None:
    (docs / "old").mkdir()
    old = docs / "old" / "berths.md"
    old.write_text((docs / "berths.md").read_text().replace("11 metres", "9 metres"))
    os.utime(old, (1, 1))
    kb.ingest(docs)

    hits = kb.search("How deep is the north berth?", k=20)
    answer = kb.ask("How deep is the north berth?")

    assert "old/berths.md" not in {hit.source for hit in hits if "north" in hit.text.lower()}
    assert "old/berths.md" in {hit.source for hit in hits} | {
        name for hit in hits for name in hit.elsewhere
    }  # its other section is just the same
    assert all("9 metres" not in citation.text for citation in answer.citations)


def test_every_file_that_holds_the_text_is_named(kb: KnowledgeBase, docs: Path) -> None:
    (docs / "copy.md").write_text((docs / "canteen.md").read_text())
    kb.ingest(docs)

    [hit] = kb.search("What does soup cost?", k=1)
    [cited] = [c for c in kb.ask("What does soup cost?").citations if "Soup" in c.text]

    assert {hit.source, *hit.elsewhere} == {"canteen.md", "copy.md"}
    assert {cited.source, *cited.elsewhere} == {"canteen.md", "copy.md"}
