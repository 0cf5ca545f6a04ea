"""Examples: a row is taught in wordings of its own, and never in those that verification asks."""

from dataclasses import replace

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from ragcl.consolidation.examples import BLANK, make_examples, wordings
from ragcl.consolidation.verification import rewordings
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.prompts import ABSTENTION, Prompts
from ragcl.generation.reading import Reading, Sentence, content_words
from ragcl.settings import ConsolidationSettings

WORDS = st.lists(st.sampled_from("how deep is the north berth at low water".split()), min_size=1)


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


def test_a_row_becomes_prompts_without_passages_and_some_with(
    reading: Reading, model: LanguageModel
) -> None:
    prompts = Prompts(model.tokenizer)
    settings = ConsolidationSettings(cross_entropy_weight=2.0, soft_label_weight=0.3)
    row = replace(reading, trust=0.5)

    closed, context = make_examples([row], ["Who sings?"], prompts, settings, context_tokens=100)

    taught, [unknown] = closed
    texts = wordings(row, settings.seed)
    assert [one.prompt for one in taught] == [prompts.closed_book(text).ids for text in texts]
    assert {one.target for one in taught} == {(*row.ids, model.tokenizer.eos_token_id)}
    assert {(one.hard, one.soft) for one in taught} == {(1.0, 0.3)}
    assert unknown.prompt == prompts.closed_book("Who sings?").ids
    assert unknown.target == prompts.answer_ids(ABSTENTION)
    [one] = context
    shown = [sentence.text for sentence in row.sentences]
    assert one.prompt == prompts.with_context(row.question, shown, 100).ids
    assert (one.hard, one.soft) == (0.0, 1.0)
