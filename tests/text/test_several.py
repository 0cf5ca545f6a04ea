"""Questions that ask for several things are told from those that a phrase answers."""

# ruff: noqa: RUF001 - texts of other scripts are tested

import pytest

from ragcl.text.several import asks_for_several


@pytest.mark.parametrize(
    "question",
    [
        "Which tugs are there, and what is each one used for?",
        "How many free days do I get, and how long beforehand must I say so?",
        "What is Tarrowax good for, and does it have a drawback?",
        "Where and when does the ferry leave?",
        "Who may moor here and at which price?",
        "What is a shard? How large may it be?",
        "Wann öffnet die Kantine, und was kostet die Suppe?",
        "Où est la cantine et quand ouvre-t-elle ?",
        "¿Dónde está el faro y cuánto mide?",
        "泊位有多深\uff1f 谁负责\uff1f",
        "泊位有多深？谁负责？",
        "灯塔由谁看守，什么时候建成的",
        "灯台守は誰で、いつ建てられましたか",
        "Кто смотритель и когда построен маяк?",
        "ما عمقه؟ من المسؤول؟",
    ],
)
def test_several_things(question: str) -> None:
    assert asks_for_several(question)


@pytest.mark.parametrize(
    "question",
    [
        "How deep is the north berth?",
        "When the tide is out, how many metres of water remain?",
        "Which tug shifts barges and breaks thin ice?",
        "Give the street and number of the head office.",
        "And what about the east one?",
        "A boat is ready day and night. What is it called?",
        "What is a gate?",
        "Really??",
        "Wo liegen Kai und Werft?",
        "泊位有多深\uff1f",
        "从底到顶，白鹭礁灯塔一共多少米？",
    ],
)
def test_one_thing(question: str) -> None:
    assert not asks_for_several(question)
