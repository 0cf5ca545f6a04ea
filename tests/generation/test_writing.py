"""Writing: a sentence stays where the passages that it cites say it, and nothing else does."""

# ruff: noqa: RUF001 - texts of other scripts are tested

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcl.generation.writing import Checker, joined

PASSAGES = (
    "Berths\nThe north berth is 11.4 metres deep at low water. Ida Holm built it in 1931.",
    "Canteen\nSoup costs 3 crowns. Lunch begins at 11:50.",
)
TEXT = (
    "The north berth is 11.4 metres deep [1]. Lunch begins at 11:50. [1] It was dredged [1].\n"
    "- Soup costs 3 crowns [2]\n- Ida Holm built it [2]."
)


def kept(text: str) -> list[str]:
    return [one.text for one in Checker(PASSAGES).checked(text)]


def test_what_a_cited_passage_says_stays_as_it_was_written() -> None:
    assert kept("The north berth is 11.4 metres deep [1].") == [
        "The north berth is 11.4 metres deep [1]."
    ]
    assert kept("It is 11.4 metres deep and soup costs 3 crowns [1, 2].") == [
        "It is 11.4 metres deep and soup costs 3 crowns [1][2]."
    ]


def test_a_wrong_citation_gives_way_to_the_passage_that_says_it() -> None:
    assert kept("Soup costs 3 crowns [1].") == ["Soup costs 3 crowns [2]."]
    assert kept("Soup costs 3 crowns [7].") == ["Soup costs 3 crowns [2]."]
    assert kept("Soup costs 3 crowns.") == ["Soup costs 3 crowns [2]."]


@pytest.mark.parametrize(
    "text",
    [
        "The north berth is 12.4 metres deep [1].",
        "The north berth is 11 metres deep [1].",
        "The north berth is 114 metres deep [1].",
        "At low water Ruben Voss built it [1].",
        "The crane lifts eighty tonnes of timber [1].",
        "[1]",
        "",
    ],
)
def test_a_number_a_name_or_a_claim_that_no_passage_has_is_dropped(text: str) -> None:
    assert kept(text) == []


def test_a_sentence_rests_on_the_nearest_sentence_of_its_passage() -> None:
    [one] = Checker(PASSAGES).checked("In 1931 Ida Holm built it.")

    assert one.rests_on == ((0, "Ida Holm built it in 1931."),)


def test_a_text_without_spaces_or_capitals_is_judged_by_its_words_and_numbers() -> None:
    checker = Checker(
        ["灯塔\n守塔人是韩岭舟。塔高４３米。", "Маяк\nсмотритель маяка живёт в порту."]
    )

    texts = [one.text for one in checker.checked("守塔人是韩岭舟。[1]塔高43米[1]。塔高44米[1]。")]

    assert texts == ["守塔人是韩岭舟 [1]。", "塔高43米 [1]。"]
    [found] = checker.checked("Смотритель маяка живёт тут, в порту [2].")
    assert found.text == "Смотритель маяка живёт тут, в порту [2]."
    assert checker.checked("Смотритель маяка Иван живёт в порту [2].") == []


@pytest.mark.parametrize(
    ("passage", "text", "stays"),
    [
        ("北码头水深是三米。", "北码头水深是五米[1]。", False),
        ("北码头水深是三米。", "北码头水深是3米[1]。", True),
        ("北码头水深是3.5米。", "北码头水深是三点五米[1]。", True),
        ("北码头水深是三点五米。", "北码头水深是五米[1]。", False),
        ("这本书的价格是1万5000元。", "这本书的价格是5000元[1]。", False),
        ("这本书的价格是1万5000元。", "这本书的价格是15000元[1]。", True),
    ],
)
def test_numerals_are_compared_as_numbers(passage: str, text: str, stays: bool) -> None:
    assert bool(Checker([f"书\n{passage}"]).checked(text)) is stays


def test_items_of_a_list_begin_a_line() -> None:
    assert joined(Checker(PASSAGES).checked(TEXT)) == (
        "The north berth is 11.4 metres deep [1]. Lunch begins at 11:50 [2].\n"
        "- Soup costs 3 crowns [2]\n- Ida Holm built it [1]."
    )


@given(st.lists(st.integers(1, 12), min_size=1, max_size=60))
def test_in_pieces_the_same_stays(lengths: list[int]) -> None:
    pieces, rest = [], TEXT
    for length in lengths:
        pieces.append(rest[:length])
        rest = rest[length:]
    pieces.append(rest)

    checker = Checker(PASSAGES)

    assert list(checker.stream(pieces)) == checker.checked(TEXT)
