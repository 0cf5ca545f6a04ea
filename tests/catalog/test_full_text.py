"""The full-text index holds just the words of the current chunks, in the same transactions."""

import re
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragcl.catalog import FILE_NAME, Catalog, full_text, migrations
from ragcl.catalog.documents import ChunkRecord, DocumentRecord
from ragcl.catalog.full_text import DamagedIndexError, as_query, searchable

WRITTEN = (
    "v",
    "V",
    "python",
    "3",
    "12",
    ".",
    "-",
    " ",
    "2025-03-12",
    "rc1",
    "IT",
    "us",
    "\u7b2c",
    "_",
    ",",
    "/",
    "750",
    "E",
    "kg",
    "getDelay",
)


@pytest.fixture
def root(catalog: Catalog) -> int:
    return catalog.documents.root_id("/docs")


def put(catalog: Catalog, root: int, *texts: str, heading: str = "Heading") -> None:
    """Make `a.md` hold a chunk of each text."""
    catalog.documents.replace(
        root,
        DocumentRecord("a.md", "a", "text/markdown", 1, 2, 3, "0", 4, 5.0),
        [
            ChunkRecord(f"hash of {text}", text, heading, (), np.ones(2, np.float32), None, None)
            for text in texts
        ],
    )


def matching(catalog: Catalog, *words: str) -> list[int]:
    with catalog.database.reading() as connection:
        ids, scores = full_text.best_matches(connection, words, 100)
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)
    assert ((scores > 0) & (scores <= 1)).all()
    found: list[int] = ids.tolist()
    return found


def check(catalog: Catalog) -> None:
    with catalog.database.writing() as connection:
        full_text.check(connection)


def test_words_come_and_go_with_their_chunk(catalog: Catalog, root: int) -> None:
    put(catalog, root, "red buoy", "green buoy")
    assert sorted(matching(catalog, "buoy")) == [1, 2]

    put(catalog, root, "green buoy", "blue buoy")
    assert matching(catalog, "red") == []
    assert sorted(matching(catalog, "buoy")) == [2, 3]

    catalog.documents.remove(root, "a.md")
    assert matching(catalog, "buoy") == []
    check(catalog)


def test_a_failed_transaction_leaves_the_words_as_they_were(catalog: Catalog, root: int) -> None:
    put(catalog, root, "red buoy")
    with catalog.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM occurrences")
        connection.exec_driver_sql("DELETE FROM chunks")
        connection.rollback()

    assert matching(catalog, "red") == [1]
    check(catalog)


def test_words_match_whatever_their_ending_case_or_accents(catalog: Catalog, root: int) -> None:
    put(catalog, root, "Mooring at the Café", "nothing of the kind")

    for word in ("moored", "moorings", "cafe", "CAFÉ"):
        assert matching(catalog, word) == [1]


def test_a_word_in_the_heading_counts_too(catalog: Catalog, root: int) -> None:
    put(catalog, root, "the depth", "a berth", heading="Berth")

    assert matching(catalog, "berth") == [2, 1]


def test_only_the_chosen_ids_count(catalog: Catalog, root: int) -> None:
    put(catalog, root, *(f"buoy {'pad ' * n}" for n in range(50)))
    with catalog.database.reading() as connection:
        ids, _ = full_text.best_matches(connection, ["buoy"], 3, np.array([7, 30, 31, 49]))

    assert ids.tolist() == [7, 30, 31]


@pytest.mark.parametrize(
    ("text", "indexed"),
    [
        ("The north berth", "The north berth"),
        ("北泊位的深度", "北泊 泊位 位的 的深 深度"),
        ("水", "水"),
        ("第12号泊位", "第 12 号泊 泊位"),
    ],
)
def test_scripts_without_spaces_are_indexed_in_pairs(text: str, indexed: str) -> None:
    assert searchable(text).split() == indexed.split()


@pytest.mark.parametrize(
    ("text", "found_by", "not_by"),
    [
        ("since 3.12.1.", ["3", "3.12", "3.12.1"], ["12", "1", "12.1"]),
        ("on 2025-03-12", ["2025", "2025-03", "2025-03-12"], ["03", "12"]),
        ("v1.2.3rc1 or 8.5-9.25", ["v1", "1.2", "9.25"], ["3", "25"]),
        ("3-5 days", ["3", "5"], []),
        ("## v3.2.1", ["v3.2.1", "3.2.1", "V3.2", "v3"], ["2.1", "v2.1"]),
        ("python3.12 here", ["python", "python3", "3.12", "python3.12"], ["12"]),
        ("IT sits there", ["IT", "it"], []),
        ("it sits there", ["it"], ["IT"]),
        ("WHO and US", ["WHO?", "US", "who"], []),
    ],
)
def test_a_version_or_a_date_is_found_by_its_beginnings(
    catalog: Catalog, root: int, text: str, found_by: list[str], not_by: list[str]
) -> None:
    put(catalog, root, text, "nothing of the kind", heading="Times")

    for number in found_by:
        assert matching(catalog, *as_query(number).split()) == [1], number
    for number in not_by:
        assert matching(catalog, *as_query(number).split()) == [], number


