"""Probes of general ability: what the model could do before it learned anything, and still should.

The model gets a choice right where the right continuation is likelier than every other or, if there
is only one, where it would write just that: `acc` of EleutherAI's evaluation harness for ARC-easy
(Clark et al. 2018), BLiMP (Warstadt et al. 2020) and LAMBADA (Paperno et al. 2016). Knows the form
of their files and nothing of documents.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ragcl.generation.language_model import LanguageModel
from ragcl.generation.plain_text import text_ids

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Choice:
    """A text and how it may go on; `right` is the place of the continuation that is right."""

    context: str
    continuations: tuple[str, ...]
    right: int = 0


def arc_easy(path: Path) -> list[Choice]:
    """Questions of school science: JSON lines with `query`, `choices` and `gold`."""
    return [
        Choice(f"{one['query']}\nAnswer:", tuple(f" {c}" for c in one["choices"]), one["gold"])
        for one in _lines(path)
    ]


def lambada(path: Path) -> list[Choice]:
    """The last word of a passage: JSON lines with `context` and `continuation`."""
    return [Choice(one["context"], (f" {one['continuation'].strip()}",)) for one in _lines(path)]


def blimp(path: Path) -> list[Choice]:
    """Pairs of sentences, one of them ungrammatical: JSON lines of `sentence_good` and `_bad`."""
    return [Choice("", (one["sentence_good"], one["sentence_bad"])) for one in _lines(path)]


def evenly(things: Sequence[Thing], count: int) -> list[Thing]:
    """So many of some things, taken at equal distances; all if there are fewer."""
    step = max(1.0, len(things) / count)
    return [things[int(i * step)] for i in range(min(count, len(things)))]


def answered(
    model: LanguageModel, choices: Sequence[Choice], adapter: str | None = None
) -> list[bool]:
    """Whether the model gets each choice right.

    Args:
        model: the language model.
        choices: what is asked.
        adapter: the name of an attached adapter, or None for the base model.
    """
    rows: list[tuple[int, ...]] = []
    lengths: list[int] = []
    for one in choices:
        context = _ids(model, one.context)
        for continuation in one.continuations:
            # As one text: where the two meet, its tokens may be others than those of each alone.
            rows.append(_ids(model, one.context + continuation))
            lengths.append(len(rows[-1]) - len(context))
    scored = iter(zip(model.sequence_logprobs(rows, adapter), lengths, strict=True))
    right = []
    for one in choices:
        found = [next(scored) for _ in one.continuations]
        if len(found) == 1:
            [((_, likeliest), length)] = found
            right.append(bool(likeliest[-length:].all()))
        else:
            sums = [float(logprobs[-length:].sum()) for (logprobs, _), length in found]
            right.append(sums.index(max(sums)) == one.right)
    return right


def _ids(model: LanguageModel, text: str) -> tuple[int, ...]:
    """The tokens of a text behind the mark that begins one."""
    tokenizer = model.tokenizer
    begin = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    return (begin, *text_ids(tokenizer, text))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)
