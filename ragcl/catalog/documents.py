"""Roots and documents, and the chunks that they hold: what an ingest writes.

A chunk is stored once however many documents hold it, until the last of them is removed. Whatever
adds or removes one raises the generation. Knows no file system and no model.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    delete,
    exists,
    func,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from ragcl.catalog.chunks import (
    Filter,
    as_passage,
    by_hash,
    count_chunks,
    document_trusted,
    learnable,
    lets_through,
    stored,
    trusted,
)
from ragcl.catalog.database import Database, parts
from ragcl.catalog.generations import next_generation, set_generation
from ragcl.catalog.passage import UNTRUSTED, Passage, headed
from ragcl.catalog.schema import (
    chunks,
    documents,
    failures,
    occurrences,
    removed_chunks,
    roots,
)
from ragcl.files.places import composed


@dataclass(frozen=True)
class DocumentRecord:
    """One version of one file. Times in ns or seconds since the epoch, as the names say.

    `metadata` are the file's own metadata: values by key, in lower case; `notes` say what was left
    out of the file.
    """

    path: str
    title: str
    media_type: str
    size: int
    mtime_ns: int
    ctime_ns: int
    sha256: str
    checked_ns: int
    ingested_at: float
    metadata: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: Sequence[str] = field(default_factory=list)


@dataclass(frozen=True)
class ChunkRecord:
    """One chunk of one document; `vector` is `(dim,) float32`, of length one."""

    content_hash: str
    text: str
    heading: str
    flags: tuple[str, ...]
    vector: np.ndarray
    lines: tuple[int, int] | None
    page: int | None


@dataclass(frozen=True)
class Delta:
    """How many distinct chunks one transaction added to and removed from the knowledge base.

    `documents` is how many were removed with them.
    """

    added: int
    removed: int
    documents: int = field(default=0, compare=False)

    def __add__(self, other: "Delta") -> "Delta":
        return Delta(
            self.added + other.added,
            self.removed + other.removed,
            self.documents + other.documents,
        )


class Documents:
    """Queries on roots, documents and chunks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def root_id(self, path: str) -> int:
        """The id of the root at `path`, created if it is new; see `Roots.enter` for folders."""
        query = select(roots.c.id).where(roots.c.path == path)
        with self._database.writing() as connection:
            connection.execute(insert(roots).values(path=path).on_conflict_do_nothing())
            return int(connection.execute(query).scalar_one())

    def roots(self) -> list[str]:
        """The folders that were ingested."""
        with self._database.reading() as connection:
            return list(connection.execute(select(roots.c.path).order_by(roots.c.path)).scalars())

    def of_root(self, root_id: int, prefix: str = "") -> list[DocumentRecord]:
        """Every document of a root whose path begins with `prefix`, in path order."""
        columns = [documents.c[name] for name in DocumentRecord.__dataclass_fields__]
        query = select(*columns).where(_below(root_id, prefix)).order_by(documents.c.path)
        with self._database.reading() as connection:
            return [DocumentRecord(*row) for row in connection.execute(query)]

    def failed(self) -> list[tuple[str, str, str]]:
        """(root, path, reason) of every file whose newest version could not be ingested."""
        query = select(roots.c.path, failures.c.path, failures.c.reason).join(roots)
        with self._database.reading() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(query)]

    def noted(self) -> list[tuple[str, str, str]]:
        """(root, path, notes) of every file of which something was left out."""
        query = (
            select(roots.c.path, documents.c.path, documents.c.notes)
            .join(roots, roots.c.id == documents.c.root_id)
            .where(func.json_array_length(documents.c.notes) > 0)
            .order_by(roots.c.path, documents.c.path)
        )
        with self._database.reading() as connection:
            return [(row[0], row[1], "; ".join(row[2])) for row in connection.execute(query)]

    def hold(self, root_id: int, path: str) -> bool:
        """Whether a root has a document at this path."""
        query = select(documents.c.id).where(
            documents.c.root_id == root_id, documents.c.path == path
        )
        with self._database.reading() as connection:
            return connection.execute(query).first() is not None

    def spelled(self, root_id: int, name: str) -> list[str]:
        """The stored spellings of a file or folder of a root, given in any Unicode form."""
        wanted = composed(name)
        begins = func.substr(func.composed(documents.c.path + "/"), 1, len(wanted) + 1)
        query = select(documents.c.path).where(
            documents.c.root_id == root_id, begins == f"{wanted}/"
        )
        with self._database.reading() as connection:
            paths = connection.execute(query).scalars()
            depth = name.count("/") + 1
            found = {"/".join(path.split("/")[:depth]) for path in paths}
        return [name] if name in found else sorted(found)

    def named(self, source: str) -> list[tuple[int, str, str]]:
        """(root id, root, path) of the documents with this path, given in any Unicode form."""
        query = (
            select(roots.c.id, roots.c.path, documents.c.path)
            .join(documents, documents.c.root_id == roots.c.id)
            .where(func.composed(documents.c.path) == composed(source))
        )
        with self._database.reading() as connection:
            found = [(row[0], row[1], row[2]) for row in connection.execute(query)]
        return [one for one in found if one[2] == source] or found

    def known_vectors(self, hashes: Iterable[str]) -> dict[str, np.ndarray]:
        """The vectors, `(dim,) float32`, of the chunks among these that are stored already."""
        with self._database.reading() as connection:
            rows = by_hash(connection, select(chunks.c.content_hash, chunks.c.vector), list(hashes))
        return {row.content_hash: np.frombuffer(row.vector, np.float32) for row in rows}

    def replace(
        self, root_id: int, document: DocumentRecord, records: Sequence[ChunkRecord]
    ) -> Delta:
        """Replace a document and its chunks by a new version, in one transaction."""
        values = {name: getattr(document, name) for name in DocumentRecord.__dataclass_fields__}
        with self._database.writing() as connection:
            generation = next_generation(connection)
            upsert = insert(documents).values(root_id=root_id, **values)
            document_id = connection.execute(
                upsert.on_conflict_do_update(
                    index_elements=["root_id", "path"], set_=values
                ).returning(documents.c.id)
            ).scalar_one()
            before = _chunk_ids(connection, [document_id])
            connection.execute(delete(occurrences).where(occurrences.c.document_id == document_id))
            added = _store(connection, document_id, records, generation)
            removed = _drop_orphans(connection, before, generation)
            if added or removed:
                set_generation(connection, generation)
        return Delta(added, removed)

    def touch(self, root_id: int, stamps: Sequence[DocumentRecord]) -> None:
        """Update size and times of files whose content is unchanged."""
        if not stamps:
            return
        with self._database.writing() as connection:
            for stamp in stamps:
                connection.execute(
                    update(documents)
                    .where(documents.c.root_id == root_id, documents.c.path == stamp.path)
                    .values(
                        size=stamp.size,
                        mtime_ns=stamp.mtime_ns,
                        ctime_ns=stamp.ctime_ns,
                        checked_ns=stamp.checked_ns,
                    )
                )

    def remove(self, root_id: int, path: str) -> Delta:
        """Remove one document, and its chunks unless another document holds them too."""
        with self._database.writing() as connection:
            return remove_at(connection, root_id, path)

    def set_failures(
        self, root_id: int, reasons: Mapping[str, str], now: float, prefix: str = ""
    ) -> None:
        """Store the reasons, by path, why files of a root could not be ingested this time.

        Entries of paths that do not begin with `prefix` stay.
        """
        looked_at = failures.c.root_id == root_id
        looked_at &= func.substr(failures.c.path, 1, len(prefix)) == prefix
        query = select(failures.c.path, failures.c.reason).where(looked_at)
        with self._database.reading() as connection:
            if {row.path: row.reason for row in connection.execute(query)} == reasons:
                return
        with self._database.writing() as connection:
            connection.execute(delete(failures).where(looked_at))
            for path, reason in reasons.items():
                connection.execute(
                    insert(failures).values(
                        root_id=root_id, path=path, reason=reason, failed_at=now
                    )
                )

    def hashes_of(self, root_id: int, path: str) -> list[str]:
        """The content hashes of one document, in its order."""
        query = (
            select(chunks.c.content_hash)
            .join(occurrences, occurrences.c.chunk_id == chunks.c.id)
            .join(documents, documents.c.id == occurrences.c.document_id)
            .where(_at(root_id, path))
            .order_by(occurrences.c.ordinal)
        )
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def count(self) -> tuple[int, int]:
        """The number of documents and of distinct chunks."""
        with self._database.reading() as connection:
            return (
                int(connection.execute(select(func.count()).select_from(documents)).scalar_one()),
                count_chunks(connection),
            )

    def flagged(self) -> dict[str, int]:
        """The number of distinct chunks with each flag."""
        flag = func.json_each(chunks.c.flags).table_valued("value")
        query = (
            select(flag.c.value, func.count())
            .select_from(chunks.join(flag, true()))
            .group_by(flag.c.value)
            .order_by(flag.c.value)
        )
        untrusted = select(func.count()).select_from(chunks).where(~trusted())
        with self._database.reading() as connection:
            found = {name: int(count) for name, count in connection.execute(query)}
            count = int(connection.execute(untrusted).scalar_one())
        return {**found, UNTRUSTED: count} if count else found

    def current_hashes(self, hashes: Iterable[str], chosen: Filter | None = None) -> frozenset[str]:
        """The content hashes among these that are current, in a document the filter accepts."""
        return self._hashes(select(chunks.c.content_hash), hashes, chosen)

    def learnable_hashes(
        self, hashes: Iterable[str], chosen: Filter | None = None
    ) -> frozenset[str]:
        """The current hashes among these whose text may be learned, and answered by the weights."""
        return self._hashes(learnable(), hashes, chosen)

    def _hashes(
        self, query: Select[tuple[str]], hashes: Iterable[str], chosen: Filter | None
    ) -> frozenset[str]:
        wanted = list(hashes)
        if not wanted:
            return frozenset()
        if chosen is not None:
            query = query.where(
                exists()
                .select_from(occurrences)
                .where(
                    occurrences.c.chunk_id == chunks.c.id,
                    occurrences.c.document_id == documents.c.id,
                    lets_through(chosen),
                )
            )
        with self._database.reading() as connection:
            rows = by_hash(connection, query, wanted)
        return frozenset(row.content_hash for row in rows)

    def beside(self, chunk: Passage) -> tuple[Passage | None, Passage | None]:
        """The chunks before and after a chunk in its file, if they are of the same section."""
        here, other = occurrences.alias("here"), occurrences.alias("other")
        first = (  # the chunk's first place, if it is in the file twice
            select(func.min(occurrences.c.ordinal))
            .where(occurrences.c.chunk_id == chunk.id, occurrences.c.document_id == documents.c.id)
            .correlate(documents)
            .scalar_subquery()
        )
        query: Select[Any] = (
            select(
                *chunks.c["id", "content_hash", "text", "heading", "flags"],
                roots.c.path.label("root"),
                documents.c.path.label("source"),
                documents.c.mtime_ns,
                literal("[]").label("elsewhere"),
                literal("[]").label("vouched"),
                trusted().label("trusted"),
                *other.c["first_line", "last_line", "page"],
                (other.c.ordinal - here.c.ordinal).label("step"),
            )
            .select_from(here)
            .join(documents, documents.c.id == here.c.document_id)
            .join(roots, roots.c.id == documents.c.root_id)
            .join(
                other,
                (other.c.document_id == here.c.document_id)
                & other.c.ordinal.in_([here.c.ordinal - 1, here.c.ordinal + 1]),
            )
            .join(chunks, chunks.c.id == other.c.chunk_id)
            .where(
                here.c.chunk_id == chunk.id,
                here.c.ordinal == first,
                roots.c.path == chunk.root,
                documents.c.path == chunk.source,
                chunks.c.heading == chunk.heading,
                other.c.page.is_not_distinct_from(chunk.page),
            )
        )
        with self._database.reading() as connection:
            found = {row.step: as_passage(row) for row in connection.execute(query)}
        return found.get(-1), found.get(1)

    def current(self, hashes: Iterable[str]) -> dict[str, Passage]:
        """Those of the chunks that are current, by content hash."""
        with self._database.reading() as connection:
            return stored(connection, hashes)


