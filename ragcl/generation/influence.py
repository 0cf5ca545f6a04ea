"""Influence: leave-one-out attribution of an answer to its sources.

The influence of a source is the log-probability of the answer given all sources, minus that without
this one. ContextCite (Cohen-Wang et al. 2024, arXiv 2409.00729) estimates the same for many small
sources with a linear surrogate; the few chunks of a prompt are measured one by one. Knows no log,
and nothing of how the sources were found.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ragcl.generation.language_model import LanguageModel
from ragcl.generation.scoring import Prompt
from ragcl.generation.spans import continuation


@dataclass(frozen=True)
class Shown:
    """A piece of text in a prompt, and its chunk."""

    text: str
    content_hash: str


@dataclass(frozen=True)
class Influence:
    """The contributions to an answer's log-probability, in nats; positive ones support it.

    `chunks` has the current sources by content hash, 0.0 for one that is not in the prompt;
    `weights` is the adapter's, None if there was none or it is not active any more.
    """

    chunks: dict[str, float]
    weights: float | None


def leave_one_out(
    model: LanguageModel,
    answer: str,
    shown: Sequence[Shown],
    compose: Callable[[Sequence[str]], Prompt],
    adapter: str | None,
) -> dict[str, float]:
    """The influence of every chunk in the prompt, by content hash, in nats.

    Args:
        model: with the adapter attached.
        answer: the answer; not empty.
        shown: the pieces in the prompt, in order; a chunk may have several.
        compose: makes the prompt that shows these texts.
        adapter: which adapter reads, or None for the base model.
    """
    whole = likelihood(model, compose([one.text for one in shown]), answer, adapter)
    return {
        key: whole
        - likelihood(
            model,
            compose([one.text for one in shown if one.content_hash != key]),
            answer,
            adapter,
        )
        for key in dict.fromkeys(one.content_hash for one in shown)
    }


def likelihood(model: LanguageModel, prompt: Prompt, answer: str, adapter: str | None) -> float:
    """The log-probability (nats, summed) that the model writes just this answer and stops."""
    _, scored = continuation(model, prompt, answer, adapter=adapter)
    return scored.stopped[-1]
