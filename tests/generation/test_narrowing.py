"""Narrowing: sentences of one text together, below its heading, within a budget of tokens."""

from hypothesis import given
from hypothesis import strategies as st

from ragcl.generation.narrowing import Sentence, excerpts, fitting
from ragcl.text.rows import headers

TABLE = ["Tariff of the works.", "| what | price |", "|---|---|", "| soup | 3 |", "| tea | 1 |"]


def words(text: str) -> int:
    return len(text.split())


def test_sentences_of_one_text_stand_together_below_its_heading_the_best_text_last() -> None:
    shown = [
        Sentence("It is deep.", "north", 0.9, "Berths > North", 2),
        Sentence("Soup is 3 crowns.", "canteen", 0.5, "Canteen", 0),
        Sentence("It was built early.", "north", 0.4, "Berths > North", 0),
    ]

    assert [one.text for one in excerpts(shown)] == [
        "# Canteen\n Soup is 3 crowns.",
        "# Berths > North\n It was built early.\n It is deep.",
    ]
    assert [one.text for one in excerpts([Sentence("Alone.", "x", 1.0)])] == [" Alone."]


@given(st.lists(st.integers(1, 8), min_size=1, max_size=12), st.integers(0, 40))
def test_the_best_that_fit_are_shown_and_one_in_any_case(lengths: list[int], budget: int) -> None:
    ranked = [
        Sentence(" ".join(["w"] * length), "x", float(n), "", n) for n, length in enumerate(lengths)
    ]

    shown = fitting(ranked, budget, words)

    assert shown == ranked[-len(shown) :]
    cost = sum(words(one.text) + 1 for one in shown) + 3
    assert len(shown) == 1 or cost <= budget
    if len(shown) < len(ranked):
        assert cost + words(ranked[-len(shown) - 1].text) + 1 > budget or len(shown) == 1


def test_the_rows_of_a_table_know_its_header() -> None:
    assert headers(TABLE) == [None, None, 1, 1, 1]
    assert headers(["a\tb", "1\t2", "3\t4", "no row"]) == [None, 0, 0, None]
    assert headers(["one | two", "said | done | gone"]) == [None, None]
    assert headers([]) == []


def test_a_row_is_shown_with_the_header_of_its_table() -> None:
    places = zip(TABLE, headers(TABLE), strict=True)
    ranked = [
        Sentence(text, "x", score, "", place, header)
        for place, ((text, header), score) in enumerate(zip(places, (1, 2, 0, 3, 9), strict=True))
    ]

    assert [one.text for one in fitting(ranked, 20, words)] == ["| what | price |", "| tea | 1 |"]