def held(
    connection: Connection, names: Iterable[tuple[str | None, str]]
) -> set[tuple[str | None, str]]:
    """Those of the files, by root and path, that are documents; no root stands for any."""
    wanted = set(names)
    found: set[tuple[str | None, str]] = set()
    for part in parts({path for _, path in wanted}):
        query = (
            select(roots.c.path, documents.c.path)
            .join(roots, roots.c.id == documents.c.root_id)
            # With the roots named too, the index is looked up and not read through.
            .where(documents.c.root_id.in_(select(roots.c.id)), documents.c.path.in_(part))
        )
        for root, path in connection.execute(query):
            found |= {(root, path), (None, path)}
    return found & wanted


def absorb(connection: Connection, inner: int, outer: int, prefix: str) -> Delta:
    """Make the root `inner`, and its parts, a part of `outer`, in the caller's transaction.

    Its documents become those of `outer`, with `prefix` before their paths. Of two documents of one
    file the one that was checked last stays.
    """
    moved, other = documents.alias("moved"), documents.alias("other")
    twins = select(moved.c.id, moved.c.checked_ns, other.c.id, other.c.checked_ns).where(
        moved.c.root_id == inner,
        other.c.root_id == outer,
        other.c.path == literal(prefix) + moved.c.path,
    )
    older = [row[0] if row[1] < row[3] else row[2] for row in connection.execute(twins).all()]
    delta = Delta(0, 0)
    for part in parts(older):
        delta += _removed(connection, select(documents.c.id).where(documents.c.id.in_(part)))
    for table in (documents, failures):
        connection.execute(
            update(table)
            .prefix_with("OR REPLACE")
            .where(table.c.root_id == inner)
            .values(root_id=outer, path=literal(prefix) + table.c.path)
        )
    connection.execute(
        update(roots)
        .where((roots.c.id == inner) | (roots.c.part_of == inner))
        .values(part_of=outer, prefix=literal(prefix) + roots.c.prefix)
    )
    return delta


