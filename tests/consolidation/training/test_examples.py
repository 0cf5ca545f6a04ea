"""Examples: a row is taught as it was asked, a few in other words too, some with their passages."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ragcl.consolidation.recipe import TRAINING
from ragcl.consolidation.training.examples import make_examples, word_samples
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.narrowing import excerpts
from ragcl.generation.prompts import ABSTENTION, Prompts
from ragcl.generation.reading import Reading
from ragcl.settings import ConsolidationSettings
from ragcl.text.rewording import rewordings
from ragcl.text.words import content_words

WORDS = st.lists(st.sampled_from("how deep is the north berth at low water".split()), min_size=1)


def test_a_row_becomes_a_prompt_without_passages_and_some_become_one_with(
    reading: Reading, model: LanguageModel
) -> None:
    prompts = Prompts(model.tokenizer)
    settings = ConsolidationSettings(
        cross_entropy_weight=2.0, soft_label_weight=0.3, epochs=8, min_steps=1
    )
    row = replace(reading, trust=0.5)

    closed, context = make_examples([row], ["Who sings?"], prompts, settings, context_tokens=100)

    taught, unknown = closed
    assert taught.prompt == prompts.closed_book(row.question).ids
    assert taught.target == (*row.ids, model.tokenizer.eos_token_id)
    assert (taught.hard, taught.soft) == (1.0, 0.3)
    assert unknown.prompt == prompts.closed_book("Who sings?").ids
    assert unknown.target == prompts.answer_ids(ABSTENTION)
    [one] = context
    shown = [one.text for one in excerpts(row.sentences)]
    assert one.prompt == prompts.with_context(row.question, shown, 100).ids
    assert (one.hard, one.soft) == (0.0, 1.0)


def test_one_row_in_sixteen_is_taught_with_its_passages_too(
    reading: Reading, model: LanguageModel
) -> None:
    rows = [replace(reading, question=f"How deep is berth {n}?") for n in range(32)]
    prompts = Prompts(model.tokenizer)

    closed, context = make_examples(rows, (), prompts, ConsolidationSettings(), context_tokens=100)

    assert len(closed) == 32
    assert len(context) == 2


def test_few_rows_are_taught_in_other_words_too_as_far_as_there_are_passes_to_spare(
    reading: Reading, model: LanguageModel
) -> None:
    prompts = Prompts(model.tokenizer)
    settings = ConsolidationSettings(epochs=8, min_steps=48, batch_size=8)

    def taught(count: int) -> list[tuple[int, ...]]:
        rows = [
            replace(reading, question=f"How deep is the harbour at berth {n} in winter?")
            for n in range(count)
        ]
        closed, _ = make_examples(rows, (), prompts, settings, context_tokens=100)
        assert {one.target for one in closed} == {closed[0].target}
        return [one.prompt for one in closed]

    question = "How deep is the harbour at berth 0 in winter?"
    asked = [question, *word_samples(question, TRAINING.word_samples, settings.seed)]
    assert taught(1) == [prompts.closed_book(one).ids for one in asked]
    assert len(taught(16)) == 16 + 2 * 16  # 24 passes, for 8 of each
    assert len(taught(48)) == 48
    assert len(taught(480)) == 480


@given(words=WORDS, count=st.integers(0, 6), seed=st.integers(0, 100))
def test_a_handful_is_some_of_the_words_and_never_what_verification_asks(
    words: list[str], count: int, seed: int
) -> None:
    question = " ".join(words)

    made = word_samples(question, count, seed)

    assert len(made) <= count
    assert not set(made) & {*rewordings(question), question}
    for one in made:
        assert set(content_words(question)).issuperset(one.split())
    assert made == word_samples(question, count, seed)
