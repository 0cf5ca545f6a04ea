"""Anchors: texts that have nothing to do with what is learned, to stay near the base model on.

Keeping the adapter's predictions on them near the base model's keeps its general ability (prompt
distillation, arXiv 2412.14964). They are `anchors.txt`, a paragraph a line: written for this, since
what a small model writes by itself is too unlike real text to show how far it drifts on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from ragcl.consolidation.recipe import TRAINING
from ragcl.generation.language_model import LanguageModel

if TYPE_CHECKING:
    import torch

TEXTS = "anchors.txt"


@dataclass(frozen=True)
class Anchor:
    """Token ids `(n,)`, and what the base model makes of them.

    Its likeliest next tokens at each place, `(n, k)`, and the log-probability (nats) of the text
    from its second token on.
    """

    ids: tuple[int, ...]
    top_ids: "torch.Tensor"
    top_logprobs: "torch.Tensor"
    logprob: float


def texts() -> tuple[list[str], list[str]]:
    """The texts to train with, and those on which drift is measured."""
    lines = resources.files(__package__).joinpath(TEXTS).read_text(encoding="utf-8").splitlines()
    found = [line for line in lines if line]
    unseen = found[:: TRAINING.unseen_of]
    return [text for text in found if text not in unseen], unseen


def make(model: LanguageModel, anchor_texts: Sequence[str]) -> list[Anchor]:
    """What the base model predicts on the texts."""
    made = []
    for text in anchor_texts:
        ids = tokens(model, text)
        logprobs = model.next_logprobs(ids, None)
        made.append(Anchor(ids, *likeliest(logprobs), text_logprob(ids, logprobs)))
    return made


def tokens(model: LanguageModel, text: str) -> tuple[int, ...]:
    """The token ids of an anchor."""
    return tuple(model.tokenizer(text)["input_ids"][: TRAINING.anchor_tokens])


def likeliest(logprobs: "torch.Tensor") -> tuple["torch.Tensor", "torch.Tensor"]:
    """The labels of an anchor: of `(n, words)` the tokens and values that are kept, `(n, k)`.

    Of a smaller vocabulary all are.
    """
    top = logprobs.topk(min(TRAINING.anchor_labels, logprobs.shape[-1]), dim=-1)
    return top.indices, top.values


def text_logprob(ids: Sequence[int], logprobs: "torch.Tensor") -> float:
    """Of a text from its second token on, by what follows each of its `n` tokens, `(n, words)`."""
    return float(logprobs[range(len(ids) - 1), list(ids[1:])].sum())