def texts_at(connection: Connection, root_id: int, path: str) -> dict[str, str]:
    """Heading and text of the chunks of a document, or of a folder's, by content hash.

    The path of a folder is empty or ends in a slash.
    """
    query = (
        select(*chunks.c["content_hash", "heading", "text"])
        .join(occurrences, occurrences.c.chunk_id == chunks.c.id)
        .join(documents, documents.c.id == occurrences.c.document_id)
        .where(_at(root_id, path))
    )
    rows = connection.execute(query)
    return {row.content_hash: headed(row.heading, row.text) for row in rows}


def remove_at(connection: Connection, root_id: int, path: str) -> Delta:
    """Remove a document, or those of a folder, with their failures.

    Their chunks are removed unless another document holds them too.
    """
    failed = failures.c.path == path
    if _is_folder(path):
        failed = func.substr(failures.c.path, 1, len(path)) == path
    connection.execute(delete(failures).where(failures.c.root_id == root_id, failed))
    return _removed(connection, select(documents.c.id).where(_at(root_id, path)))


def _is_folder(path: str) -> bool:
    return not path or path.endswith("/")


def _at(root_id: int, path: str) -> ColumnElement[bool]:
    """Whether a row of `documents` is at a path of a root, or in the folder there."""
    if _is_folder(path):
        return _below(root_id, path)
    return (documents.c.root_id == root_id) & (documents.c.path == path)


