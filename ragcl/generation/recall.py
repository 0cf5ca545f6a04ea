"""Answering from the weights: the likeliest of the answers that an adapter was taught.

A small model that does not recognise a question invents an answer. So it does not write: it chooses
among what it was taught and not knowing, and cannot say anything else. Knows no route and no text.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from ragcl.generation.language_model import Completion, LanguageModel, Prompt
from ragcl.generation.prompts import ABSTENTION, answer_tokens
from ragcl.generation.recipe import ROUTING
from ragcl.generation.scoring import Fork
from ragcl.text.answers import canonical


def likelihood_alone(answers: Iterable[str]) -> dict[str, float]:
    """Answers of which none is favoured: what the weights know by themselves.

    The sooner the one that they will choose, the less has to be computed.
    """
    return dict.fromkeys(answers, 0.0)


def by_nearness(similarities: Mapping[str, float]) -> dict[str, float]:
    """Answers favoured by how near the question is to the nearest one each was taught for.

    Not knowing counts as taught for a question that is further than the nearest by
    `ROUTING.wording`: else it would be said of many a question that is asked in new words.
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
        prompts: the questions, without any text.
        taught: of every question the answers that may be given, with what speaks for each
            beforehand (nats). Not knowing may be given always, and nothing speaks for it.
        adapter: the name of the adapter that was taught them; None: the base model was.
        progress: called with 1 after every question.

    Returns:
        One completion a prompt: its probability is that among all texts, not among these answers.
    """
    forks, texts = [], []
    for prompt, choices in zip(prompts, taught, strict=True):
        prior: dict[str, float] = {}
        said = {canonical(ABSTENTION)}
        for text in sorted(choices, key=lambda text: -choices[text]):
            if canonical(text) not in said:
                said.add(canonical(text))
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
