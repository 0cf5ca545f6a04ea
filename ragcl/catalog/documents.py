"""Roots, documents and their chunks: the part of the catalog that an ingest writes.

A chunk is stored once however many documents hold it, until the last of them is removed. Every
transaction that adds or removes a chunk raises the generation, so that an index built earlier can
be updated. The generation rises by a random step, so that two histories of one catalog (of a copy
that was changed) have no number in common. Knows no file system and no model.
"""

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
    delete,
    exists,
    func,
    literal,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from ragcl.catalog.database import Database, parts
from ragcl.catalog.passage import UNTRUSTED, Passage, headed
from ragcl.catalog.schema import (
    chunks,
    documents,
    failures,
    generations,
    occurrences,
    removed_chunks,
    roots,
    state,
)
from ragcl.files.places import composed

GENERATION_STEP = 2**31  # leaves room for 2**32 changes in SQLite's integers
BATCH_VECTORS = 20_000  # vectors that are in memory at once while an index catches up


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
            rows = _by_hash(
                connection, select(chunks.c.content_hash, chunks.c.vector), list(hashes)
            )
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
        untrusted = select(func.count()).select_from(chunks).where(~_trusted())
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
                    _lets_through(chosen),
                )
            )
        with self._database.reading() as connection:
            rows = _by_hash(connection, query, wanted)
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
                _trusted().label("trusted"),
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
            found = {row.step: _passage(row) for row in connection.execute(query)}
        return found.get(-1), found.get(1)

    def current(self, hashes: Iterable[str]) -> dict[str, Passage]:
        """Those of the chunks that are current, by content hash."""
        with self._database.reading() as connection:
            return stored(connection, hashes)


def stored(connection: Connection, hashes: Iterable[str]) -> dict[str, Passage]:
    """Those of the chunks that are current, by content hash."""
    rows = _by_hash(connection, _stored(), list(hashes))
    return {row.content_hash: _passage(row) for row in rows}


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


def learnable() -> Select[tuple[str]]:
    """The content hashes of the text that may be learned: without flags, in a trusted root."""
    return select(chunks.c.content_hash).where(cast(chunks.c.flags, String) == "[]", _trusted())


def _trusted() -> ColumnElement[bool]:
    """Whether a chunk is in a document that may be learned from."""
    return (
        exists()
        .select_from(occurrences.join(documents, documents.c.id == occurrences.c.document_id))
        .where(occurrences.c.chunk_id == chunks.c.id, _document_trusted())
        .correlate(chunks)
    )


def _document_trusted(table: FromClause = documents) -> ColumnElement[bool]:
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


def current_among(connection: Connection, hashes: Iterable[str]) -> frozenset[str]:
    """The content hashes among these that are current."""
    rows = _by_hash(connection, select(chunks.c.content_hash), list(hashes))
    return frozenset(row.content_hash for row in rows)


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


def generation(connection: Connection) -> int:
    """The generation of the snapshot that `connection` reads."""
    return _generation(connection)


def was_at(connection: Connection, one: int) -> bool:
    """Whether the catalog was ever at generation `one`; if not, it is of another history."""
    query = select(generations.c.generation).where(generations.c.generation == one)
    return connection.execute(query).scalar() is not None


def changes_since(connection: Connection, since: int) -> Iterator[Changes]:
    """What an index that was true at generation `since` has to do to be true now.

    In parts of at most `BATCH_VECTORS`: only the last one bears the generation of now, the others
    `since`, because only after all of them an index is true again.
    """
    now = _generation(connection)
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


def count_chunks(connection: Connection) -> int:
    """The number of distinct chunks."""
    return int(connection.execute(select(func.count()).select_from(chunks)).scalar_one())


def count_changes(connection: Connection, since: int) -> int:
    """The number of chunks added and removed after generation `since`, by an index on it."""
    return sum(
        connection.execute(
            select(func.count()).select_from(table).where(table.c.generation > since)
        ).scalar_one()
        for table in (chunks, removed_chunks)
    )