@pytest.mark.parametrize(
    ("text", "found_by", "not_by"),
    [
        ("holds 12,750 l", ["12750", "12,750", "12.750", "12 750", "12'750"], ["750", "2750"]),
        ("holds 12750 l", ["12750", "12,750", "12.750", "12 750", "12750l"], ["750"]),
        ("holds 12.750 l", ["12750", "12,750", "12.750"], ["750"]),
        ("holds 7 250 l", ["7250", "7,250"], ["72"]),
        ("EUR1,27,500.50 net", ["127500", "127,500.50", "127500.50"], ["27", "500"]),
        ("on 2031-03-04", ["20310304"], ["0304"]),
        ("order 2031-0049", ["2031-0049", "20310049", "2031/0049", "0049"], ["049", "203100"]),
        ("order 20310049", ["2031-0049", "20310049"], []),
        ("3-5 days in 2020-2025", ["3", "5", "2020", "2025"], ["35", "20202025"]),
        ("ticket SUP1203", ["SUP1203", "SUP 1203", "sup-1203", "1203"], ["SUP1204"]),
        ("ticket SUP 1203", ["SUP1203", "sup1203", "SUP-1203"], ["SUP120", "SUP1204"]),
        ("valve E-1007", ["E1007", "e1007", "E-1007", "1007"], ["E100", "E10070"]),
        ("valve E1007", ["E-1007", "E1007"], ["E1008"]),
        ("SUP-2031-0049", ["sup20310049", "20310049", "SUP-2031-0049"], []),
        ("a 5kg bag", ["5 kg", "5kg"], []),
        ("a 5 kg bag", ["5 kg", "5kg"], []),
        ("深さは\uff11\uff12\uff0c\uff17\uff15\uff10メートル", ["12750", "12,750"], ["750"]),
        ("\u0639\u0645\u0642 \u0661\u0662 \u0645\u062a\u0631", ["12", "\u0661\u0662"], ["1"]),
        ("ticket \uff33\uff35\uff30\uff11\uff12\uff10\uff13", ["SUP1203", "sup-1203"], ["SUP120"]),
        ("call getDelay()", ["get delay", "getDelay", "getdelay"], ["getDelays2"]),
    ],
)
def test_a_number_or_a_name_is_found_however_it_is_written(
    catalog: Catalog, root: int, text: str, found_by: list[str], not_by: list[str]
) -> None:
    put(catalog, root, text, "nothing of the kind", heading="Times")

    for number in found_by:
        assert matching(catalog, *as_query(number).split()) == [1], number
    for number in not_by:
        assert matching(catalog, *as_query(number).split()) == [], number


@given(st.lists(st.sampled_from(WRITTEN), max_size=4).map("".join) | st.text(max_size=20))
@settings(max_examples=300, deadline=None)
def test_whatever_is_written_is_found_by_what_is_written(text: str) -> None:
    def words(one: str) -> set[str]:
        return set(re.findall(r"[^\W_]+", one.lower()))

    assert words(as_query(text)) <= words(searchable(text))


def test_a_text_that_came_to_be_spaced_otherwise_is_found_as_it_is_now(
    catalog: Catalog, root: int
) -> None:
    put(catalog, root, "red buoy")
    with catalog.database.writing() as connection:
        connection.exec_driver_sql("UPDATE chunks SET text = 'red\n  lantern'")

    check(catalog)
    assert (matching(catalog, "lantern"), matching(catalog, "buoy")) == ([1], [])


def test_an_earlier_catalog_is_brought_up_with_its_text(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    old = sqlite3.connect(path)
    for statement in migrations._statements("0001_initial.sql"):
        old.execute(statement)
    for number, text in enumerate(("red buoy", "green buoy"), start=1):
        old.execute(
            "INSERT INTO chunks (content_hash, text, heading, flags, vector, generation) "
            "VALUES (?, ?, 'Buoys', '[]', x'', 1)",
            (f"hash {number}", text),
        )
    old.execute("PRAGMA user_version = 1")
    old.commit()
    old.close()

    catalog = Catalog(tmp_path)

    assert matching(catalog, "green") == [2]
    check(catalog)
    catalog.close()


def test_an_index_that_missed_a_change_is_found_and_built_again(
    catalog: Catalog, root: int
) -> None:
    put(catalog, root, "red buoy", "green buoy")
    with catalog.database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO full_text (full_text, rowid, heading, text) "
            "VALUES ('delete', 1, 'Heading', 'red buoy')"
        )
    with pytest.raises(DamagedIndexError):
        check(catalog)

    with catalog.database.writing() as connection:
        full_text.rebuild(connection)

    check(catalog)
    assert matching(catalog, "red") == [1]


def test_an_index_that_cannot_be_read_is_named_and_built_again(catalog: Catalog, root: int) -> None:
    put(catalog, root, "red buoy")
    with catalog.database.writing() as connection:
        connection.exec_driver_sql("UPDATE full_text_data SET block = x'00ff00ff' WHERE id > 10")
    with pytest.raises(DamagedIndexError, match="full-text index is damaged"):
        matching(catalog, "red")

    with catalog.database.writing() as connection:
        full_text.rebuild(connection)

    assert matching(catalog, "red") == [1]


def test_what_was_purged_left_no_word(catalog: Catalog, root: int) -> None:
    put(catalog, root, "zanzibar lighthouse", "green buoy")
    put(catalog, root, "green buoy")

    with catalog.database.writing() as connection:
        full_text.purge(connection)

    catalog.close()  # which empties the write-ahead log into the file
    content = (catalog.database.path).read_bytes()
    assert b"zanzibar" not in content
    assert b"buoy" in content


def test_a_share_says_how_much_of_what_was_sought_a_chunk_holds(
    catalog: Catalog, root: int
) -> None:
    put(catalog, root, "red buoy", "green buoy", *(f"other {n}" for n in range(20)))

    def shares(*words: str) -> list[float]:
        with catalog.database.reading() as connection:
            _, found = full_text.best_matches(connection, words, 100)
        return [round(one, 2) for one in found.tolist()]

    both, one = shares("red", "buoy")
    assert both == 1
    assert 0.3 < one < 0.6
    assert shares("buoy", "zeppelin", "iceberg")[0] < 0.4  # most of it is nowhere
    assert shares("heading", "zeppelin")[0] < 0.01  # the rest is everywhere
