"""A teacher's reading as a row of the catalog, in one JSON column. Knows no model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class StoredSentence(NamedTuple):
    """A sentence that was read; the fields are those of `generation.narrowing.Sentence`."""

    text: str
    content_hash: str
    score: float = 0.0
    heading: str = ""
    place: int = 0
    header: int | None = None
    value: str = ""
    compared: bool = False


@dataclass(frozen=True)
class StoredReading:
    """A study row; the fields are those of `generation.reading.Reading`, with lists for arrays."""

    question: str
    content_hash: str
    answer: str = ""
    logprob: float = 0.0
    trust: float = 0.0
    score: float = 0.0
    margin: float = 0.0
    ids: list[int] = field(default_factory=list)
    top_ids: list[list[int]] = field(default_factory=list)
    top_logprobs: list[list[float]] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    candidates: list[tuple[str, float]] = field(default_factory=list)
    sentences: list[StoredSentence] = field(default_factory=list)
    vector: list[float] = field(default_factory=list)
    written: bool = False
    found_again: bool | None = None

    @property
    def read(self) -> set[str]:
        """The content hashes of all text that was read for it."""
        return {self.content_hash, *(one.content_hash for one in self.sentences)}

    def to_json(self) -> dict[str, Any]:
        """The row for the catalog."""
        return vars(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "StoredReading":
        """The reading that `to_json` gave."""
        sentences = [StoredSentence(*one) for one in values["sentences"]]
        return cls(**{**values, "sentences": sentences})