def sample_vectors(connection: Connection, n: int, seed: int) -> np.ndarray:
    """The vectors of `n` chunks, or all if there are fewer, drawn at random: `(n, dim) float32`."""
    ids = np.array(connection.execute(select(chunks.c.id)).scalars().all(), np.int64)
    chosen = np.random.default_rng(seed).choice(ids, min(n, len(ids)), replace=False)
    return np.stack(list(chunk_vectors(connection, np.sort(chosen).tolist()).values()))


def stored_chunks(
    connection: Connection, ids: Sequence[int], chosen: Filter | None = None
) -> dict[int, Passage]:
    """The chunks with these ids in the snapshot that `connection` reads.

    With a filter, each has the first place that it accepts.
    """
    if not ids:
        return {}
    rows = connection.execute(_stored_among(chosen), {"ids": json.dumps(list(ids))}).all()
    return {row.id: _passage(row) for row in rows}


def chunk_ids(connection: Connection, chosen: Filter) -> np.ndarray:
    """The ids, `(n,) int64`, of the chunks in documents that the filter accepts."""
    query = (
        select(occurrences.c.chunk_id)
        .distinct()
        .join(documents, documents.c.id == occurrences.c.document_id)
        .where(_lets_through(chosen))
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


_VECTORS = text(  # plain SQL, since a search reads more of these rows than of any other
    "SELECT id, vector FROM chunks WHERE id IN (SELECT value FROM json_each(:ids))"
)


def chunk_vectors(connection: Connection, ids: Sequence[int]) -> dict[int, np.ndarray]:
    """The vectors, `(dim,) float32`, of the chunks with these ids."""
    if not ids:
        return {}
    rows = connection.execute(_VECTORS, {"ids": json.dumps(list(ids))}).all()
    return {row[0]: np.frombuffer(row[1], np.float32) for row in rows}


def _lets_through(chosen: Filter | None) -> ColumnElement[bool]:
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
        condition &= _document_trusted()
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
        .where(occurrences.c.chunk_id == chunks.c.id, _lets_through(chosen))
        .order_by(
            # Copies have the longer names: "people (1).md".
            ~_document_trusted(),
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
    vouched = also.where(_document_trusted(other)).scalar_subquery()
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
            _trusted().label("trusted"),
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


def _passage(row: Row[Any]) -> Passage:
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


def _by_hash(connection: Connection, query: Select[Any], hashes: list[str]) -> list[Row[Any]]:
    rows: list[Row[Any]] = []
    for part in parts(hashes):
        rows += connection.execute(query.where(chunks.c.content_hash.in_(part))).all()
    return rows


_NOW = text("SELECT value FROM state WHERE key = 'generation'")  # run by every search


def _generation(connection: Connection) -> int:
    return int(connection.execute(_NOW).scalar_one())


def next_generation(connection: Connection) -> int:
    """A generation for what the caller's transaction changes."""
    return _generation(connection) + 1 + secrets.randbelow(GENERATION_STEP)


def set_generation(connection: Connection, generation: int) -> None:
    """Make this the generation, in the caller's transaction."""
    connection.execute(insert(generations).values(generation=generation))
    connection.execute(update(state).where(state.c.key == "generation").values(value=generation))


def _chunk_ids(connection: Connection, document_ids: Sequence[int]) -> set[int]:
    query = select(occurrences.c.chunk_id).where(occurrences.c.document_id.in_(document_ids))
    return set(connection.execute(query).scalars())


def _store(
    connection: Connection, document_id: int, records: Sequence[ChunkRecord], generation: int
) -> int:
    """Insert the new chunks and every occurrence; returns the number of new chunks."""
    distinct = {record.content_hash: record for record in records}
    query = select(*chunks.c["content_hash", "id", "text", "flags"], _trusted().label("trusted"))
    stored = _by_hash(connection, query, list(distinct))
    ids = {row.content_hash: row.id for row in stored}
    _respace(connection, document_id, [(row, distinct[row.content_hash]) for row in stored])
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
    query = select(_document_trusted()).where(documents.c.id == document_id)
    trusted = connection.execute(query.select_from(documents)).scalar_one()
    for row, record in changed:
        if trusted or not row.trusted:
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
