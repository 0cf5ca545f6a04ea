"""Whose vectors the chunks have, and the switch to those of another embedder.

The next vectors are collected beside the present ones, which serve until there is one for every
chunk; then one transaction puts them in their place. Knows no embedder but by its identity: model,
revision and dimension.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, ScalarSelect, delete, func, select, text, update

from ragcl.catalog import remembered
from ragcl.catalog.chunks import count_chunks
from ragcl.catalog.database import Database
from ragcl.catalog.generations import next_generation, set_generation
from ragcl.catalog.schema import chunks, next_vectors, state

EMBEDDER = "embedder"  # of the vectors of the chunks
NEXT = "next_embedder"
SWITCHED = "switched_embedder"
CALIBRATION = "calibration"  # of EMBEDDER


@dataclass(frozen=True)
class Unembedded:
    """A chunk that the next embedder has to embed."""

    id: int
    heading: str
    text: str


@dataclass(frozen=True)
class Headway:
    """A switch under way: `embedded` of `chunks` chunks have a vector of the next embedder."""

    embedder: dict[str, Any]
    embedded: int
    chunks: int


def in_use() -> ScalarSelect[Any]:
    """The embedder of the vectors of the chunks, as a part of a query."""
    return select(state.c.value).where(state.c.key == EMBEDDER).scalar_subquery()


class Vectors:
    """Queries on the vectors of the next embedder."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, embedder: Mapping[str, Any]) -> None:
        """Begin a switch, or continue that to the same embedder; vectors of others are removed."""
        with self._database.writing() as connection:
            if remembered.get(connection, NEXT) != embedder:
                connection.execute(delete(next_vectors))
                remembered.put(connection, NEXT, dict(embedder))

    def cancel(self) -> None:
        """End a switch under way; what was embedded for it is removed."""
        with self._database.writing() as connection:
            if remembered.get(connection, NEXT) is not None:
                connection.execute(delete(next_vectors))
                remembered.put(connection, NEXT, None)

    def headway(self) -> Headway | None:
        """How far the switch under way is; None if there is none."""
        with self._database.reading() as connection:
            embedder = remembered.get(connection, NEXT)
            if embedder is None:
                return None
            count = select(func.count()).select_from(next_vectors)
            embedded = int(connection.execute(count).scalar_one())
            return Headway(embedder, embedded, count_chunks(connection))

    def to_embed(self, embedder: Mapping[str, Any]) -> tuple[int, int]:
        """The number of chunks, and of their characters, that a switch to an embedder is about."""
        length = func.length(chunks.c.heading) + func.length(chunks.c.text)
        query = select(func.count(), func.coalesce(func.sum(length), 0))
        with self._database.reading() as connection:
            if remembered.get(connection, NEXT) == embedder:
                query = query.where(_missing())
            count, characters = connection.execute(query.select_from(chunks)).one()
        return int(count), int(characters)

    def missing(self, after: int, limit: int) -> list[Unembedded]:
        """The first chunks without a next vector whose ids are above `after`."""
        query = select(*chunks.c["id", "heading", "text"]).where(chunks.c.id > after, _missing())
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(chunks.c.id).limit(limit)).all()
        return [Unembedded(*row) for row in rows]

    def sample(self, size: int) -> list[Unembedded]:
        """Chunks drawn at random."""
        query = select(*chunks.c["id", "heading", "text"])
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(func.random()).limit(size)).all()
        return [Unembedded(*row) for row in rows]

    def add(self, some: Sequence[Unembedded], vectors: np.ndarray) -> None:
        """Store the next vectors of chunks, `(n, dim) float32`; those that are gone are skipped."""
        rows = [
            {"id": one.id, "vector": np.ascontiguousarray(vector, np.float32).tobytes()}
            for one, vector in zip(some, vectors, strict=True)
        ]
        with self._database.writing() as connection:
            connection.execute(_ADD, rows)

    def switch(self, switched: Mapping[str, Any]) -> bool:
        """Put the next vectors in the place of the present ones, in one transaction.

        Args:
            switched: the settings of the new embedder, which are remembered with them.

        Returns:
            False, and nothing is changed, if a chunk has no next vector yet.
        """
        with self._database.writing() as connection:
            if connection.execute(select(chunks.c.id).where(_missing()).limit(1)).first():
                return False
            embedder = remembered.get(connection, NEXT)
            of_chunk = select(next_vectors.c.vector).where(next_vectors.c.chunk_id == chunks.c.id)
            generation = next_generation(connection)
            connection.execute(
                update(chunks).values(vector=of_chunk.scalar_subquery(), generation=generation)
            )
            set_generation(connection, generation)
            connection.execute(delete(next_vectors))
            remembered.put(connection, EMBEDDER, embedder)
            remembered.put(connection, NEXT, None)
            remembered.put(connection, SWITCHED, dict(switched))
        return True


_ADD = text("INSERT OR REPLACE INTO next_vectors SELECT id, :vector FROM chunks WHERE id = :id")


def _missing() -> ColumnElement[bool]:
    return chunks.c.id.not_in(select(next_vectors.c.chunk_id))
