"""A question about the newest finds what is dated last, within what it finds anyway."""

from datetime import UTC, datetime

import pytest

from ragcl.catalog.passage import Passage
from ragcl.search.recency import asks_for_newest, newest_first

SAVED = int(datetime(2025, 4, 1, tzinfo=UTC).timestamp() * 1e9)


def chunk(text: str, source: str = "a.md") -> Passage:
    return Passage(text, 0.0, source, None, "", text, root="/docs", modified_ns=SAVED)


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("What is the newest timetable?", True),
        ("Latest tariff of the port?", True),
        ("Who is the current harbour master?", True),
        ("What was the most recent storm?", True),
        ("Welche ist die neueste Fassung?", True),
        ("How strong are the currents at the north berth?", False),
        ("When was the crane built?", False),
        ("", False),
    ],
)
def test_which_questions_ask_for_the_newest(question: str, asks: bool) -> None:
    assert asks_for_newest(question) == asks


def test_the_last_date_of_a_document_comes_first() -> None:
    chunks = [
        chunk("no date"),
        chunk("from 2023-01-31"),
        chunk("from 2024-12-01"),
        chunk("1999-01-01 to 2025-03-12"),
    ]

    assert newest_first(chunks, [1.0, 1.0, 1.0, 0.9]) == [3, 2, 1, 0]


def test_a_date_after_the_file_was_saved_is_a_plan() -> None:
    chunks = [chunk("until 2030-01-01"), chunk("from 2024-05-05, until 2028-01-01")]

    assert newest_first(chunks, [1.0, 0.9]) == [1, 0]


def test_a_document_keeps_its_places() -> None:
    chunks = [chunk("2020-01-01"), chunk("2025-01-01", "b.md"), chunk("2024-01-01")]

    assert newest_first(chunks, [1.0, 0.9, 0.8]) == [2, 1, 0]


def test_what_fits_far_better_stays_first() -> None:
    assert newest_first([chunk("2024-01-01"), chunk("2025-01-01")], [1.2, 0.1]) == [0, 1]


@pytest.mark.parametrize("text", ["2025-13-01", "part 12025-03-01", "2025-03-012", "1025-03-01"])
def test_what_only_looks_like_a_date_is_none(text: str) -> None:
    assert newest_first([chunk("2001-01-01"), chunk(text)], [1.0, 1.0]) == [0, 1]


def test_dates_alike_leave_the_order() -> None:
    chunks = [chunk("2025-01-01 a"), chunk("2025-01-01 b")]
    assert newest_first(chunks, [1.0, 0.9]) == [0, 1]
