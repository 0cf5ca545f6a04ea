"""Pooling: what several wordings make of the candidates together, and one alone for itself."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from ragcl.consolidation.study.pooling import pool
from ragcl.generation.reading import Reading

DEPTH, LENGTH = "11 metres", "186 metres"


def asked(reading: Reading, degrees: float, *candidates: tuple[str, float]) -> Reading:
    """A reading whose question lies at an angle to the others; the best candidate is first."""
    angle = np.radians(degrees)
    return replace(
        reading,
        question=f"{degrees}?",
        answer=candidates[0][0],
        candidates=candidates,
        vector=np.array([np.cos(angle), np.sin(angle)], np.float32),
    )


def test_a_wording_that_misreads_is_taught_what_the_others_read(reading: Reading) -> None:
    right = asked(reading, 0, (DEPTH, 0.9), (LENGTH, 0.1))
    also = asked(reading, 20, (DEPTH, 0.7), (LENGTH, 0.2))
    wrong = asked(reading, 10, (LENGTH, 0.5), (DEPTH, 0.4))

    labels = pool([right, also, wrong])

    assert [one.answer for one in labels] == [DEPTH] * 3
    assert labels[0].share > 0.9 > labels[2].share > 0.5
    assert all(one.supporters == 2 for one in labels)


def test_a_question_about_something_else_changes_nothing(reading: Reading) -> None:
    depth = asked(reading, 0, (DEPTH, 0.8), (LENGTH, 0.1))
    lengths = [asked(reading, angle, (LENGTH, 0.95), (DEPTH, 0.02)) for angle in (5, 15, 25)]

    labels = pool([depth, *lengths])

    assert [one.answer for one in labels] == [DEPTH, LENGTH, LENGTH, LENGTH]
    assert labels[0].supporters == 0


def test_what_is_asked_once_keeps_its_own_answer_and_has_no_voices(reading: Reading) -> None:
    once = asked(reading, 0, (DEPTH, 0.6), (LENGTH, 0.4))
    far = asked(reading, 90, (LENGTH, 0.9), (DEPTH, 0.1))
    elsewhere = replace(asked(reading, 5, (LENGTH, 1.0)), content_hash="another")

    label = pool([once, far, elsewhere])[0]

    assert (label.answer, label.supporters) == (DEPTH, 0)
    assert pool([]) == []


def test_longer_and_shorter_forms_of_one_piece_bear_each_other_out(reading: Reading) -> None:
    whole = asked(reading, 0, ("11 metres at low water", 0.6), (LENGTH, 0.4))
    part = asked(reading, 20, (DEPTH, 0.9))

    label = pool([whole, part])[0]

    assert label.answer == "11 metres at low water"
    assert label.supporters == 1


def test_another_value_bears_nothing_out(reading: Reading) -> None:
    decimal = asked(reading, 0, ("1.5 metres", 0.6), (LENGTH, 0.4))
    whole = asked(reading, 20, ("15 metres", 0.9))

    label = pool([decimal, whole])[0]

    assert (label.answer, label.supporters) == ("1.5 metres", 0)


def test_what_users_vouch_for_stays(reading: Reading) -> None:
    vouched = asked(reading, 0, ("12 metres", 1.0))
    others = [asked(reading, angle, (DEPTH, 0.9)) for angle in (5, 10)]

    assert pool([vouched, *others], {vouched.question})[0].answer == "12 metres"


def test_the_order_of_the_questions_does_not_matter(reading: Reading) -> None:
    rows = [
        asked(reading, 0, (DEPTH, 0.9), (LENGTH, 0.1)),
        asked(reading, 10, (LENGTH, 0.5), (DEPTH, 0.4)),
        asked(reading, 20, (DEPTH, 0.7), (LENGTH, 0.2)),
        asked(reading, 80, (LENGTH, 0.9)),
    ]
    expected = pool(rows)

    for order in itertools.permutations(range(4)):
        labels = pool([rows[i] for i in order])
        for place, i in enumerate(order):
            assert labels[place].answer == expected[i].answer
            assert labels[place].share == pytest.approx(expected[i].share)
