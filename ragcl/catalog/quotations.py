"""Finds texts that quote a removed text, by words that are in it and in no current text.

A user's correction and a generated answer name no source, so only their words can show what they
quote. Knows no table.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from sqlalchemy import Connection

from ragcl.catalog import full_text
from ragcl.catalog.recipe import WORDS


class Quotations:
    """Whether a text quotes one of the texts that were removed from the catalog."""

    def __init__(self, connection: Connection, texts: Iterable[str]) -> None:
        """`connection` is of the transaction that has removed the texts."""
        self._texts = [_words(text) for text in texts]
        self._words = {word for text in self._texts for word in text}
        self._runs: dict[int, set[tuple[str, ...]]] = {}
        self._is_current = lru_cache(maxsize=None)(
            lambda run: full_text.has_phrase(connection, " ".join(run))
        )

    def __call__(self, text: str) -> bool:
        """Whether `text` has a distinctive word or a run of words that only removed texts have."""
        words = _words(text)
        length = min(WORDS.quoted_run, len(words))
        if not length or self._words.isdisjoint(words):
            return False
        alone = [(word,) for word in words if word in self._words and _is_distinctive(word)]
        runs = [run for run in _runs(words, length) if run in self._of_length(length)]
        return any(not self._is_current(run) for run in [*alone, *runs])

    def _of_length(self, length: int) -> set[tuple[str, ...]]:
        if length not in self._runs:
            self._runs[length] = {run for text in self._texts for run in _runs(text, length)}
        return self._runs[length]


def _words(text: str) -> list[str]:
    """The words of a text as they are indexed."""
    return re.findall(r"[^\W_]+", full_text.searchable(text).casefold())


def _runs(words: Sequence[str], length: int) -> Iterable[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(length)), strict=False)


def _is_distinctive(word: str) -> bool:
    long_enough = len(word) >= WORDS.telling_letters or not word.isascii()
    return long_enough and word not in full_text.STOP_WORDS
