"""Any text can be looked up by its words, and none of it is syntax."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ragcl.catalog import Catalog
from ragcl.catalog.documents import ChunkRecord, DocumentRecord
from ragcl.search import lexical

TEXTS = (
    "The north berth is 11 metres deep.",
    "Soup costs 3 crowns. NOT for guests.",
    "北泊位深11米。",
    "What is it? It is what it is.",
    "Release 3.12 of the timetable.",
    "Release 12.3 of the timetable; release 3 of the tariff, release 12 of the rules.",
    "ท่าเรือเปิดเวลาหกโมง",  # the harbour opens at six
    "หมวกนิรภัยสีเหลือง",  # the helmets are yellow
    "हिन्दी में नियम",  # the rules in Hindi
    "हद नमी",  # the same consonants, in other words
    "Die Brücke wird um sechs geöffnet.",
    "IT sits on floor 4.",
    "New in v7.2.1: nothing.",
)


@pytest.fixture(scope="module")
def catalog() -> Iterator[Catalog]:
    with tempfile.TemporaryDirectory() as folder:
        opened = Catalog(Path(folder))
        opened.documents.replace(
            opened.documents.root_id("/docs"),
            DocumentRecord("a.md", "a", "text/markdown", 1, 2, 3, "0", 4, 5.0),
            [
                ChunkRecord(text, text, "Heading", (), np.ones(2, np.float32), None, None)
                for text in TEXTS
            ],
        )
        yield opened
        opened.close()


def found(catalog: Catalog, question: str) -> list[str]:
    with catalog.database.reading() as connection:
        ids, scores = lexical.matches(connection, question, 10)
    assert len(ids) == len(scores)
    return [TEXTS[i - 1] for i in ids.tolist()]


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("How deep is the northern berth?", TEXTS[0]),
        ("what do SOUPS cost", TEXTS[1]),
        ("泊位有多深?", TEXTS[2]),
        ("What changed in release 3.12?", TEXTS[4]),  # not where 3 and 12 stand apart
        ("ท่าเรือเปิดกี่โมง", TEXTS[6]),
        ("สีของหมวกนิรภัย", TEXTS[7]),
        ("हिन्दी", TEXTS[8]),
        ("Wann wird die BRUCKE geo\u0308ffnet?", TEXTS[10]),
        ("Who leads IT?", TEXTS[11]),
        ("IT", TEXTS[11]),
        ("What is new in v7.2.1?", TEXTS[12]),
        ("What is it?", TEXTS[3]),  # nothing but stop words: then they are what is looked for
    ],
)
def test_the_chunk_that_shares_the_telling_words_comes_first(
    catalog: Catalog, question: str, first: str
) -> None:
    assert found(catalog, question)[0] == first


def test_capitals_for_emphasis_are_no_names(catalog: Catalog) -> None:
    def shares(question: str) -> list[float]:
        with catalog.database.reading() as connection:
            return list(lexical.matches(connection, question, 10)[1].tolist())

    assert shares("How deep is the berth ALSO?") == shares("How deep is the berth also?")
    assert found(catalog, "WHAT IS IT ABOUT THE BERTH") == [TEXTS[0]]


def test_stop_words_beside_others_are_passed_over(catalog: Catalog) -> None:
    assert found(catalog, "what is it about the berth") == [TEXTS[0]]


@pytest.mark.parametrize("question", ["", " ", "?!", "_", "\x00", '""', "zebra", "\ud800"])
def test_nothing_to_look_for_finds_nothing(catalog: Catalog, question: str) -> None:
    assert found(catalog, question) == []


@pytest.mark.parametrize(
    "question",
    [
        'soup" OR "berth',
        "soup AND NOT berth",
        "NEAR(soup berth, 2)",
        "heading : soup * ^ berth",
        "soup'; DROP TABLE chunks; -- berth",
    ],
)
def test_syntax_is_read_as_words(catalog: Catalog, question: str) -> None:
    assert set(found(catalog, question)) >= {TEXTS[0], TEXTS[1]}


@given(question=st.text(max_size=200))
@example('a"b')
@example("soup\x00berth")
@example("\u017f \u0130 \u01c5 \u1fb3 \u0345 a\u0301")
@example(" ".join(f"w{n}" for n in range(5000)))
@settings(max_examples=300, deadline=None)
def test_no_text_whatever_fails(catalog: Catalog, question: str) -> None:
    assert set(found(catalog, question)) <= set(TEXTS)


def test_a_damaged_index_is_told_and_finds_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    opened = Catalog(tmp_path)
    opened.documents.replace(
        opened.documents.root_id("/docs"),
        DocumentRecord("a.md", "a", "text/markdown", 1, 2, 3, "0", 4, 5.0),
        [ChunkRecord("h", "soup", "Heading", (), np.ones(2, np.float32), None, None)],
    )
    with opened.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM full_text_data WHERE id > 10")

    with opened.database.reading() as connection, caplog.at_level(logging.WARNING):
        ids, _ = lexical.matches(connection, "soup", 10)

    assert len(ids) == 0
    assert "ragcl doctor" in caplog.text
    opened.close()
