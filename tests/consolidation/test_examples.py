"""Examples: a row is taught as it was asked, and some with their passages."""

from dataclasses import replace

from ragcl.consolidation.examples import make_examples
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.prompts import ABSTENTION, Prompts
from ragcl.generation.reading import Reading
from ragcl.settings import ConsolidationSettings


def test_a_row_becomes_a_prompt_without_passages_and_some_become_one_with(
    reading: Reading, model: LanguageModel
) -> None:
    prompts = Prompts(model.tokenizer)
    settings = ConsolidationSettings(cross_entropy_weight=2.0, soft_label_weight=0.3)
    row = replace(reading, trust=0.5)

    closed, context = make_examples([row], ["Who sings?"], prompts, settings, context_tokens=100)

    taught, unknown = closed
    assert taught.prompt == prompts.closed_book(row.question).ids
    assert taught.target == (*row.ids, model.tokenizer.eos_token_id)
    assert (taught.hard, taught.soft) == (1.0, 0.3)
    assert unknown.prompt == prompts.closed_book("Who sings?").ids
    assert unknown.target == prompts.answer_ids(ABSTENTION)
    [one] = context
    shown = [sentence.text for sentence in row.sentences]
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
