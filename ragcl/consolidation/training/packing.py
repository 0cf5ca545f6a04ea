"""Packing: training examples as one sequence of tokens, and the loss of a pack.

The loss is the KL divergence to the soft labels at the targets, plus the cross-entropy, each with
its weight. Replay examples are packed beside the batch's own. Knows no optimizer and no adapter.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from accelerate.utils import extract_model_from_parallel
from torch.nn.functional import log_softmax

from ragcl.consolidation.recipe import TRAINING
from ragcl.consolidation.training.anchors import likeliest
from ragcl.consolidation.training.drift_penalty import model_input
from ragcl.generation.attention import attention_mask

UNLIKELY = -30.0  # nats: the padding of soft labels, where a row has fewer than another


@dataclass(frozen=True)
class Example:
    """Token ids of a prompt and a target; soft labels `(len(target), k)`.

    `hard` is the weight of the cross-entropy, `soft` that of the KL divergence. `hidden`,
    `(len(prompt) + len(target), width)`, is the output of the frozen layers, if it was computed.
    """

    prompt: tuple[int, ...]
    target: tuple[int, ...]
    top_ids: torch.Tensor
    top_logprobs: torch.Tensor
    hard: float
    soft: float
    hidden: torch.Tensor | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        """The prompt and the target."""
        return self.prompt + self.target


def unlabelled(prompt: tuple[int, ...], target: tuple[int, ...]) -> Example:
    """An example whose soft labels are placeholders, to be computed by `labelled`."""
    labels = torch.zeros(len(target), 1)
    return Example(prompt, target, labels.long(), labels, hard=0.0, soft=1.0)


def labelled(examples: Sequence[Example], model: Any) -> list[Example]:
    """The examples with the model's predictions at their targets as soft labels (one pack)."""
    packed = pack([(examples, 1.0)])
    output = model(**packed_input(packed, model), logits_to_keep=packed["places"])
    labels = likeliest(log_softmax(output.logits[0].float(), dim=-1).cpu())
    top_ids, top_logprobs = (one.split([len(e.target) for e in examples]) for one in labels)
    return [
        replace(one, top_ids=ids, top_logprobs=logprobs)
        for one, ids, logprobs in zip(examples, top_ids, top_logprobs, strict=True)
    ]


