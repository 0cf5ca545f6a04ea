"""Quoting: as much of the likeliest sentences as a quotation holds, and what they need beside."""

# ruff: noqa: RUF001 - texts of other scripts are tested

import pytest

from ragcl.catalog.passage import Passage
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.narrowing import Sentence
from ragcl.generation.prompts import Prompts
from ragcl.generation.quotes import quotes
from ragcl.generation.quoting import Quoter, Weight, choose, parts
from ragcl.generation.recipe import QUOTING
from ragcl.text.sentences import split_sentences

TEXT = """\
Ring the bell before you go in.
To open the gate:
- turn the key
- pull the lever

Never push it. It
opens outwards.
```
gate --open
gate --check
```
"""


def weight(text: str, holds: float, place: int, header: int | None = None) -> Weight:
    return Weight(Sentence(text, "x", holds, "", place, header), holds, holds)


def placed(*texts: str, chunk: str = "x") -> list[Sentence]:
    return [Sentence(text, chunk, 0.0, "", place) for place, text in enumerate(texts)]


def chunk(lines: tuple[int, int] | None) -> Passage:
    return Passage(TEXT.rstrip(), 0.5, "gate.md", lines, "Gate", "x")


# --- which sentences

TOO_UNLIKELY = weight("Three.", QUOTING.least / 3, 2)


def test_sentences_are_taken_that_are_likely_enough() -> None:
    weights = [weight("One.", 0.6, 4), weight("Two.", QUOTING.least, 1), TOO_UNLIKELY]

    assert [one.text for one in choose(weights)] == ["One.", "Two."]
    assert [one.text for one in choose([TOO_UNLIKELY])] == ["Three."]
    assert choose([]) == []


def test_the_passage_in_which_the_answer_most_likely_begins_is_quoted_first() -> None:
    leading, other = placed("A.", "B.", "C."), placed("D.", chunk="y")
    begins = {("x", 0): 0.3, ("x", 1): 0.3, ("y", 0): 0.4}

    weights = parts([*other, *leading], begins)
    weights.sort(key=lambda one: one.sentence.text != "D.")  # the likeliest of all

    assert [one.text for one in choose(weights)] == ["B.", "C.", "A.", "D."]


def test_an_answer_goes_on_in_the_sentences_that_follow_in_its_passage() -> None:
    sentences = [*placed("A.", "B.", "C.", "D."), *placed("E.", chunk="y")]

    found = {one.sentence.text: one.holds for one in parts(sentences, {("x", 1): 0.8})}

    assert found["A."] == found["E."] == 0.0
    assert 0.8 == found["B."] > found["C."] > found["D."] > 0.0


def test_an_answer_goes_on_to_the_end_of_a_list_and_seldom_behind_it() -> None:
    sentences = placed("To open it:", "- turn the key", "- pull the lever", "Never push it.")

    found = {one.sentence.place: one.holds for one in parts(sentences, {("x", 0): 1.0})}

    assert found[0] == found[1] == 1.0
    assert found[2] > 0.8
    assert found[3] < 0.2


def test_a_quotation_has_an_end() -> None:
    weights = [weight(" ".join([f"w{n}"] * 30), 0.1, 2 * n) for n in range(10)]

    assert len(choose(weights)) == -(-QUOTING.words // 30)


def test_an_item_comes_with_what_introduces_its_list_and_a_row_with_its_header() -> None:
    weights = [
        weight("- pull the lever", 0.99, 3),
        weight("- turn the key", QUOTING.least / 2, 2),
        weight("To open the gate:", QUOTING.least / 3, 1),
    ]
    rows = [weight("| tea | 1 |", 0.99, 2, 0), weight("| what | price |", QUOTING.least / 3, 0)]

    assert [one.place for one in choose(weights)] == [1, 3]
    assert [one.place for one in choose(rows)] == [0, 2]
    assert [one.place for one in choose(weights[:2])] == [3]


@pytest.mark.parametrize("trained", [False, True])
def test_an_answer_begins_with_something_that_is_shown(model: LanguageModel, trained: bool) -> None:
    quoter = Quoter(model, Prompts(model.tokenizer, trained=trained))
    ranked = [Sentence(f"The berth {n} is deep.", "x", n / 10, "Berths", n) for n in range(4)]

    weights, tokens = quoter.weigh("How deep is the berth 2?", ranked)

    assert sum(one.begins for one in weights) == pytest.approx(1.0)
    assert [one.holds for one in weights] == sorted((one.holds for one in weights), reverse=True)
    assert {one.sentence for one in weights} == set(ranked)
    assert (tokens > 0) == trained
    assert quoter.weigh("How deep?", []) == ([], 0)


# --- as they stand in the source


def test_sentences_that_follow_one_another_are_one_quote_with_its_lines() -> None:
    found = quotes(chunk((11, 21)), ["It opens outwards.", "Never push it.", "- turn the key"])

    assert [(one.text, one.lines) for one in found] == [
        ("- turn the key", (13, 13)),
        ("Never push it. It\nopens outwards.", (16, 17)),
    ]
    assert found[0].source == "gate.md"


def test_a_block_of_code_is_quoted_in_whole() -> None:
    [found] = quotes(chunk((11, 21)), ["gate --check"])

    assert found.text == "```\ngate --open\ngate --check\n```"


def test_lines_joined_without_a_space_are_found_again() -> None:
    text = "石料是用平底船一块一块运来的，塔顶的灯每18秒闪\n三次。真的吗？是的。灯从日落亮到日出。"
    passage = Passage(text, 0.5, "lamp.md", (4, 5), "灯", "x")
    first, second, _ = split_sentences(text)

    [found] = quotes(passage, [first, second])

    assert second == "真的吗？ 是的。"
    assert (found.text, found.lines) == (text[: -len("灯从日落亮到日出。")], (4, 5))


def test_a_quotation_without_spaces_has_an_end() -> None:
    sentence = "补给船每逢星期四给灯塔送去淡水粮食和信件。" * 5
    weights = [weight(sentence, 0.9, place) for place in range(9)]

    assert len(choose(weights)) < len(weights)


def test_lines_that_cannot_be_told_are_those_of_the_chunk() -> None:
    [found] = quotes(chunk((11, 90)), ["Never push it."])

    assert found.lines == (11, 90)
    assert quotes(chunk(None), ["Never push it."])[0].lines is None
    assert quotes(chunk(None), ["It is not there."]) == []