def _below(root_id: int, prefix: str) -> ColumnElement[bool]:
    """Whether a row of `documents` is of a root and its path begins with `prefix`."""
    begins = func.substr(documents.c.path, 1, len(prefix)) == prefix
    return (documents.c.root_id == root_id) & begins


def _removed(connection: Connection, which: Select[Any]) -> Delta:
    """Remove documents, and the chunks that no other holds, in the caller's transaction."""
    generation = next_generation(connection)
    ids = list(connection.execute(which).scalars())
    before: set[int] = set()
    for part in parts(ids):
        before |= _chunk_ids(connection, part)
        connection.execute(delete(documents).where(documents.c.id.in_(part)))
    removed = _drop_orphans(connection, before, generation)
    if removed:
        set_generation(connection, generation)
    return Delta(0, removed, len(ids))


def _chunk_ids(connection: Connection, document_ids: Sequence[int]) -> set[int]:
    query = select(occurrences.c.chunk_id).where(occurrences.c.document_id.in_(document_ids))
    return set(connection.execute(query).scalars())


def _store(
    connection: Connection, document_id: int, records: Sequence[ChunkRecord], generation: int
) -> int:
    """Insert the new chunks and every occurrence; returns the number of new chunks."""
    distinct = {record.content_hash: record for record in records}
    query = select(*chunks.c["content_hash", "id", "text", "flags"], trusted().label("trusted"))
    known = by_hash(connection, query, list(distinct))
    ids = {row.content_hash: row.id for row in known}
    _respace(connection, document_id, [(row, distinct[row.content_hash]) for row in known])
    fresh = [record for key, record in distinct.items() if key not in ids]
    for record in fresh:
        ids[record.content_hash] = connection.execute(
            insert(chunks)
            .values(
                content_hash=record.content_hash,
                text=record.text,
                heading=record.heading,
                flags=list(record.flags),
                vector=np.ascontiguousarray(record.vector, np.float32).tobytes(),
                generation=generation,
            )
            .returning(chunks.c.id)
        ).scalar_one()
    if records:
        connection.execute(
            insert(occurrences),
            [
                {
                    "document_id": document_id,
                    "ordinal": ordinal,
                    "chunk_id": ids[record.content_hash],
                    "first_line": record.lines[0] if record.lines else None,
                    "last_line": record.lines[1] if record.lines else None,
                    "page": record.page,
                }
                for ordinal, record in enumerate(records)
            ],
        )
    return len(fresh)


