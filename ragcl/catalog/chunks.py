"""Chunks of current documents: read as passages, filtered, and with their vectors.

Everything is read in the snapshot of the caller's connection. Writes nothing.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    String,
    bindparam,
    cast,
    exists,
    func,
    select,
    text,
    true,
)

from ragcl.catalog.database import parts
from ragcl.catalog.passage import UNTRUSTED, Passage
from ragcl.catalog.schema import chunks, documents, occurrences, roots
from ragcl.files.places import composed

_VECTORS = text(  # plain SQL, since a search reads more of these rows than of any other
    "SELECT id, vector FROM chunks WHERE id IN (SELECT value FROM json_each(:ids))"
)


@dataclass(frozen=True)
class Filter:
    """Which documents are searched; None does not restrict.

    `source` is a glob over a file's path, relative to its root or absolute and in any Unicode form,
    whose `*` matches any characters, `/` too. The file was last changed at `since_ns` or later and
    before `until_ns` (ns since the epoch). For each key and glob of `metadata`, in lower case, the
    file's metadata have a value of that key that the glob matches. With `trusted` no folder around
    the file is untrusted.
    """

    source: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    trusted: bool = False


def stored(connection: Connection, hashes: Iterable[str]) -> dict[str, Passage]:
    """Those of the chunks that are current, by content hash."""
    rows = by_hash(connection, _stored(), list(hashes))
    return {row.content_hash: as_passage(row) for row in rows}


def stored_chunks(
    connection: Connection, ids: Sequence[int], chosen: Filter | None = None
) -> dict[int, Passage]:
    """The chunks with these ids in the snapshot that `connection` reads.

    With a filter, each has the first place that it accepts.
    """
    if not ids:
        return {}
    rows = connection.execute(_stored_among(chosen), {"ids": json.dumps(list(ids))}).all()
    return {row.id: as_passage(row) for row in rows}


def by_hash(connection: Connection, query: Select[Any], hashes: list[str]) -> list[Row[Any]]:
    """The rows of a query on chunks, of those with these content hashes."""
    rows: list[Row[Any]] = []
    for part in parts(hashes):
        rows += connection.execute(query.where(chunks.c.content_hash.in_(part))).all()
    return rows


def current_among(connection: Connection, hashes: Iterable[str]) -> frozenset[str]:
    """The content hashes among these that are current."""
    rows = by_hash(connection, select(chunks.c.content_hash), list(hashes))
    return frozenset(row.content_hash for row in rows)


def chunk_ids(connection: Connection, chosen: Filter) -> np.ndarray:
    """The ids, `(n,) int64`, of the chunks in documents that the filter accepts."""
    query = (
        select(occurrences.c.chunk_id)
        .distinct()
        .join(documents, documents.c.id == occurrences.c.document_id)
        .where(lets_through(chosen))
    )
    return np.array(connection.execute(query).scalars().all(), np.int64)


def chunks_of(connection: Connection, root: str, source: str) -> frozenset[int]:
    """The ids of the chunks of one document."""
    query = (
        select(occurrences.c.chunk_id)
        .join(documents, documents.c.id == occurrences.c.document_id)
        .join(roots, roots.c.id == documents.c.root_id)
        .where(roots.c.path == root, documents.c.path == source)
    )
    return frozenset(connection.execute(query).scalars())


def chunk_vectors(connection: Connection, ids: Sequence[int]) -> dict[int, np.ndarray]:
    """The vectors, `(dim,) float32`, of the chunks with these ids."""
    if not ids:
        return {}
    rows = connection.execute(_VECTORS, {"ids": json.dumps(list(ids))}).all()
    return {row[0]: np.frombuffer(row[1], np.float32) for row in rows}


def sample_vectors(connection: Connection, n: int, seed: int) -> np.ndarray:
    """The vectors of `n` chunks, or all if there are fewer, drawn at random: `(n, dim) float32`."""
    ids = np.array(connection.execute(select(chunks.c.id)).scalars().all(), np.int64)
    chosen = np.random.default_rng(seed).choice(ids, min(n, len(ids)), replace=False)
    return np.stack(list(chunk_vectors(connection, np.sort(chosen).tolist()).values()))


def count_chunks(connection: Connection) -> int:
    """The number of distinct chunks."""
    return int(connection.execute(select(func.count()).select_from(chunks)).scalar_one())


def learnable() -> Select[tuple[str]]:
    """The content hashes of the text that may be learned: without flags, in a trusted root."""
    return select(chunks.c.content_hash).where(cast(chunks.c.flags, String) == "[]", trusted())


def trusted() -> ColumnElement[bool]:
    """Whether a chunk is in a document that may be learned from."""
    return (
        exists()
        .select_from(occurrences.join(documents, documents.c.id == occurrences.c.document_id))
        .where(occurrences.c.chunk_id == chunks.c.id, document_trusted())
        .correlate(chunks)
    )


def document_trusted(table: FromClause = documents) -> ColumnElement[bool]:
    """Whether none of the folders around a row of `documents` is untrusted."""
    around = roots.alias("around")
    return ~(
        exists()
        .select_from(around)
        .where(
            ~around.c.trusted,
            func.coalesce(around.c.part_of, around.c.id) == table.c.root_id,
            func.substr(table.c.path, 1, func.length(around.c.prefix)) == around.c.prefix,
        )
        .correlate(table)
    )


def lets_through(chosen: Filter | None) -> ColumnElement[bool]:
    """The filter as a condition on a row of `documents`."""
    condition: ColumnElement[bool] = true()
    if chosen is None:
        return condition
    if chosen.source is not None:
        condition &= documents.c.id.in_(_of_source(composed(chosen.source)))
    if chosen.since_ns is not None:
        condition &= documents.c.mtime_ns >= chosen.since_ns
    if chosen.until_ns is not None:
        condition &= documents.c.mtime_ns < chosen.until_ns
    if chosen.trusted:
        condition &= document_trusted()
    for key, pattern in chosen.metadata:
        said = func.json_each(documents.c.metadata).table_valued("key", "value", name="said")
        value = func.json_each(said.c.value).table_valued("value", name="one")
        fits = value.c.value.bool_op("GLOB")(pattern)
        both = said.join(value, true())  # each value of each key
        condition &= exists().select_from(both).where(said.c.key == key, fits)
    return condition


def _of_source(glob: str) -> Select[tuple[int]]:
    """The ids of the documents whose paths a glob matches."""
    one, its = documents.alias("one_document"), roots.alias("its_root")
    short, long = (
        func.composed(path).bool_op("GLOB")(glob)
        for path in (one.c.path, its.c.path + "/" + one.c.path)
    )
    query = select(one.c.id).join(its, its.c.id == one.c.root_id).where(short | long)
    return query.correlate(None)


@lru_cache(maxsize=16)  # building the query takes longer than running it
def _stored_among(chosen: Filter | None) -> Select[Any]:
    """`_stored` of the chunks whose ids are in the JSON array `ids`."""
    among = func.json_each(bindparam("ids")).table_valued("value", name="json_each")
    return _stored(chosen).where(chunks.c.id.in_(select(among.c.value)))


def _stored(chosen: Filter | None = None) -> Select[Any]:
    """One row per chunk: its text and its first place (trusted ones, then the shortest path)."""
    place = (
        select(occurrences.c.document_id)
        .join(documents, documents.c.id == occurrences.c.document_id)
        .where(occurrences.c.chunk_id == chunks.c.id, lets_through(chosen))
        .order_by(
            # Copies have the longer names: "people (1).md".
            ~document_trusted(),
            func.length(documents.c.path),
            documents.c.path,
            documents.c.id,
        )
        .limit(1)
        .correlate(chunks)
        .scalar_subquery()
    )
    ordinal = (
        select(func.min(occurrences.c.ordinal))
        .where(occurrences.c.chunk_id == chunks.c.id, occurrences.c.document_id == documents.c.id)
        .correlate(chunks, documents)
        .scalar_subquery()
    )
    other = documents.alias("other")
    also = (
        select(func.json_group_array(other.c.path.distinct()))
        .select_from(occurrences)
        .join(other, other.c.id == occurrences.c.document_id)
        .where(occurrences.c.chunk_id == chunks.c.id, other.c.id != documents.c.id)
        .correlate(chunks, documents)
    )
    elsewhere = also.scalar_subquery()
    vouched = also.where(document_trusted(other)).scalar_subquery()
    return (
        select(
            chunks.c.id,
            chunks.c.content_hash,
            chunks.c.text,
            chunks.c.heading,
            chunks.c.flags,
            roots.c.path.label("root"),
            documents.c.path.label("source"),
            documents.c.mtime_ns,
            elsewhere.label("elsewhere"),
            vouched.label("vouched"),
            trusted().label("trusted"),
            occurrences.c.first_line,
            occurrences.c.last_line,
            occurrences.c.page,
        )
        .select_from(chunks)
        .join(documents, documents.c.id == place)
        .join(roots, roots.c.id == documents.c.root_id)
        .join(
            occurrences,
            (occurrences.c.chunk_id == chunks.c.id)
            & (occurrences.c.document_id == documents.c.id)
            & (occurrences.c.ordinal == ordinal),
        )
    )


def as_passage(row: Row[Any]) -> Passage:
    """A row of a chunk and its place as a passage without scores."""
    lines = None if row.first_line is None else (row.first_line, row.last_line)
    return Passage(
        id=row.id,
        content_hash=row.content_hash,
        text=row.text,
        score=0.0,
        heading=row.heading,
        flags=(*row.flags, *(() if row.trusted else (UNTRUSTED,))),
        root=row.root,
        source=row.source,
        lines=lines,
        page=row.page,
        modified_ns=row.mtime_ns,
        elsewhere=tuple(sorted(json.loads(row.elsewhere))),
        vouched=tuple(sorted(json.loads(row.vouched))),
    )
