"""Lexical search: the chunks that hold words of a question, ranked by BM25.

Any text may be searched for: it reaches FTS5 only as quoted words, never as syntax. Knows no
vectors.
"""

import logging
import re

import numpy as np
from sqlalchemy import Connection

from ragcl.catalog import full_text
from ragcl.search.recipe import SEARCH

log = logging.getLogger(__name__)

# The ranges are accents and vowel signs, which are no letters to Python: without them a Hindi word
# would be split into its consonants.
_WORD = re.compile(r"\w[\w\u0300-\u036f\u0591-\u05bd\u064b-\u065f\u0900-\u0963\u0966-\u0dff]*")


def matches(
    connection: Connection, question: str, k: int, among: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The `k` chunks that match a question's words best.

    Args:
        connection: the snapshot to search.
        question: any text.
        k: how many; fewer are returned if fewer chunks share a word with the question.
        among: `(m,) int64`, the ids of the allowed chunks; None: all.

    Returns:
        ids `(k',) int64` and shares `(k',) float64` in (0, 1], best first: see
        `full_text.best_matches`.
    """
    try:
        return full_text.best_matches(connection, words(question), k, among)
    except full_text.DamagedIndexError:
        log.warning(
            "The full-text index is damaged: run `ragcl doctor`. Searching by vectors alone."
        )
        return full_text.NOTHING


def words(question: str) -> list[str]:
    """The distinct words of a question without stop words; all if there are only stop words."""
    found = dict.fromkeys(_WORD.findall(full_text.as_query(question).lower()))
    content = [word for word in found if word not in full_text.STOP_WORDS]
    return (content or list(found))[: SEARCH.question_words]
