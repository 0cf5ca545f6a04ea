"""Made-up worlds: whole facts, the same for a seed, and nothing that two of them share."""

import re

from benchmarks.meta_learning.worlds import world


def test_a_fact_says_its_answer_and_is_asked_for_without_it() -> None:
    for fact in world(1, 400):  # enough for every kind of thing and of value
        assert fact.answer in fact.sentence
        assert not re.search("[{}]", " ".join((fact.sentence, *fact.questions)))
        assert len(set(fact.questions)) == 3
        assert all(question.endswith("?") for question in fact.questions)
        assert not any(f" {fact.answer}" in question for question in fact.questions)


def test_a_seed_is_one_world() -> None:
    assert world(7, 30) == world(7, 30)
    assert world(7, 10) == world(7, 30)[:10]
    assert not {fact.sentence for fact in world(7, 30)} & {fact.sentence for fact in world(8, 30)}
