"""Contradictions: a text that says otherwise of the same thing, and none that speaks of another."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ragcl.catalog.passage import Passage
from ragcl.consolidation.study.contradictions import Contradiction, contradiction
from ragcl.generation.narrowing import Sentence
from ragcl.generation.reading import Reading
from ragcl.search.retrieval import Retrieval

QUESTION = "How deep is the north berth?"


class Reads:
    """A reader that takes the last words of the only sentence it is shown."""

    def __init__(self, trust: float = 1.0) -> None:
        self.trust = trust

    def read(
        self, question: str, _retrieval: Retrieval, sentences: list[Sentence]
    ) -> Reading | None:
        [sentence] = sentences
        return reading(
            question, sentence, " ".join(sentence.text.strip(".").split()[-2:]), self.trust
        )


def reading(question: str, sentence: Sentence, answer: str, trust: float = 1.0) -> Reading:
    return Reading(
        question=question,
        answer=answer,
        content_hash=sentence.content_hash,
        ids=(1,),
        logprob=-0.1,
        top_ids=torch.zeros(2, 1, dtype=torch.long),
        top_logprobs=torch.zeros(2, 1),
        trust=trust,
        sentences=(sentence,),
        vector=np.zeros(2, np.float32),
        found=(sentence.content_hash,),
        score=0.9,
        margin=0.1,
    )


def told(
    other: str,
    heading: str = "",
    trust: float = 1.0,
    question: str = QUESTION,
    own_text: str = "The north berth is 11 metres deep: 11 metres.",
    before: str = "",
) -> str | None:
    """The source that contradicts `own_text`, whose last two words are the answer, if it does.

    `before` stands before it in its text.
    """
    own = Sentence(own_text, "x", 0.9)
    answer = " ".join(own_text.strip(".").split()[-2:])
    against = Sentence(other, "y", 0.8)
    hits = tuple(
        Passage(text, 0.5, f"{key}.md", None, title, key)
        for key, text, title in (("x", f"{before} {own_text}", "Berths"), ("y", other, heading))
    )
    first = replace(reading(question, own, answer), sentences=(against, own))
    found = contradiction(Reads(trust), first, Retrieval(first.vector, hits))  # type: ignore[arg-type]
    return found and found.reason.split()[0]


def test_a_text_that_says_otherwise_of_the_same_contradicts() -> None:
    assert told("At the north berth it is 12 metres deep: 12 metres.") == "y.md"
    assert told("It is 12 metres deep: 12 metres.", heading="North berth") == "y.md"
    assert told("The north berth is 1.1 metres deep: 1.1 metres.") == "y.md"


@pytest.mark.parametrize(
    "other",
    [
        "The east berth is 9 metres deep: 9 metres.",  # of another thing
        "The north berth is 11 metres deep, as they say 11 metres.",  # the same
        "The north berth is deep and open.",  # another kind of answer
    ],
)
def test_what_speaks_of_something_else_does_not(other: str) -> None:
    assert told(other) is None


@pytest.mark.parametrize(
    ("other", "source"),
    [
        ("The safety officer of the Works is Ida Holm.", "y.md"),
        ("Report to the safety officer of the Works; nobody goes back inside.", None),
        ("The safety officer of the Works is on duty from day 1.", None),
    ],
)
def test_words_contradict_words_only_in_much_the_same_sentence(
    other: str, source: str | None
) -> None:
    question = "Who is the safety officer of the Works?"
    own = "The safety officer of the Works is Ruben Voss."

    assert told(other, question=question, own_text=own) == source


def test_a_doubtful_reading_contradicts_nothing() -> None:
    assert told("At the north berth it is 12 metres deep: 12 metres.", trust=0.2) is None


def test_a_question_in_other_words_than_the_text_proves_nothing() -> None:
    assert told("At the north berth 12 metres.", question="What draught may a tanker have?") is None


def test_what_names_its_subject_elsewhere_contradicts_only_texts_that_name_it_too() -> None:
    firm = {
        "question": "What is the colour of the logo of Varnholt?",
        "own_text": "The logo has the colour dark teal.",
        "before": "Varnholt makes pumps.",
    }

    assert told("The logo has the colour pale red.", **firm) is None
    assert told("The logo has the colour pale red.", heading="Varnholt", **firm) == "y.md"


def test_only_the_fact_in_dispute_is_left_out() -> None:
    depth = reading(QUESTION, Sentence("It is 11 metres deep.", "x", 0.9), "11 metres")
    length = replace(depth, answer="210 metres")
    found = Contradiction(QUESTION, "x", "11 metres", "y", "12 metres", "y.md")

    assert found.disputes(depth)
    assert found.disputes(replace(depth, content_hash="y", answer="12 metres"))
    assert not found.disputes(length)
    assert not found.disputes(replace(depth, content_hash="y"))