def _respace(
    connection: Connection, document_id: int, pairs: Sequence[tuple[Row[Any], ChunkRecord]]
) -> None:
    """Update text and flags of stored chunks to those of a document; they differ in white space.

    An untrusted document does not change a chunk that a trusted one holds.
    """
    changed = [
        (row, record)
        for row, record in pairs
        if (row.text, tuple(row.flags)) != (record.text, record.flags)
    ]
    if not changed:
        return
    query = select(document_trusted()).where(documents.c.id == document_id)
    may_change = connection.execute(query.select_from(documents)).scalar_one()
    for row, record in changed:
        if may_change or not row.trusted:
            connection.execute(
                update(chunks)
                .where(chunks.c.id == row.id)
                .values(text=record.text, flags=list(record.flags))
            )


def _drop_orphans(connection: Connection, candidates: set[int], generation: int) -> int:
    """Delete the chunks among these that no document holds any more, with a tombstone for each."""
    ids = sorted(candidates)
    orphans: list[int] = []
    for part in parts(ids):
        held = select(occurrences.c.chunk_id).where(occurrences.c.chunk_id.in_(part))
        still = set(connection.execute(held).scalars())
        gone = [chunk_id for chunk_id in part if chunk_id not in still]
        connection.execute(delete(chunks).where(chunks.c.id.in_(gone)))
        orphans += gone
    if orphans:
        connection.execute(
            insert(removed_chunks),
            [{"chunk_id": chunk_id, "generation": generation} for chunk_id in orphans],
        )
    return len(orphans)
