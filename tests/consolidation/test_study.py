"""Study: a row is taught in wordings of its own, and never in those that verification asks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ragcl.consolidation.study import BLANK, consistent, wordings
from ragcl.consolidation.verification import rewordings
from ragcl.generation.reading import Reading, Sentence, content_words

WORDS = st.lists(st.sampled_from("how deep is the north berth at low water".split()), min_size=1)


@pytest.fixture
def reading() -> Reading:
    sentences = (Sentence("It is open.", "y", 0.1), Sentence("It is 11 metres deep.", "x", 0.9))
    return Reading(
        question="How deep is the north berth at low water?",
        answer="11 metres",
        content_hash="x",
        ids=(1,),
        logprob=-0.1,
        top_ids=torch.zeros(2, 1, dtype=torch.long),
        top_logprobs=torch.zeros(2, 1),
        trust=1.0,
        sentences=sentences,
        vector=np.zeros(2, np.float32),
        best_hit="x",
        score=0.9,
        margin=0.1,
    )


def test_a_question_is_taught_as_it_was_asked_as_some_words_and_as_a_sentence_with_a_blank(
    reading: Reading,
) -> None:
    first, *keywords, cloze = wordings(reading, seed=0)

    assert first == reading.question
    assert cloze == f"It is {BLANK} deep."
    words = set(content_words(reading.question))
    assert keywords
    for one in keywords:
        assert 2 <= len(one.split()) < len(words)
        assert words.issuperset(one.split())
    assert wordings(reading, seed=0) == [first, *keywords, cloze]
    assert wordings(reading, seed=1) != [first, *keywords, cloze]


def test_an_answer_that_is_in_no_sentence_leaves_no_blank(reading: Reading) -> None:
    assert not any(BLANK in one for one in wordings(replace(reading, sentences=()), seed=0))


def test_a_sentence_that_says_nothing_but_the_answer_is_no_wording(reading: Reading) -> None:
    alone = replace(reading, sentences=(Sentence("The 11 metres.", "x", 0.9),))

    assert not any(BLANK in one for one in wordings(alone, seed=0))


@given(words=WORDS, seed=st.integers(0, 100))
def test_what_verification_asks_is_never_trained_on(words: list[str], seed: int) -> None:
    question = " ".join(words)
    sentences = (Sentence("It is 11 metres deep.", "x", 0.9),)
    empty = torch.zeros(0, 1)
    row = Reading(
        question, "11 metres", "x", (), 0.0, empty, empty, 1.0, sentences, np.zeros(2), "x", 1, 1
    )

    assert not set(wordings(row, seed)[1:]) & {*rewordings(question), question}


def asked(reading: Reading, question: str, degrees: float, answer: str) -> Reading:
    """A reading whose question lies at an angle to the others."""
    angle = np.radians(degrees)
    vector = np.array([np.cos(angle), np.sin(angle)], np.float32)
    return replace(reading, question=question, answer=answer, vector=vector)


def test_an_answer_that_only_one_of_several_wordings_gives_is_not_learned(reading: Reading) -> None:
    right = asked(reading, "How deep is it?", 0, "11 metres")
    shorter = asked(reading, "What depth is there?", 40, "11")
    wrong = asked(reading, "What is the depth?", 20, "186 metres")

    assert consistent([right, shorter, wrong]) == [right, shorter]


def test_what_was_asked_in_one_way_is_learned_as_it_was_read(reading: Reading) -> None:
    depth = asked(reading, "How deep is it?", 0, "11 metres")
    soup = asked(reading, "What does soup cost?", 80, "3 crowns")

    assert consistent([depth, soup]) == [depth, soup]
    assert consistent([]) == []


def test_what_users_vouch_for_outweighs_what_was_read(reading: Reading) -> None:
    vouched = asked(reading, "How deep is it?", 0, "12 metres")
    wrong = asked(reading, "What depth is there?", 20, "11 metres")
    bearing_it_out = asked(reading, "What is the depth?", 20, "11 metres")
    far = asked(reading, "What does soup cost?", 100, "3 crowns")
    elsewhere = replace(wrong, content_hash="another")

    rows = [vouched, wrong, bearing_it_out, far]
    assert consistent(rows, {vouched.question}) == [vouched, far]
    assert consistent([vouched, elsewhere, replace(elsewhere, question="?")], {vouched.question})[
        1:
    ] == [elsewhere, replace(elsewhere, question="?")]