def pieces(anchor: Example) -> list[Example]:
    """An anchor in pieces, each with all tokens before it as its prompt."""
    ids, before, size = anchor.ids, len(anchor.prompt), TRAINING.piece_tokens
    ends = [*range(before + size, len(ids) - size // 2, size), len(ids)]
    return [
        replace(
            anchor,
            prompt=ids[:start],
            target=ids[start:end],
            top_ids=anchor.top_ids[start - before : end - before],
            top_logprobs=anchor.top_logprobs[start - before : end - before],
            hidden=None if anchor.hidden is None else anchor.hidden[:end],
        )
        for start, end in itertools.pairwise([before, *ends])
    ]


class Collator:
    """Adds replay examples to a batch of rows.

    Each kind of `replay` is (examples, count in a batch, one batch in how many, loss weight).
    """

    def __init__(
        self, replay: Sequence[tuple[Sequence[Example], int, int, float]], seed: int
    ) -> None:
        self._step = 0
        self._replay = [
            (_shuffled(examples, seed), min(count, len(examples)), every, weight)
            for examples, count, every, weight in replay
            if examples
        ]

    def __call__(self, examples: list[Example]) -> dict[str, Any]:
        """The pack of a batch and of the replay examples that are due."""
        groups: list[tuple[Sequence[Example], float]] = [(examples, 1.0)]
        for order, count, every, weight in self._replay:
            if self._step % every == 0:
                groups.append(([next(order) for _ in range(count)], weight))
        self._step += 1
        return pack(groups)


def _shuffled(examples: Sequence[Example], seed: int) -> Iterator[Example]:
    random = torch.Generator().manual_seed(seed)
    while True:
        for i in torch.randperm(len(examples), generator=random).tolist():
            yield examples[i]


def batches(examples: Sequence[Example], tokens: int) -> Iterator[list[Example]]:
    """The examples in order, in batches of about `tokens` tokens."""
    ends = itertools.accumulate(len(one.ids) for one in examples)
    pairs = zip(ends, examples, strict=True)
    for _, batch in itertools.groupby(pairs, lambda pair: pair[0] // tokens):
        yield [one for _, one in batch]


def pack(groups: Sequence[tuple[Sequence[Example], float]]) -> dict[str, torch.Tensor]:
    """Groups of examples, each with its weight in the loss, as one sequence of `n` tokens.

    A group begins with the prefix that all its prompts share. The rest of each example follows and
    attends to that prefix and to itself. So the output is that of the example alone, but the prefix
    is computed once and nothing is padded.

    Returns:
        `tokens`, `(n,)` ids or `(n, width)` hidden states; `visible`, `(n, n) bool`, the attention
        mask; `positions`, `(n,)`. For the `t` target tokens: `places`, `(t,)`, the positions whose
        logits predict them; `target`, `(t,)`; `top_ids` and `top_logprobs`, `(t, k)`; `hard` and
        `soft`, `(t,)`, scaled so that the loss is a plain sum: each group's mean per token, times
        its weight.
    """
    k = max(e.top_ids.shape[-1] for examples, _ in groups for e in examples)
    parts = [_packed(examples, weight, k) for examples, weight in groups]
    starts = itertools.accumulate((len(part["tokens"]) for part in parts), initial=0)
    for part, start in zip(parts, starts, strict=False):
        part["places"] += start
    visible = torch.block_diag(*(part.pop("visible") for part in parts)).bool()
    return {"visible": visible} | {
        name: torch.cat([part[name] for part in parts]) for name in parts[0]
    }


def _packed(examples: Sequence[Example], weight: float, k: int) -> dict[str, torch.Tensor]:
    """One group of `pack`, with `k` soft labels a token."""
    shared = shared_prefix(examples)
    ends = list(itertools.accumulate((len(e.ids) - shared for e in examples), initial=shared))
    positions = torch.arange(ends[-1])
    visible = torch.zeros(ends[-1], ends[-1], dtype=torch.bool)
    visible[:, :shared] = True
    places = []
    for example, start, end in zip(examples, ends, ends[1:], strict=False):
        positions[start:end] -= start - shared
        visible[start:end, start:end] = True
        places.append(torch.arange(end - len(example.target), end) - 1)
    whole = [_states(e) for e in examples]
    lengths = torch.tensor([len(e.target) for e in examples])
    hard = torch.tensor([e.hard for e in examples]).repeat_interleave(lengths)
    soft = torch.tensor([e.soft for e in examples]).repeat_interleave(lengths)
    share = weight / ((hard + soft) > 0).sum().clamp_min(1)
    return {
        "tokens": torch.cat([whole[0][:shared], *(one[shared:] for one in whole)]),
        "visible": visible.tril(),
        "positions": positions,
        "places": torch.cat(places),
        "target": torch.tensor([token for e in examples for token in e.target]),
        "hard": share * hard,
        "soft": share * soft,
        "top_ids": torch.cat([_widened(e.top_ids, k, 0) for e in examples]),
        "top_logprobs": torch.cat([_widened(e.top_logprobs, k, UNLIKELY) for e in examples]),
    }


def shared_prefix(examples: Sequence[Example]) -> int:
    """The length of the prompts' common prefix, without the last token of any prompt."""
    prompts = [e.prompt[:-1] for e in examples]
    first, last = min(prompts), max(prompts)
    return next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b),
        min(len(first), len(last)),
    )


def _states(example: Example) -> torch.Tensor:
    """The model's input for an example: `(n,)` ids or `(n, width)` hidden states."""
    return torch.tensor(example.ids) if example.hidden is None else example.hidden


def _widened(values: torch.Tensor, k: int, filler: float) -> torch.Tensor:
    return torch.nn.functional.pad(values, (0, k - values.shape[-1]), value=filler)


def packed_input(packed: dict[str, torch.Tensor], model: Any) -> dict[str, Any]:
    """The arguments of the model for a pack."""
    return {
        **model_input(packed["tokens"][None].to(model.device)),
        "attention_mask": attention_mask(packed["visible"], packed["positions"], model),
        "position_ids": packed["positions"][None].to(model.device),
        "use_cache": False,
    }


def packed_loss(model: Any, packed: dict[str, torch.Tensor]) -> torch.Tensor:
    """The loss of a pack: the weighted cross-entropy and KL divergence at the targets."""
    given = packed_input(packed, extract_model_from_parallel(model))
    output = model(**given, logits_to_keep=packed["places"])
    logprobs = log_softmax(output.logits[0].float(), dim=-1)
    hard = -logprobs.gather(-1, packed["target"][:, None])[:, 0]
    soft = sparse_kl(logprobs, packed["top_ids"], packed["top_logprobs"])
    loss: torch.Tensor = (packed["hard"] * hard + packed["soft"] * soft).sum()
    return loss


def sparse_kl(
    logprobs: torch.Tensor, top_ids: torch.Tensor, top_logprobs: torch.Tensor
) -> torch.Tensor:
    """KL(teacher || student) over the teacher's top tokens, with all others merged into one.

    Args:
        logprobs: the student's, `(..., vocabulary)`.
        top_ids: `(..., k)` the teacher's likeliest tokens.
        top_logprobs: `(..., k)` the teacher's log-probabilities of them. Values of at most
            `UNLIKELY` are padding, whatever their token is, and count to the others.

    Returns:
        `(...)`, nats.
    """
    student = logprobs.gather(-1, top_ids).masked_fill(top_logprobs <= UNLIKELY, UNLIKELY)
    top_logprobs = top_logprobs.clamp_min(UNLIKELY)
    teacher = top_logprobs.exp()
    kl = (teacher * (top_logprobs - student)).sum(-1)
    rest = (1 - teacher.sum(-1)).clamp_min(1e-6)
    student_rest = (1 - student.exp().sum(-1)).clamp_min(1e-6)
    return kl + rest * (rest.log() - student_rest.log())
