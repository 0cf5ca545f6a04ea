"""The full-text index of the chunks: SQLite FTS5, which triggers keep true to them.

Matches words and ranks by BM25 (Robertson and Zaragoza 2009, with FTS5's k1 = 1.2 and b = 0.75).
Knows nothing of questions: what to match is given to it as an expression of FTS5.
"""

import contextlib
import json
import re
from collections.abc import Iterator

import numpy as np
from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError

TABLE = "full_text"

# Scripts that put no spaces between words: Han, kana and hangul.
_UNSPACED = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+"
)


class DamagedIndexError(Exception):
    """The full-text index is not that of the chunks; it has to be built again."""


def searchable(original: str) -> str:
    """A text as it is indexed: runs without spaces become their overlapping pairs of characters.

    Pairs find Chinese, Japanese and Korean about as well as words do and need no dictionary (Nie
    et al., "On the use of words and n-grams for Chinese information retrieval", IRAL 2000).
    """
    return _UNSPACED.sub(_pairs, original)


def _pairs(run: re.Match[str]) -> str:
    found = run[0]
    pairs = (found[i : i + 2] for i in range(max(1, len(found) - 1)))
    return f" {' '.join(pairs)} "


def best_matches(
    connection: Connection,
    expression: str,
    k: int,
    among: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The `k` chunks that match an expression best.

    Args:
        connection: the snapshot that is searched.
        expression: what to match, in the syntax of FTS5.
        k: how many; fewer come back when fewer match.
        among: `(m,) int64`, the only ids that count; None: all.

    Returns:
        ids `(k',) int64` and BM25 scores `(k',) float64`, greater than zero, best first.

    Raises:
        DamagedIndexError: the index cannot be read.
    """
    # The plus keeps SQLite from matching id by id.
    only = "" if among is None else "AND +rowid IN (SELECT value FROM json_each(:among))"
    query = text(
        "SELECT rowid, rank FROM full_text WHERE full_text MATCH :expression "
        f"{only} ORDER BY rank LIMIT :k"
    )
    values: dict[str, str | int] = {
        "expression": expression,
        "k": k,
    }
    if among is not None:
        values["among"] = json.dumps(among.tolist())
    with _damage_named():
        rows = connection.execute(query, values).all()
    ids = np.array([row[0] for row in rows], np.int64)
    return ids, -np.array([row[1] for row in rows], np.float64)


def check(connection: Connection) -> None:
    """Compare the index with the chunks, in a transaction that writes.

    Raises:
        DamagedIndexError: they disagree, or the index cannot be read.
    """
    with _damage_named():
        _command(connection, "integrity-check", rank=1)


def rebuild(connection: Connection) -> None:
    """Make the index again from the chunks, whatever became of it."""
    _command(connection, "rebuild")


def purge(connection: Connection) -> None:
    """Rid the index of every trace of chunks that are gone.

    Deleting from it only marks the words of a chunk as gone until their segment is merged.
    """
    _command(connection, "optimize")


@contextlib.contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        if "malformed" not in str(error.orig):
            raise
        raise DamagedIndexError(f"the full-text index is damaged: {error.orig}") from error


def _command(connection: Connection, name: str, rank: int = 0) -> None:
    """A command of FTS5, which is given as a row for the column that is named like the table."""
    connection.exec_driver_sql(f"INSERT INTO {TABLE} ({TABLE}, rank) VALUES (?, ?)", (name, rank))
