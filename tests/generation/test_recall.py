"""Recall: an adapter chooses among the answers that it was taught."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragcl.generation.language_model import LanguageModel
from ragcl.generation.prompts import ABSTENTION, Prompts
from ragcl.generation.recall import by_nearness, likelihood_alone, recall
from ragcl.generation.recipe import ROUTING
from ragcl.text.answers import canonical

QUESTIONS = ("How deep is the north berth?", "Where do pilots board?", "What does soup cost?")
TAUGHT = ["11 metres", "at the red buoy", "3 crowns", "Marta Holm"]


@pytest.fixture(autouse=True)
def one(model: LanguageModel, random_adapters: Path) -> Iterator[None]:
    """The adapter of that name, attached."""
    model.attach("one", random_adapters / "one")
    yield
    model.detach("one")


def test_the_answer_is_the_likeliest_of_those_taught(model: LanguageModel) -> None:
    prompts = [Prompts(model.tokenizer).closed_book(question) for question in QUESTIONS]

    answers = recall(model, prompts, [likelihood_alone(TAUGHT)] * 3, adapter="one")

    for prompt, answer in zip(prompts, answers, strict=True):
        likelihoods = {text: likelihood(model, prompt.ids, text) for text in [ABSTENTION, *TAUGHT]}
        assert answer.text == max(likelihoods, key=lambda text: likelihoods[text])
        total = answer.logprob * (len(answer.token_ids) + 1)
        assert total == pytest.approx(likelihoods[answer.text], abs=1e-3)


def likelihood(model: LanguageModel, ids: tuple[int, ...], text: str) -> float:
    """The log-probability that the adapter writes just this, by a plain pass over the whole."""
    answer = _ids(model, text)
    logprobs = model.next_logprobs((*ids, *answer), "one")
    written = sum(float(logprobs[len(ids) - 1 + i, token]) for i, token in enumerate(answer))
    return written + float(logprobs[-1, sorted(model.stop_ids)].logsumexp(-1))


def _ids(model: LanguageModel, text: str) -> list[int]:
    return list(model.tokenizer(f" {text}", add_special_tokens=False)["input_ids"])


def test_where_nothing_was_taught_it_abstains(model: LanguageModel) -> None:
    prompts = [Prompts(model.tokenizer).closed_book(question) for question in QUESTIONS[:2]]

    answer, other = recall(model, prompts, [{}, likelihood_alone(TAUGHT)], adapter="one")

    assert other.text in [ABSTENTION, *TAUGHT]
    assert answer.text == ABSTENTION


def test_an_answer_taught_twice_is_one_and_progress_counts_questions(model: LanguageModel) -> None:
    done: list[int] = []
    prompts = [Prompts(model.tokenizer).closed_book(question) for question in QUESTIONS]

    twice = [likelihood_alone(["3 crowns", "3 Crowns."])] * 3
    answers = recall(model, prompts, twice, adapter="one", progress=done.append)

    assert done == [1, 1, 1]
    assert {canonical(answer.text) for answer in answers} <= {"3 crowns", canonical(ABSTENTION)}


def test_what_speaks_for_an_answer_beforehand_is_added_to_its_likelihood(
    model: LanguageModel,
) -> None:
    prompt = Prompts(model.tokenizer).closed_book(QUESTIONS[0])

    for favoured in TAUGHT:
        choices = {text: 0.0 if text == favoured else -99.0 for text in TAUGHT}
        [answer] = recall(model, [prompt], [choices], adapter="one")
        assert answer.text in (favoured, ABSTENTION)
        assert answer.text == best_of(model, prompt.ids, [favoured])


def best_of(model: LanguageModel, ids: tuple[int, ...], answers: list[str]) -> str:
    """The likeliest of some answers and of not knowing."""
    return max([ABSTENTION, *answers], key=lambda text: likelihood(model, ids, text))


def test_the_nearer_an_answer_is_the_more_it_is_favoured_over_not_knowing() -> None:
    found = by_nearness({"11 metres": 0.7, "3 crowns": 0.5})

    assert found["11 metres"] == pytest.approx(ROUTING.wording * ROUTING.nearness)
    assert found["3 crowns"] == pytest.approx((ROUTING.wording - 0.2) * ROUTING.nearness)
    assert by_nearness({}) == {}
