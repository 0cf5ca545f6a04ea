"""The most and the least in a column of figures are looked up, or left to be quoted."""

import pytest

from ragcl.text.extremes import Comparison, compare, compares
from ragcl.text.rows import Row, of

WIDE = """\
| Hive | Keeper | Honey kg 2024 | Honey kg 2025 | Swarms |
|---|:---|---:|---:|---|
| Linden | Ada | 14 | 9.5 | 0 |
| Willow | Ben | 8 | 15 | 2 |
| Heather | Ada | 11 | 12 | - |
"""
RECORDS = """\
hive: Linden; garden: south; honey kg 2024: 14; honey kg 2025: 9.5
hive: Willow; garden: north; honey kg 2024: 8; honey kg 2025: 15
hive: Heather; garden: south; honey kg 2024: 11; honey kg 2025: 12
"""
LONG = """\
| Hive | Year | Honey |
| Linden | 2024 | 14 kg |
| Linden | 2025 | 9.5 kg |
| Willow | 2024 | 8 kg |
| Willow | 2025 | 15 kg |
"""
BERTHS = """\
berth: North; depth: 11.4 m; length: 1,200 m; fee: 90 crowns
berth: East; depth: 9 m; length: 85 m; fee: 120 crowns
"""


def compared(question: str, text: str, heading: str = "Apiary") -> Comparison | None:
    return compare(question, of(text, heading))


def answer(question: str, text: str, heading: str = "Apiary") -> str | None:
    found = compared(question, text, heading)
    assert found is not None
    return found.found.value if found.found else None


@pytest.mark.parametrize(
    ("question", "text", "value"),
    [
        ("Which hive gave the most honey in 2025?", WIDE, "Willow"),
        ("In 2024, which hive gave the most honey?", WIDE, "Linden"),
        ("Which hive gave the least honey in 2025?", WIDE, "Linden"),
        ("Which hive had the most swarms?", WIDE, "Willow"),
        ("What is the hive with the highest honey yield in 2025?", WIDE, "Willow"),
        ("What was the most honey in 2024?", WIDE, "14"),
        ("Which hive gave the most honey in 2025?", RECORDS, "Willow"),
        ("Which hive in the south garden gave the most honey in 2025?", RECORDS, "Heather"),
        ("Which hive gave the most honey in 2024?", LONG, "Linden"),
        ("Which hive gave the most honey in 2025?", LONG, "Willow"),
        ("Which berth is the deepest?", BERTHS, "North"),
        ("What is the deepest berth?", BERTHS, "North"),
        ("What is the maximum depth?", BERTHS, "11.4 m"),
        ("Which berth is the longest?", BERTHS, "North"),
        ("Which is the least expensive berth?", BERTHS, "North"),
        ("Name the berth with the highest fee.", BERTHS, "East"),
    ],
)
def test_the_row_with_the_most_or_the_least_is_found(question: str, text: str, value: str) -> None:
    assert answer(question, text) == value


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Which hive gave the most honey?", WIDE),  # in which year?
        ("Which hive gave the most honey in 2023?", WIDE),  # there is no such year
        ("Which hive gave the second most honey in 2025?", WIDE),
        ("Which keeper got the most honey in 2025?", WIDE),  # Ada has two hives
        ("Which hive gave the most honey?", LONG),  # over the years, or in one?
        ("Which hive of the abbey at Vale gave the most honey in 2025?", WIDE),
        ("Which berth has the greatest depth?", BERTHS.replace("9 m", "900 cm")),
        ("Which berth has the greatest depth?", BERTHS.replace("9 m", "11.4 m")),
        ("Which hive gave the most honey in 2025?", WIDE.replace("9.5", "1.500")),
    ],
)
def test_what_is_compared_otherwise_is_left_open(question: str, text: str) -> None:
    assert answer(question, text) is None


STATIONS = """\
Station: North; Temperature: X
Station: East; Temperature: 3 Y
Station: West; Temperature: 7 Y
"""


