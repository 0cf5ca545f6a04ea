"""The models that were measured with ragcl, and what was found.

Every figure in `measured.json` stands in the result files that its pair names, as a test compares.
Knows nothing of this machine.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ragcl.results import Role

FILE = Path(__file__).with_name("measured.json")


@dataclass(frozen=True)
class MeasuredModel:
    """A model that ragcl was measured with.

    `name` is what `ragcl models use` takes, `title` what its makers call it. An embedder has the
    prompts that it was measured with; None: those of its folder.
    """

    role: Role
    name: str
    title: str
    parameters: int
    languages: str
    query_prompt: str | None = None
    document_prompt: str | None = None


@dataclass(frozen=True)
class Pair:
    """What was measured of a language model with an embedder; None: it was not measured.

    `open_book` and `closed_book` are accuracies in wordings that were never asked before: of the
    base model reading passages, and of the weights alone after a round, which took `round_seconds`.
    A question takes `question_seconds` where passages are read, and `weights_seconds` where the
    weights answer. `memory_mb` is the most that a process had during a round. The shares of
    questions that were not answered: `unrelated_silent` of those about something else,
    `near_silent` of those on the topic that the texts do not answer, and `answerable_silent` of
    those that they do. `results` are the files in `benchmarks/results`.
    """

    language_model: str
    embedder: str
    language: str
    open_book: float | None = None
    closed_book: float | None = None
    question_seconds: float | None = None
    weights_seconds: float | None = None
    round_seconds: float | None = None
    memory_mb: float | None = None
    unrelated_silent: float | None = None
    near_silent: float | None = None
    answerable_silent: float | None = None
    results: tuple[str, ...] = ()


@cache
def models() -> tuple[MeasuredModel, ...]:
    """The measured models, the default pair first."""
    return tuple(MeasuredModel(**one) for one in _read()["models"])


def prompts(embedder: str) -> tuple[str | None, str | None]:
    """The prompts of a measured embedder, for questions and passages; None: its folder's."""
    found = [one for one in models() if (one.role, one.name) == ("embedder", embedder)]
    return (found[0].query_prompt, found[0].document_prompt) if found else (None, None)


@cache
def pairs() -> tuple[Pair, ...]:
    """The measured pairs, the default one first."""
    return tuple(Pair(**{**one, "results": tuple(one["results"])}) for one in _read()["pairs"])


def round_mb(language_model: str) -> int:
    """The peak memory (MB) of a round, in the pair where it was lowest; 0: unknown."""
    known = [
        one.memory_mb
        for one in pairs()
        if one.language_model == language_model and one.memory_mb is not None
    ]
    return round(min(known, default=0))


def _read() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads(FILE.read_text(encoding="utf-8"))
    return found
