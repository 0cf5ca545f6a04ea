"""Holding out: some wordings are kept back to verify with, the same ones every time."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from ragcl.consolidation.recipe import STUDY
from ragcl.consolidation.study.holding_out import hold_out
from ragcl.generation.reading import Reading

Row = Callable[..., Reading]


@pytest.fixture
def row(reading: Reading) -> Row:
    """Makes a row: question, answer and chunk."""

    def make(question: str, answer: str, key: str = "x") -> Reading:
        return replace(reading, question=question, answer=answer, content_hash=key)

    return make


def test_of_some_answers_in_every_chunk_one_wording_is_kept_to_verify_with(row: Row) -> None:
    facts = {("x", f"{n} metres"): 3 for n in range(7)} | {("y", "tankers"): 4, ("z", "soup"): 2}
    rows = [
        row(f"{key} {answer} {n}?", answer, key)
        for (key, answer), count in facts.items()
        for n in range(count)
    ]

    trained, held_out = hold_out(rows, seed=0)

    kept = Counter((one.content_hash, one.answer) for one in held_out)
    assert max(kept.values()) == 1  # no answer loses more than one of its wordings
    assert Counter(key for key, _ in kept) == {"x": math.ceil(7 / STUDY.held_out_of), "y": 1}
    assert sorted(one.question for one in [*trained, *held_out]) == sorted(
        one.question for one in rows
    )


def test_answers_that_differ_in_writing_only_are_one_fact(row: Row) -> None:
    rows = [row("a?", "11 metres"), row("b?", "the 11 Metres."), row("c?", "11 metres,")]

    assert len(hold_out(rows, seed=0)[1]) == 1


def test_sharing_out_does_not_depend_on_the_order_of_the_log(row: Row) -> None:
    rows = [row(f"{n}?", "11 metres") for n in range(9)]

    forward, backward = hold_out(rows, seed=0), hold_out(rows[::-1], seed=0)

    for one, other in zip(forward, backward, strict=True):
        assert {r.question for r in one} == {r.question for r in other}


def test_another_seed_holds_out_others(row: Row) -> None:
    rows = [row(f"{n}?", "11 metres") for n in range(30)]

    kept = [{one.question for one in hold_out(rows, seed)[1]} for seed in (0, 1)]

    assert kept[0] != kept[1]
