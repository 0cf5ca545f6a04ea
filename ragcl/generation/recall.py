"""Answering from the weights: the likeliest of the answers that an adapter was taught.

A small model that does not recognise a question invents an answer. So it does not write: it chooses
among what it was taught and not knowing, and cannot say anything else. Knows no route and no text.
"""

from collections.abc import Callable, Iterable, Sequence

from ragcl.evaluation.metrics import normalise
from ragcl.generation.language_model import Completion, LanguageModel, Prompt
from ragcl.generation.prompts import ABSTENTION, answer_tokens

STARTS = 16  # answers that are weighed: those with the likeliest first token


def recall(
    model: LanguageModel,
    prompts: Sequence[Prompt],
    taught: Sequence[Iterable[str]],
    *,
    adapter: str | None,
    progress: Callable[[int], None] | None = None,
) -> list[Completion]:
    """Answer closed-book.

    Args:
        model: with the adapter attached.
        prompts: the questions, without any text.
        taught: of every question the answers that may be given; not knowing always may.
        adapter: the name of the adapter that was taught them; None: the base model was.
        progress: called with 1 after every question.

    Returns:
        One completion a prompt: its probability is that among all texts, not among these answers.
    """
    found = []
    for prompt, choices in zip(prompts, taught, strict=True):
        texts = list({normalise(text): text for text in [ABSTENTION, *choices]}.values())
        answers = [one.ids for one in answer_tokens(model.tokenizer, texts)]
        weighed = model.continuations(prompt, answers, adapter=adapter, keep=STARTS)
        best = max(weighed, key=lambda one: one.stopped[-1])
        tokens = answers[best.candidate]
        logprob = best.stopped[-1] / (len(tokens) + 1)
        found.append(Completion(texts[best.candidate], tokens, logprob))
        if progress:
            progress(1)
    return found
