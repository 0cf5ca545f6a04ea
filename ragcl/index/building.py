"""Builds a vector index from the catalog, updates it, and compares it with the catalog.

Knows no file and no query.
"""

import numpy as np
from sqlalchemy import Connection

from ragcl.catalog import remembered
from ragcl.catalog.chunks import chunk_vectors, count_chunks, sample_vectors
from ragcl.catalog.generations import changes_since, generation, was_at
from ragcl.catalog.vectors import EMBEDDER
from ragcl.index.inverted_lists import InvertedLists, sample_size
from ragcl.index.recipe import INDEX
from ragcl.index.vector_index import EmbedderId, VectorIndex, outgrown


def stored_embedder(connection: Connection) -> EmbedderId | None:
    """The embedder of the vectors in the catalog; None if there are no vectors."""
    known = remembered.get(connection, EMBEDDER)
    return None if known is None else EmbedderId(**known)


def build(connection: Connection, embedder: EmbedderId) -> VectorIndex:
    """An index of the kind that suits the number of chunks.

    Args:
        connection: the snapshot to index.
        embedder: the embedder of the vectors in the catalog.
    """
    if outgrown(count_chunks(connection), trained_on=0):
        return build_lists(connection, embedder)
    return build_exact(connection, embedder)


def build_lists(connection: Connection, embedder: EmbedderId) -> VectorIndex:
    """An index with all vectors in lists; takes a minute or two for a million."""
    size = count_chunks(connection)
    lists = InvertedLists.train(sample_vectors(connection, sample_size(size), INDEX.seed), size)
    for changes in changes_since(connection, -1):
        lists.add(changes.added_ids, changes.added_vectors)
    return VectorIndex(embedder.at(generation(connection)), lists)


def build_exact(connection: Connection, embedder: EmbedderId) -> VectorIndex:
    """An index without lists: fast to build, slow to search when large."""
    index = VectorIndex(embedder.at(-1))
    catch_up(index, connection)
    return index


def catch_up(index: VectorIndex, connection: Connection) -> None:
    """Apply the changes since the index's generation, up to the snapshot of `connection`."""
    if index.stamp.generation != generation(connection):
        for one in changes_since(connection, index.stamp.generation):
            index.update(one.added_ids, one.added_vectors, one.removed_ids, one.generation)


def agrees(index: VectorIndex, connection: Connection) -> bool:
    """Whether an index, once updated, holds exactly the chunks of the catalog.

    Exact vectors have to equal those of the catalog, compressed ones need a cosine of at least
    `INDEX.alike`.
    """
    if not was_at(connection, index.stamp.generation):
        return False
    catch_up(index, connection)
    seen: set[int] = set()
    held = 0
    for ids, vectors, exact in index.parts():
        stored = chunk_vectors(connection, ids.tolist())
        if len(stored) != len(ids):  # unknown or duplicate ids
            return False
        if len(ids) == 0:
            continue
        expected = np.stack([stored[i] for i in ids.tolist()])
        if exact and not np.array_equal(vectors, expected):
            return False
        if not exact and ((vectors * expected).sum(axis=1) < INDEX.alike).any():
            return False
        seen.update(ids.tolist())
        held += len(ids)
    return held == len(seen) == count_chunks(connection)
