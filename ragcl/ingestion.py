"""Ingest a folder: plan, read, chunk, embed, then one transaction a document.

A crash at any instant leaves the last committed state, and the next ingest goes on from there. A
file that fails keeps its old version, is reported with the reason and is tried again next time.
Knows no answers and no learning.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingest import Chunk, KnownFile, Reader, ReadError, SourceFile, chunk, embedding_text, sha256
from ingest import plan as plan_changes
from ingest import scan as scan_folder
from ragcl.catalog import Catalog
from ragcl.catalog.documents import ChunkRecord, Delta, DocumentRecord
from ragcl.errors import FolderUnavailableError, UsageError
from ragcl.results import Failure, IngestReport
from ragcl.retrieval.embedder import Embedder
from ragcl.retrieval.retriever import Retriever, check_embedder
from ragcl.settings import IngestSettings

GROUP_CHUNKS = 512  # new chunks that are embedded together, across documents

Progress = Callable[[str, int, int], None]  # what is being done, how many done, how many in all


@dataclass(frozen=True)
class _Prepared:
    """A file that was read and chunked and waits for its vectors."""

    record: DocumentRecord
    chunks: list[Chunk]


@dataclass
class _Tally:
    """What has been done so far."""

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    delta: Delta = field(default_factory=lambda: Delta(0, 0))

    def count(self, delta: Delta) -> None:
        self.delta = Delta(self.delta.added + delta.added, self.delta.removed + delta.removed)


def ingest_folder(
    folder: Path,
    catalog: Catalog,
    embedder: Embedder,
    retriever: Retriever,
    settings: IngestSettings,
    *,
    exclude: Path,
    allow_empty: bool,
    trusted: bool | None,
    progress: Progress,
) -> IngestReport:
    """Bring the knowledge base up to date with a folder.

    Args:
        folder: the root; it is remembered by its absolute path.
        catalog: where documents and chunks are kept.
        embedder: loaded only when some text is new.
        retriever: whose index file is renewed at the end, and what cosines mean if need be.
        settings: limits of size, time and memory, and the length of a chunk.
        exclude: a folder that is never read: that of the knowledge base itself.
        allow_empty: whether a folder without any file means that its documents are gone.
        trusted: whether its text may be learned; None: as before, at first yes.
        progress: called as the work goes on.

    Raises:
        FolderUnavailableError: a folder that was ingested before is gone, or empty against
            `allow_empty`.
        UsageError: there is no such folder, or a pattern is none.
        ModelMismatchError: the knowledge base was built with another embedder.
    """
    started = time.time()
    root = str(folder.resolve())
    try:
        found = scan_folder(
            folder,
            max_bytes=int(settings.max_file_mb * 2**20),
            include=settings.include,
            exclude=settings.exclude,
        )
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        known_root = catalog.documents.find_root(root) is not None
        kind = FolderUnavailableError if known_root else UsageError
        raise kind(f"cannot ingest: {error}. Check the path.") from error
    except ValueError as error:
        raise UsageError(f"cannot ingest: {error}. Correct ingest.include or exclude.") from error
    root_id = catalog.documents.root_id(root)
    if trusted is not None:
        catalog.documents.set_trust(root_id, trusted)
    known = {record.path: record for record in catalog.documents.of_root(root_id)}
    if known and not found.files and not allow_empty:
        raise FolderUnavailableError(
            f"cannot ingest: {root} is empty, but {len(known)} documents came from it. Mount the "
            f"drive; or if they are to go, run `ragcl ingest {root}`."
        )
    plan = plan_changes(found, {path: _known_file(record) for path, record in known.items()})
    to_read = [file for file in plan.to_read if not file.absolute.is_relative_to(exclude)]
    tally = _Tally()
    touched: list[DocumentRecord] = []
    if to_read:
        check_embedder(catalog, embedder.files)
    group: list[_Prepared] = []
    for prepared in _prepare(
        to_read, known, found.started_ns, embedder, settings, touched, tally, progress
    ):
        group.append(prepared)
        if sum(len(one.chunks) for one in group) >= GROUP_CHUNKS:
            _commit(group, root_id, known, catalog, embedder, tally, progress)
            group = []
    _commit(group, root_id, known, catalog, embedder, tally, progress)
    catalog.documents.touch(root_id, touched)
    for path in plan.deleted:
        tally.count(catalog.documents.remove(root_id, path))
    failures = {failure.path: failure.reason for failure in tally.failed}
    catalog.documents.set_failures(root_id, failures, time.time())
    retriever.save()  # even if nothing changed now: the last ingest may have been killed before it
    if tally.delta.added:
        retriever.calibrate()  # rather now than at the next question
    catalog.database.checkpoint()
    return IngestReport(
        root=root,
        added=tally.added,
        updated=tally.updated,
        unchanged=sorted([*plan.unchanged, *(record.path for record in touched)]),
        deleted=list(plan.deleted),
        failed=tally.failed,
        skipped=[Failure(one.path, one.reason) for one in found.skipped],
        chunks_added=tally.delta.added,
        chunks_removed=tally.delta.removed,
        seconds=time.time() - started,
    )


def _prepare(
    files: list[SourceFile],
    known: dict[str, DocumentRecord],
    checked_ns: int,
    embedder: Embedder,
    settings: IngestSettings,
    touched: list[DocumentRecord],
    tally: _Tally,
    progress: Progress,
) -> Iterator[_Prepared]:
    """Read and chunk the files whose bytes are new; note the others as touched or failed."""
    limits = (settings.read_seconds, settings.read_memory_mb, settings.max_file_chars)
    with Reader(*limits) as reader:
        for done, file in enumerate(files):
            progress("reading", done, len(files))
            try:
                digest = sha256(file.absolute)
                record = _record(file, digest, checked_ns)
                last = known.get(file.path)
                if last is not None and last.sha256 == digest:
                    touched.append(record)
                    continue
                document = reader.read(file.absolute)
                limit = min(settings.chunk_tokens, embedder.max_tokens)
                chunks = chunk(document, count_tokens=embedder.count_tokens, max_tokens=limit)
            except (ReadError, OSError, ValueError) as error:
                tally.failed.append(Failure(file.path, str(error)))
                continue
            record = replace(
                record,
                title=document.title,
                media_type=document.media_type,
                metadata=document.metadata,
            )
            yield _Prepared(record, chunks)
    progress("reading", len(files), len(files))


def _commit(
    group: list[_Prepared],
    root_id: int,
    known: dict[str, DocumentRecord],
    catalog: Catalog,
    embedder: Embedder,
    tally: _Tally,
    progress: Progress,
) -> None:
    """Embed what is new in a group of documents and store each in a transaction of its own."""
    texts = {
        one.content_hash: embedding_text(one.heading, one.text)
        for prepared in group
        for one in prepared.chunks
    }
    vectors = catalog.documents.known_vectors(texts)
    missing = [key for key in texts if key not in vectors]
    if missing:
        done = 0

        def embedded(count: int) -> None:
            nonlocal done
            done += count
            progress("embedding", done, len(missing))

        fresh = embedder.encode([texts[key] for key in missing], progress=embedded)
        check_embedder(catalog, embedder.files, fresh.shape[1])
        vectors.update(zip(missing, fresh, strict=True))
    for prepared in group:
        path = prepared.record.path
        records = [
            ChunkRecord(
                content_hash=one.content_hash,
                text=one.text,
                heading=one.heading,
                flags=tuple(sorted(one.flags)),
                vector=vectors[one.content_hash],
                lines=one.lines,
                page=one.page,
            )
            for one in prepared.chunks
        ]
        tally.count(catalog.documents.replace(root_id, prepared.record, records))
        (tally.updated if path in known else tally.added).append(path)


def _known_file(record: DocumentRecord) -> KnownFile:
    return KnownFile(
        size=record.size,
        mtime_ns=record.mtime_ns,
        ctime_ns=record.ctime_ns,
        sha256=record.sha256,
        checked_ns=record.checked_ns,
    )


def _record(file: SourceFile, digest: str, checked_ns: int) -> DocumentRecord:
    """A file before it is read."""
    return DocumentRecord(
        path=file.path,
        title="",
        media_type="",
        size=file.size,
        mtime_ns=file.mtime_ns,
        ctime_ns=file.ctime_ns,
        sha256=digest,
        checked_ns=checked_ns,
        ingested_at=time.time(),
    )