@pytest.mark.parametrize(
    ("cell", "unit"),
    [
        ("\u2212 12 \u00b0C", "\u00b0C"),
        ("- 12 \u00b0C", "\u00b0C"),
        ("\u2013 12 \u00b0C", "\u00b0C"),
        ("- 12", ""),
        ("-12", ""),
        ("(5,000)", ""),
        ("\uff085,000\uff09", ""),
        ("( 12% )", "%"),
        ("(\u20ac12)", "\u20ac"),
        ("\u20ac(12)", "\u20ac"),
        ("(12) EUR", "EUR"),
        ("EUR - 12", "EUR"),
        ("- $12", "$"),
        ("5,000-", ""),
        ("5,000\u2212", ""),
        ("5,000- EUR", "EUR"),
    ],
)
def test_a_minus_or_brackets_of_accounts_make_a_figure_negative(cell: str, unit: str) -> None:
    text = STATIONS.replace("X", cell).replace("Y", unit)

    assert answer("Which station has the lowest temperature?", text) == "North"
    assert answer("Which station has the highest temperature?", text) == "West"


@pytest.mark.parametrize(
    ("cell", "unit"),
    [
        ("(12 \u00b0C)", "\u00b0C"),
        ("(-12)", ""),
        ("-(12)", ""),
        ("-12-", ""),
        ("12 -", ""),
        ("12\u2013", ""),  # from 12 on
        ("-1.500", ""),
    ],
)
def test_a_column_with_an_unclear_sign_is_left_open(cell: str, unit: str) -> None:
    text = STATIONS.replace("X", cell).replace("Y", unit)

    assert answer("Which station has the lowest temperature?", text) is None
    assert answer("Which station has the highest temperature?", text) is None


def test_a_dash_for_no_cents_is_no_minus() -> None:
    text = STATIONS.replace("X", "5,-").replace("Y", "")

    assert answer("Which station has the lowest temperature?", text) == "East"


PARTS = """\
| Part | Width |
| P | 5' |
| Q | 7" |
| R | 6' |
"""


@pytest.mark.parametrize(
    "text",
    [
        PARTS,
        PARTS.replace("'", "\u2019").replace('"', "\u201d"),
        PARTS.replace('"', "''"),
        PARTS.replace('7"', "7"),
        PARTS.replace('7"', "5'7\""),
        PARTS.replace('7"', "5' 7\""),
    ],
)
def test_feet_are_not_compared_with_inches(text: str) -> None:
    assert answer("What is the largest width?", text) is None


def test_feet_are_compared_with_feet() -> None:
    assert answer("What is the largest width?", PARTS.replace('"', "'")) == "7'"
    assert answer("What is the largest width?", PARTS.replace('7"', "7\u2032")) == "7\u2032"
    assert answer("What is the largest width?", PARTS.replace("'", '"')) == '7"'


def test_apostrophes_between_thousands_and_quotes_around_a_figure_are_no_units() -> None:
    text = PARTS.replace("5'", "5'000").replace('7"', '"7"').replace("6'", "6")

    assert answer("What is the largest width?", text) == "5'000"


GRADED = """\
berth: North; grade: A+; fee: 90
berth: East; grade: B; fee: 120
berth: South; grade: A+; fee: 100
"""


def test_rows_are_chosen_by_a_value_with_its_symbols() -> None:
    assert answer("Which berth of grade A+ has the highest fee?", GRADED, "Berths") == "South"
    assert answer("Which berth of grade A- has the highest fee?", GRADED, "Berths") is None
    assert answer("Which C++ berth has the highest fee?", GRADED, "C++ berths") == "East"


def test_of_two_tables_that_fit_none_is_taken() -> None:
    rows = [*of(WIDE, "Apiary"), *of(WIDE.replace("Willow", "Birch"), "Another apiary")]

    found = compare("Which hive gave the most honey in 2025?", rows)

    assert found == Comparison(tuple(range(6)))


@pytest.mark.parametrize(
    "question",
    [
        "How much honey did Willow give in 2025?",
        "What colour is the biggest hive?",  # no such column of figures
        "Which keeper is the most patient?",
        "Who keeps at most two hives?",
        "Which is the newest hive?",
    ],
)
def test_what_compares_no_figures_is_no_comparison(question: str) -> None:
    assert compared(question, WIDE) is None


def test_a_column_with_words_in_it_is_no_column_of_figures() -> None:
    rows: list[Row | None] = [None, *of(WIDE.replace("9.5", "lost"), "Apiary")]

    assert compare("Which hive gave the most honey in 2025?", rows) == Comparison((1, 2, 3))


def test_only_a_superlative_compares() -> None:
    assert compares("Which berth is the cheapest?")
    assert not compares("Is the berth cheap, or expensive?")
    assert not compares("Most of the berths are closed, why?")
