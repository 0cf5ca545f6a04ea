"""Closed-book answers: the likeliest of the answers that an adapter was trained on.

A small model that does not know an answer invents one. So it does not write freely: it chooses
among the trained answers and the abstention. Knows no route and no text.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from ragcl.generation.language_model import Completion, LanguageModel
from ragcl.generation.prompts import ABSTENTION, answer_tokens
from ragcl.generation.recipe import ROUTING
from ragcl.generation.scoring import Fork, Prompt
from ragcl.text.answers import canonical


def likelihood_alone(answers: Iterable[str]) -> dict[str, float]:
    """A uniform prior: the weights alone decide.

    Put the likely answer first, and less has to be computed.
    """
    return dict.fromkeys(answers, 0.0)


def by_nearness(similarities: Mapping[str, float]) -> dict[str, float]:
    """Log-priors of answers, from the similarity to the nearest question each was trained for.

    The abstention, with prior 0, counts as an answer to a question that is less similar than the
    nearest by `ROUTING.wording`; with more the model would abstain from many new wordings.
    """
    unknown = max(similarities.values(), default=0.0) - ROUTING.wording
    return {answer: ROUTING.nearness * (one - unknown) for answer, one in similarities.items()}


def recall(
    model: LanguageModel,
    prompts: Sequence[Prompt],
    taught: Sequence[Mapping[str, float]],
    *,
    adapter: str | None,
    progress: Callable[[int], None] | None = None,
) -> list[Completion]:
    """Answer closed-book.

    Args:
        model: with the adapter attached.
        prompts: closed-book prompts of the questions.
        taught: for every question the candidate answers, each with its log-prior (nats). The
            abstention is always a candidate, with log-prior 0.
        adapter: the adapter that was trained on them; None: the base model.
        progress: called with 1 after every question.

    Returns:
        One completion for each prompt; its log-probability is among all texts, without the prior.
    """
    forks, texts = [], []
    for prompt, choices in zip(prompts, taught, strict=True):
        prior: dict[str, float] = {}
        seen = {canonical(ABSTENTION)}
        for text in sorted(choices, key=lambda text: -choices[text]):
            if canonical(text) not in seen:
                seen.add(canonical(text))
                prior[text] = choices[text]
        prior[ABSTENTION] = 0.0
        texts.append(list(prior))
        answers = [one.ids for one in answer_tokens(model.tokenizer, texts[-1])]
        forks.append(Fork(prompt, answers, list(prior.values())))
    found = []
    likeliest = model.likeliest(forks, adapter=adapter, keep=ROUTING.recalled)
    for fork, words, best in zip(forks, texts, likeliest, strict=True):
        tokens = fork.candidates[best.candidate]
        logprob = best.stopped[-1] / (len(tokens) + 1)
        found.append(Completion(words[best.candidate], tokens, logprob))
        if progress:
            progress(1)
    return found
