"""A value is looked up where a question names one row and one field of it, and nowhere else."""

import pytest

from ragcl.text.records import Found, look_up, wants_more
from ragcl.text.rows import Row, headers, of, row

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

SHIPS = """\
No: 1; Name: Aurora; Built: 2019-05-01; Length: 30 m
No: 2; Name: Bella; Built: 1961-03-01; Length: 22 m
No: 3; Name: Clara; Built: 2005-03-01; Length: 18 m
"""
SERVED = """\
No: 1; Name: Aurora; Serviced: 2025-05-01; Built: 1961-03-01; Length: 30 m
No: 2; Name: Bella; Serviced: 2026-05-01; Built: 1990-03-01; Length: 22 m
No: 3; Name: Clara; Serviced: 2024-05-01; Built: 2005-03-01; Length: 18 m
"""
NODES = """\
cycle: 18; releaseDate: 2022-04-19; eol: 2025-04-30; latest: 18.20.8
cycle: 20; releaseDate: 2023-04-18; eol: 2026-04-30; latest: 20.19.1
cycle: 19; releaseDate: 2022-10-18; eol: 2023-06-01; latest: 19.9.0
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


@pytest.mark.parametrize(
    ("question", "text", "value"),
    [
        ("What is the length of the oldest ship?", SHIPS, "22 m"),
        ("What is the length of the newest ship?", SHIPS, "30 m"),
        ("When was the oldest ship built?", SHIPS, "1961-03-01"),
        ("What is the length of the oldest ship?", SHIPS.replace("-03-01", ""), None),  # of 2019-05
        (
            "What is the length of the oldest ship?",
            SHIPS.replace("1961-03-01", "1 May 1961"),
            "22 m",
        ),
        ("What is the length of the oldest ship?", SHIPS.replace("1961-03-01", "03/05/1961"), None),
        ("What is the length of the oldest ship?", SHIPS.replace("1961-03-01", "unknown"), None),
        (
            "What is the length of the oldest ship?",
            SHIPS.replace("Built: ", "Built: spring "),
            None,
        ),
        ("What is the length of the first ship?", SHIPS.replace("2005-03-01", "08:30"), None),
    ],
)
def test_rows_are_ordered_by_their_dates_and_not_by_their_numbers(
    question: str, text: str, value: str | None
) -> None:
    assert asked(question, text, "Ships") == value


def test_a_column_of_years_is_one_of_dates_if_its_name_says_so() -> None:
    years = SHIPS.replace("-05-01", "").replace("-03-01", "")

    assert asked("What is the length of the oldest ship?", years, "Ships") == "22 m"
    capacity = years.replace("Built", "Capacity")
    assert asked("What is the length of the oldest ship?", capacity, "Ships") is None


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("What is the length of the oldest ship?", None),
        ("What is the length of the newest ship?", None),
        ("When was the oldest ship serviced?", None),  # by what is it the oldest?
        ("What is the length of the ship serviced first?", "18 m"),
        ("What is the length of the ship built first?", "30 m"),
        ("What is the length of the newest ship by built?", "18 m"),
        ("When was the first built ship serviced?", "2025-05-01"),
    ],
)
def test_of_two_columns_of_dates_the_question_must_name_one(
    question: str, value: str | None
) -> None:
    assert asked(question, SERVED, "Ships") == value
    years = SERVED.replace("-03-01", "")
    assert asked(question, years, "Ships") == value


def test_two_columns_of_dates_that_agree_need_no_name() -> None:
    text = SERVED.replace("2024-05-01", "2027-05-01")

    assert asked("What is the length of the newest ship?", text, "Ships") == "18 m"
    assert asked("What is the length of the oldest ship?", text, "Ships") == "30 m"


def test_the_column_that_orders_the_rows_is_not_the_one_asked_for() -> None:
    text = SHIPS.replace("Built", "Build date")

    question = "What is the length of the ship with the oldest build date?"
    assert asked(question, text, "Ships") == "22 m"
    assert asked("What is the oldest build date of the ships?", text, "Ships") == "1961-03-01"


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("What is the newest cycle of Node?", "20"),
        ("What is the latest release of Node?", "20.19.1"),
        ("What is the oldest cycle of Node?", "18"),
        ("When does the newest cycle of Node reach end of life?", "2026-04-30"),
    ],
)
def test_versions_are_ordered_by_number_whatever_other_dates_there_are(
    question: str, value: str
) -> None:
    assert asked(question, NODES, "Node") == value


def test_versions_whose_only_dates_are_in_another_order_are_left_to_the_reader() -> None:
    text = (
        "version: 9.4.53; date: 2023-10-01; size: 4 MB\nversion: 10.0; date: 2020-12-07; size: 5 MB"
    )

    assert asked("What is the size of the newest Jetty?", text) is None


def test_the_newest_of_the_oldest_is_left_to_the_reader() -> None:
    assert asked("What is the latest release of the oldest cycle of Jetty?", RECORDS) is None


@pytest.mark.parametrize(
    ("question", "text", "value"),
    [
        ("What is the name of the newest ship?", SHIPS, "Aurora"),
        ("What is the name of the newest oak?", SHIPS, "Aurora"),
        ("What is the number of the newest ship?", SHIPS, None),
        (
            "What is the operating speed of Bella?",
            "ship: Bella; OS: Linux; speed: 9 kn\nship: Clara; OS: BSD; speed: 8 kn",
            None,
        ),
        (
            "What is the operating system of Bella?",
            "ship: Bella; OS: Linux; speed: 9 kn\nship: Clara; OS: BSD; speed: 8 kn",
            "Linux",
        ),
    ],
)
def test_a_field_is_not_named_by_initials_that_are_there_by_chance(
    question: str, text: str, value: str | None
) -> None:
    assert asked(question, text, "Oak ships") == value


LANGUAGES = "Lang: C++; Depth: 1 m\nLang: Rust; Depth: 2 m\nLang: .NET; Depth: 3 m"
GRADES = "Grade: A+; Fee: 1 EUR\nGrade: B; Fee: 2 EUR\nGrade: **C**; Fee: 3 EUR"
LEVELS = "Level: -5; Depth: 1 m\nLevel: 4; Depth: 2 m\nLevel: > 10; Depth: 3 m"


@pytest.mark.parametrize(
    ("question", "text", "value"),
    [
        ("What is the depth of C++?", LANGUAGES, "1 m"),
        ("What is the depth of Rust?", LANGUAGES, "2 m"),
        ("What is the depth of .NET?", LANGUAGES, "3 m"),
        ("What is the depth of C#?", LANGUAGES, None),
        ("What is the depth of C?", LANGUAGES, None),
        ("What is the depth of the net?", LANGUAGES, None),
        ("What is the depth of C#?", LANGUAGES.replace("C++", "C"), None),
        ("What is the depth of TypeScript+?", LANGUAGES.replace("C+", "TypeScript"), "1 m"),
        ("What is the fee of grade A+?", GRADES, "1 EUR"),
        ("What is the fee of grade B?", GRADES, "2 EUR"),
        ("What is the fee of grade C?", GRADES, "3 EUR"),
        ("What is the fee of grade A-?", GRADES, None),
        ("What is the fee of grade A\u2212?", GRADES, None),
        ("What is the fee of grade A?", GRADES, None),
        ("What is the fee of grade B*?", GRADES, None),
        ("What is the fee of grade b-?", GRADES, None),
        ("What is the depth of level \u22125?", LEVELS, "1 m"),
        ("What is the depth of level 5?", LEVELS, None),
        ("What is the depth of level -4?", LEVELS, None),
        ("What is the depth of level 10?", LEVELS, None),
    ],
)
def test_a_key_is_named_with_its_symbols(question: str, text: str, value: str | None) -> None:
    assert asked(question, text, "Levels by grade") == value


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
