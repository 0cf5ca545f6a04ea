"""Influence: what an answer loses in likelihood when one source is left out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from test_answering import ELSEWHERE, QUESTION, install
from transformers import AutoModelForCausalLM

from ragcl import KnowledgeBase
from ragcl.generation.influence import Shown, leave_one_out, likelihood
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.prompts import Prompts
from ragcl.generation.scoring import Prompt


@pytest.fixture
def full(kb_folder: Path, docs: Path) -> Iterator[KnowledgeBase]:
    """A knowledge base that holds the four documents."""
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
        yield kb


def test_a_likelihood_is_that_of_transformers(model: LanguageModel) -> None:
    prompt = Prompt(tuple(model.tokenizer("The north berth")["input_ids"]))
    answer = model.tokenizer(" 11 metres")["input_ids"]
    everything = (*prompt.ids, *answer)
    reference = AutoModelForCausalLM.from_pretrained(model.files.path, dtype=torch.float32).eval()
    with torch.inference_mode():
        logprobs = torch.log_softmax(reference(torch.tensor([everything])).logits[0], -1)
    places = range(len(prompt.ids) - 1, len(everything) - 1)
    expected = float(logprobs[places, answer].sum())
    expected += float(logprobs[-1, sorted(model.stop_ids)].logsumexp(-1))

    assert likelihood(model, prompt, "11 metres", None) == pytest.approx(expected, abs=1e-3)


def test_a_chunk_is_left_out_with_all_its_pieces(model: LanguageModel) -> None:
    asked: list[tuple[str, ...]] = []
    prompts = Prompts(model.tokenizer)
    shown = [Shown("one", "a"), Shown("two", "b"), Shown("three", "a")]

    def compose(texts: list[str]) -> Prompt:
        asked.append(tuple(texts))
        return prompts.with_context("Which?", texts, 100)

    found = leave_one_out(model, "two", shown, compose, None)  # type: ignore[arg-type]

    assert asked == [("one", "two", "three"), ("two",), ("one", "three")]
    whole, without_a, without_b = (
        likelihood(model, prompts.with_context("Which?", texts, 100), "two", None)
        for texts in asked
    )
    assert found == pytest.approx({"a": whole - without_a, "b": whole - without_b})


def test_the_sources_of_an_answer_from_the_context(full: KnowledgeBase) -> None:
    answer = full.ask(QUESTION)

    quick, found = full.explain(answer.id), full.explain(answer.id, influence=True)

    assert {source["influence"] for source in quick.sources} == {None}
    assert found.weights_influence is None
    measured = {one["content_hash"]: one["influence"] for one in found.sources}
    cited = {one.content_hash for one in answer.citations}
    assert all(measured[key] != 0.0 for key in cited)
    assert all(measured[key] == 0.0 for key in measured.keys() - cited)


def test_the_measured_prompt_is_the_one_that_was_answered(full: KnowledgeBase) -> None:
    """The answer is as likely as it was when it was given."""
    answer = full.ask(QUESTION)
    composed: list[int] = []
    with_context = Prompts.with_context

    def watched(self: Prompts, question: str, texts: list[str], budget: int) -> Prompt:
        prompt = with_context(self, question, texts, budget)
        composed.append(len(prompt.ids))
        return prompt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prompts, "with_context", watched)
        full.explain(answer.id, influence=True)

    assert max(composed) == composed[0] == answer.prompt_tokens


def test_a_source_that_has_changed_is_not_measured(full: KnowledgeBase, docs: Path) -> None:
    answer = full.ask(QUESTION)
    path = docs / "berths.md"
    path.write_text(path.read_text().replace("11 metres", "12 metres"))
    full.ingest(docs)

    found = full.explain(answer.id, influence=True)

    by_current = {one["current"]: one["influence"] is None for one in found.sources}
    assert by_current == {False: True, True: False}


def test_the_weights_are_a_source_too(full: KnowledgeBase, random_adapters: Path) -> None:
    install(full, random_adapters, "s0-x", QUESTION)
    weights, both = full.ask(QUESTION, mode="weights"), full.ask(QUESTION, mode="both")
    model = full._language_model
    closed_book = Prompts(model.tokenizer).closed_book(QUESTION)

    found = full.explain(weights.id, influence=True)

    expected = likelihood(model, closed_book, weights.text, "s0-x") - likelihood(
        model, closed_book, weights.text, None
    )
    assert found.weights_influence == pytest.approx(expected, abs=1e-3)
    assert any(source["influence"] for source in found.sources)  # what the context would give
    with_both = full.explain(both.id, influence=True)
    assert with_both.weights_influence not in (None, pytest.approx(expected, abs=1e-3))
    assert any(source["influence"] for source in with_both.sources)
    full.rollback()
    for one in (weights, both):
        assert full.explain(one.id, influence=True).weights_influence is None


def test_where_nothing_was_answered_nothing_is_measured(full: KnowledgeBase) -> None:
    answer = full.ask(ELSEWHERE)

    found = full.explain(answer.id, influence=True)

    assert {source["influence"] for source in found.sources} <= {None}
