"""Generations: the states of the set of chunks, and what has changed since one.

Every transaction that adds or removes a chunk raises the generation, so that an index built earlier
can be updated. It rises by a random step, so that two histories of one catalog (of a copy that was
changed) have no number in common. Knows no document.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects.sqlite import insert

from ragcl.catalog.schema import chunks, generations, removed_chunks, state

GENERATION_STEP = 2**31  # leaves room for 2**32 changes in SQLite's integers
BATCH_VECTORS = 20_000  # vectors that are in memory at once while an index catches up

_NOW = text("SELECT value FROM state WHERE key = 'generation'")  # run by every search


@dataclass(frozen=True)
class Changes:
    """A part of the changes of the set of chunks after some generation, up to `generation`.

    `added_ids` is `(n,) int64` and `added_vectors` `(n, dim) float32`; `removed_ids` is
    `(m,) int64`. A chunk that was added and removed in between is only in `removed_ids`.
    """

    generation: int
    added_ids: np.ndarray
    added_vectors: np.ndarray
    removed_ids: np.ndarray


def generation(connection: Connection) -> int:
    """The generation of the snapshot that `connection` reads."""
    return int(connection.execute(_NOW).scalar_one())


def was_at(connection: Connection, one: int) -> bool:
    """Whether the catalog was ever at generation `one`; if not, it is of another history."""
    query = select(generations.c.generation).where(generations.c.generation == one)
    return connection.execute(query).scalar() is not None


def changes_since(connection: Connection, since: int) -> Iterator[Changes]:
    """What an index that was true at generation `since` has to do to be true now.

    In parts of at most `BATCH_VECTORS`: only the last one bears the generation of now, the others
    `since`, because only after all of them an index is true again.
    """
    now = generation(connection)
    query = select(removed_chunks.c.chunk_id).where(removed_chunks.c.generation > since)
    removed = np.array(connection.execute(query).scalars().all(), np.int64)
    rows = connection.execute(
        select(chunks.c.id, chunks.c.vector).where(chunks.c.generation > since),
        execution_options={"yield_per": BATCH_VECTORS},
    )
    for part in rows.partitions():
        vectors = np.frombuffer(b"".join(row.vector for row in part), np.float32)
        ids = np.array([row.id for row in part], np.int64)
        yield Changes(since, ids, vectors.reshape(len(part), -1), removed)
        removed = removed[:0]
    nothing = np.empty((0, 0), np.float32)
    yield Changes(now, np.empty(0, np.int64), nothing, removed)


def count_changes(connection: Connection, since: int) -> int:
    """The number of chunks added and removed after generation `since`, by an index on it."""
    return sum(
        connection.execute(
            select(func.count()).select_from(table).where(table.c.generation > since)
        ).scalar_one()
        for table in (chunks, removed_chunks)
    )


def next_generation(connection: Connection) -> int:
    """A generation for what the caller's transaction changes."""
    return generation(connection) + 1 + secrets.randbelow(GENERATION_STEP)


def set_generation(connection: Connection, generation: int) -> None:
    """Make this the generation, in the caller's transaction."""
    connection.execute(insert(generations).values(generation=generation))
    connection.execute(update(state).where(state.c.key == "generation").values(value=generation))
