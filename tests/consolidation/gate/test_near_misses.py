"""Near misses: learned questions, and the answers that must not be given to them."""

import math
from dataclasses import replace

import numpy as np
import torch

from ragcl.catalog.learning import LearnedQuestion
from ragcl.consolidation.gate.near_misses import NearMiss, near_misses
from ragcl.generation.reading import Reading


def asked(question: str, answer: str, degrees: float, key: str = "x") -> Reading:
    angle = math.radians(degrees)
    return Reading(
        question=question,
        answer=answer,
        content_hash=key,
        ids=(1,),
        logprob=-0.1,
        top_ids=torch.zeros(2, 1, dtype=torch.long),
        top_logprobs=torch.zeros(2, 1),
        trust=1.0,
        sentences=(),
        vector=np.array([math.cos(angle), math.sin(angle)], np.float32),
        found=(key,),
        score=0.9,
        margin=0.1,
    )


def learned(*rows: Reading, proved: bool = True) -> list[LearnedQuestion]:
    return [
        LearnedQuestion(one.content_hash, one.question, one.answer, one.vector, 0.1, proved)
        for one in rows
    ]


def pairs(found: list[NearMiss]) -> list[tuple[str, str]]:
    return [(one.question, one.learned.question) for one in found]


DEPTH = asked("How deep is the north berth?", "11 metres", 0)
DEPTH_AGAIN = asked("What depth has the north berth?", "11 Metres.", 2)
LENGTH = asked("How long is the north berth?", "186 metres", 10)
NAME = asked("Who built the north berth?", "Ann", 50)
EAST = asked("How deep is the east berth?", "9 metres", 5, "y")
SOUP = asked("What does soup cost?", "3 crowns", 90, "y")


def test_the_nearest_other_answers_of_the_passage_and_of_another_are_near_misses() -> None:
    every = learned(DEPTH, DEPTH_AGAIN, LENGTH, NAME, EAST, SOUP)

    found = near_misses([DEPTH], every)

    assert pairs(found) == [
        (DEPTH.question, LENGTH.question),
        (DEPTH.question, EAST.question),
    ]


def test_a_fact_counts_once_however_often_it_was_asked_for() -> None:
    every = learned(DEPTH, DEPTH_AGAIN, LENGTH)

    assert pairs(near_misses([DEPTH, DEPTH_AGAIN], every)) == [(DEPTH.question, LENGTH.question)]
    assert len(near_misses([DEPTH, LENGTH], every)) == 2


def test_what_is_never_served_is_no_near_miss() -> None:
    assert near_misses([DEPTH], learned(LENGTH, proved=False)) == []
    assert near_misses([DEPTH], learned(replace(LENGTH, answer=""))) == []


def test_an_answer_that_is_right_as_well_is_no_near_miss() -> None:
    longer = replace(LENGTH, answer="11 metres at low water")

    assert near_misses([DEPTH], learned(DEPTH, longer)) == []
    assert near_misses([], learned(DEPTH)) == []
