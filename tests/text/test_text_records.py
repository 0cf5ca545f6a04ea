"""A value is looked up where a question names one row and one field of it, and nowhere else."""

import pytest

from ragcl.text.records import Found, Row, headers, look_up, of, row, wants_more

RECORDS = """\
releases.cycle: 9.4; releaseDate: 2016-12-07; eol: 2025-01-01; latest: 9.4.53
releases.cycle: 10; releaseDate: 2020-12-07; eol: false; latest: 10.0.24
releases.cycle: 9; releaseDate: 2013-05-30; eol: 2018-02-28; latest: 9.0.7
"""
TABLE = """\
| Berth | Depth | Crane |
| North | 11.4 m | 12 t |
| East | 9 m | none |
"""


def asked(question: str, text: str, heading: str = "Eclipse Jetty") -> str | None:
    rows = of(text, heading)
    found = look_up(question, rows)
    return found.value if found else None


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("What is the latest release of Jetty 9.4?", "9.4.53"),
        ("What is the latest release of Jetty v9.4?", "9.4.53"),
        ("On what date does Eclipse Jetty 9.4 reach end of life?", "2025-01-01"),
        ("When does Jetty 10 reach end of life?", "false"),
        ("What is the release date of Jetty 9?", "2013-05-30"),
        ("What is the newest cycle of Jetty?", "10"),
        ("What is the oldest cycle of Jetty?", "9"),
    ],
)
def test_the_row_is_named_by_its_key_or_as_an_end_of_the_table(question: str, value: str) -> None:
    assert asked(question, RECORDS) == value


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("What depth has the north berth?", "11.4 m"),
        ("Is there a crane at the east berth?", "none"),
    ],
)
def test_cells_are_named_by_the_header(question: str, value: str) -> None:
    assert asked(question, TABLE, "Berths") == value


@pytest.mark.parametrize(
    "question",
    [
        "Who maintains Jetty 10?",  # no such field
        "What is the latest release of Tomcat 10?",  # it names another heading
        "What is the latest release of Jetty 11?",  # no such row
        "Why was the latest release of Jetty 10 delayed by the security team?",  # much unexplained
    ],
)
def test_what_names_no_row_or_no_field_or_something_else_is_left_to_the_reader(
    question: str,
) -> None:
    assert asked(question, RECORDS) is None


def test_the_rule_below_a_header_is_no_row() -> None:
    table = "| Year | Height |\n|---|---:|\n| 2023 | 4 m |\n| 2024 | 5 m |"

    assert [one.key for one in of(table, "Walls")] == ["2023", "2024"]
    assert asked("What is the height of the newest wall?", table, "Walls") == "5 m"


def test_a_single_row_is_no_table() -> None:
    assert asked("What is the price of water?", "service: water; price: 3 crowns", "Prices") is None


def test_rows_of_two_tables_that_fit_as_well_are_left_to_the_reader() -> None:
    rows = [*of(TABLE, "Berths"), *of(TABLE.replace("11.4", "7"), "Berths ")]

    assert look_up("What depth has the north berth?", rows) is None


def test_the_number_of_the_row_counts_what_is_no_row_too() -> None:
    one = row("a: x; b: 1", "Things")
    other = row("a: y; b: 2", "Things")

    assert look_up("What is b of y among the things?", [one, None, other]) == Found(2, "2")


def test_sentences_with_a_colon_are_no_record() -> None:
    assert row("Note: the berth is closed; ask the master", "Berths") is None
    assert row("Depth: 11 m", "Berths") is None
    assert row("Depth: 11 m; crane: 12 t", "Berths") == Row(
        (("Depth", "11 m"), ("crane", "12 t")), "Berths"
    )


def test_the_first_of_rows_that_follow_one_another_is_their_header() -> None:
    assert headers(["Prices", "| a | b |", "| 1 | 2 |", "| 3 | 4 |", "End"]) == [
        None,
        None,
        1,
        1,
        None,
    ]


def test_more_of_the_table_is_wanted_for_an_end_of_it_and_for_a_key_that_is_not_there() -> None:
    rows = of(RECORDS, "Eclipse Jetty")

    assert wants_more("What is the newest cycle of Jetty?", rows)
    assert wants_more("When does Jetty 11 reach end of life?", rows)
    assert not wants_more("When does Jetty 10 reach end of life?", rows)
    assert not wants_more("What is the newest cycle of Jetty?", [])
