"""Ingests a folder: plan, read, chunk, embed, then one transaction for each document.

A crash at any instant leaves the last committed state, and the next ingest continues from there. A
file that fails keeps its old version, is reported with the reason and is tried again next time.
Knows no answers and no learning.
"""

import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ragcl.catalog import Catalog
from ragcl.catalog.documents import ChunkRecord, Delta, DocumentRecord
from ragcl.catalog.roots import Root
from ragcl.errors import FolderUnavailableError, RagclError, UsageError
from ragcl.files import beside, places
from ragcl.printing import reason
from ragcl.progress import Progress
from ragcl.results import Failure, IngestReport
from ragcl.search.embedder import Embedder
from ragcl.search.embedders import check_embedder
from ragcl.search.retriever import Retriever
from ragcl.settings import IngestSettings

with beside.package("ingest"):
    from ingest import (
        Chunk,
        FileReader,
        KnownFile,
        Scan,
        Skipped,
        SourceFile,
        chunk,
        sha256,
        together,
    )
    from ingest import (
        embedding_text as embedding_text,  # for those who embed again
    )
    from ingest import plan as plan_changes
    from ingest import scan as scan_folder

log = logging.getLogger(__name__)

NO_TEXT = "holds no text"
GROUP_CHUNKS = 512  # new chunks that are embedded together, across documents
GROUP_DOCUMENTS = 256  # maximum documents in a group: many have no text


@dataclass(frozen=True)
class _Prepared:
    """A file that was read and chunked and waits for its vectors."""

    record: DocumentRecord
    chunks: list[Chunk]


@dataclass
class _Tally:
    """The results so far."""

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    left_out: list[Failure] = field(default_factory=list)
    delta: Delta = field(default_factory=lambda: Delta(0, 0))

    def fail(self, path: str, error: Exception) -> None:
        self.failed.append(Failure(path, reason(error)))

    def count(self, delta: Delta) -> None:
        self.delta += delta


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
    """Update the knowledge base from a folder.

    Args:
        folder: the root; it is stored by its absolute path.
        catalog: of the knowledge base.
        embedder: loaded only if there is new text.
        retriever: saves its index file, and recalibrates if need be, at the end.
        settings: limits of size, time and memory, and the length of a chunk.
        exclude: a folder that is never read: the knowledge base itself.
        allow_empty: whether an empty folder means that its documents were deleted.
        trusted: whether its text may be learned; None: as before, at first yes.
        progress: called as the work goes on.

    Raises:
        FolderUnavailableError: a folder that was ingested before is missing, or it is empty and
            `allow_empty` is false.
        UsageError: there is no such folder, or a pattern is invalid.
        ModelMismatchError: the knowledge base was built with another embedder.
    """
    started = time.time()
    target = _Target(folder, catalog, settings)
    if trusted is not None:
        _set_trust(target.root, trusted, catalog)
    known = target.known()
    found = target.scan(known, allow_empty=allow_empty)
    if known and not found.files and not allow_empty:
        raise FolderUnavailableError(
            f"cannot ingest: {target.path} is empty, but {len(known)} documents came from it. "
            f"Mount the drive; or if they are to go, run `ragcl ingest {target.path}`."
        )
    plan = plan_changes(found, {path: _known_file(record) for path, record in known.items()})
    to_read = [file for file in plan.to_read if not file.absolute.is_relative_to(exclude)]
    tally = _Tally(delta=target.delta)
    tally.failed += [
        Failure(one.path, f"{one.reason}; its last good version is still used") for one in plan.kept
    ]
    touched: list[DocumentRecord] = []
    if to_read:
        check_embedder(catalog, embedder.files)
    group: list[_Prepared] = []
    chunks = 0
    for prepared in _prepare(
        to_read, known, found.started_ns, embedder, settings, touched, tally, progress
    ):
        group.append(prepared)
        chunks += len(prepared.chunks)
        if chunks >= GROUP_CHUNKS or len(group) >= GROUP_DOCUMENTS:
            _commit(group, target, known, catalog, embedder, tally, progress)
            group, chunks = [], 0
    _commit(group, target, known, catalog, embedder, tally, progress)
    catalog.documents.touch(target.root_id, [target.stored(record) for record in touched])
    for path in plan.deleted:
        tally.count(catalog.documents.remove(target.root_id, target.prefix + path))
    failures = {target.prefix + failure.path: failure.reason for failure in tally.failed}
    catalog.documents.set_failures(target.root_id, failures, time.time(), target.prefix)
    retriever.save()  # even without changes: the last ingest may have been killed before this
    if tally.delta.added:
        retriever.calibrate()  # now, so that the next question does not wait for it
    catalog.database.checkpoint()
    return IngestReport(
        root=target.path,
        added=tally.added,
        updated=tally.updated,
        unchanged=sorted([*plan.unchanged, *(record.path for record in touched)]),
        deleted=list(plan.deleted),
        left_out=tally.left_out,
        failed=tally.failed,
        skipped=[Failure(one.path, one.reason) for one in found.skipped if one not in plan.kept],
        chunks_added=tally.delta.added,
        chunks_removed=tally.delta.removed,
        seconds=time.time() - started,
    )


class _Target:
    """The folder to ingest, and its place in the catalog.

    Paths here are relative to the folder; those in the catalog to the outermost root around it.
    """

    def __init__(self, folder: Path, catalog: Catalog, settings: IngestSettings) -> None:
        self._catalog = catalog
        self._settings = settings
        self.path = ""
        try:
            real = places.real(folder)
            self.path = str(real)
            self._found = self._scan(real)
        except OSError as error:
            raise self._unavailable(folder, error) from error
        except ValueError as error:
            raise UsageError(
                f"cannot ingest: {error}. Correct ingest.include or exclude."
            ) from error
        self.root, self.delta = catalog.roots.enter(self.path, places.within)
        self.root_id, self.prefix = self.root.owner, self.root.prefix

    def stored(self, record: DocumentRecord) -> DocumentRecord:
        """The record as the catalog has it."""
        return replace(record, path=self.prefix + record.path)

    def known(self) -> dict[str, DocumentRecord]:
        """The folder's documents in the catalog, by path."""
        records = self._catalog.documents.of_root(self.root_id, self.prefix)
        paths = (record.path.removeprefix(self.prefix) for record in records)
        return {path: replace(one, path=path) for path, one in zip(paths, records, strict=True)}

    def scan(self, known: Mapping[str, DocumentRecord], *, allow_empty: bool) -> Scan:
        """The scan of the folder, merged with scans of nested and surrounding roots.

        A nested root may be hidden or ignored in this folder, but it was ingested explicitly: its
        files stay as long as its own scan has them.
        """
        roots = [one for one in self._catalog.roots.all() if one.owner == self.root_id]
        parts: dict[str, Scan | Skipped] = {}
        for one in roots:
            inside = one.prefix.removeprefix(self.prefix).rstrip("/")
            if inside and one.prefix.startswith(self.prefix):
                held = any(path.startswith(f"{inside}/") for path in known)
                part = self._part(Path(self.path, inside), inside, held and not allow_empty)
                if part is not None:
                    parts[inside] = part
        found = together(self._found, parts)
        for one in roots:
            inside = self.prefix.removeprefix(one.prefix)
            if self.prefix.startswith(one.prefix) and inside:
                found = self._shown_around(found, known, Path(one.path), inside)
        return found

    def _part(self, folder: Path, inside: str, must_hold: bool) -> "Scan | Skipped | None":
        """The scan of a nested folder; None if it is gone, or replaced by a link."""
        try:
            if places.real(folder) != folder:
                return None
            found = self._scan(folder)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return Skipped(inside, f"folder cannot be listed: {error.strerror or error}")
        if must_hold and not found.files:
            return Skipped(inside, "is empty, but documents came from it: mount the drive")
        return found

    def _shown_around(
        self, found: Scan, known: Mapping[str, DocumentRecord], around: Path, inside: str
    ) -> Scan:
        """The scan with the known files that only a surrounding root's scan has."""
        shown = {file.path for file in found.files}
        left_out = {
            path for path in known if path not in shown and os.path.lexists(Path(self.path, path))
        }
        if not left_out:
            return found
        try:
            wider = self._scan(around)
        except OSError:
            return found
        also = [
            replace(file, path=file.path.removeprefix(inside))
            for file in wider.files
            if file.path.startswith(inside) and file.path.removeprefix(inside) in left_out
        ]
        return replace(found, files=tuple(sorted([*found.files, *also], key=lambda one: one.path)))

    def _scan(self, folder: Path) -> Scan:
        return scan_folder(
            folder,
            max_bytes=int(self._settings.max_file_mb * 2**20),
            include=self._settings.include,
            exclude=self._settings.exclude,
        )

    def _unavailable(self, folder: Path, error: OSError) -> UsageError:
        """The error for a folder that cannot be listed; another one if it was ingested before."""
        # The scan's own errors have no errno, and a complete message.
        reason = f"{self.path or folder}: {error.strerror}" if error.errno else str(error)
        if self._catalog.roots.find(self.path) is None:
            hint = "" if isinstance(error, NotADirectoryError) else " Check the path."
            return UsageError(f"cannot ingest: {reason}.{hint}")
        return FolderUnavailableError(
            f"cannot ingest: {reason}. Mount the drive; or if its documents are to go, run "
            f"`ragcl forget {self.path}`."
        )


def _set_trust(root: Root, trusted: bool, catalog: Catalog) -> None:
    catalog.roots.set_trust(root.id, trusted)
    around = catalog.roots.distrusting(root)
    if trusted and around is not None:
        log.warning("%s stays untrusted, as %s is, which it lies in.", root.path, around.path)


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
    """Read and chunk the files with new bytes; add the others to `touched` or the failures."""
    limits = (settings.read_seconds, settings.read_memory_mb, settings.max_file_chars)
    with FileReader(*limits) as reader:
        for done, file in enumerate(files):
            progress("reading", done, len(files))
            try:
                last = known.get(file.path)
                if last is not None and last.sha256 == sha256(file.absolute):
                    touched.append(_record(file, last.sha256, checked_ns))
                    continue
                document = reader.read(file.absolute)
                limit = min(settings.chunk_tokens, embedder.max_tokens)
                chunks = chunk(document, count_tokens=embedder.count_tokens, max_tokens=limit)
            except Exception as error:  # reported; fails this file alone
                tally.fail(file.path, error)
                continue
            record = replace(
                # The digest of the bytes that were read: the file may have changed since the scan.
                _record(file, document.sha256, checked_ns),
                title=document.title,
                media_type=document.media_type,
                metadata=document.metadata,
                notes=document.notes if chunks else (*document.notes, NO_TEXT),
            )
            yield _Prepared(record, chunks)
    progress("reading", len(files), len(files))


def _commit(
    group: list[_Prepared],
    target: _Target,
    known: dict[str, DocumentRecord],
    catalog: Catalog,
    embedder: Embedder,
    tally: _Tally,
    progress: Progress,
) -> None:
    """Embed the new chunks of a group of documents, and store each document in a transaction."""
    try:
        vectors = _vectors(group, catalog, embedder, progress)
    except RagclError:  # not caused by a file: a missing model, a full disk
        raise
    except Exception as error:
        if len(group) == 1:
            tally.fail(group[0].record.path, error)
            return
        for prepared in group:  # one of them cannot be embedded
            _commit([prepared], target, known, catalog, embedder, tally, progress)
        return
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
        try:
            delta = catalog.documents.replace(
                target.root_id, target.stored(prepared.record), records
            )
        except RagclError:
            raise
        except Exception as error:
            tally.fail(path, error)
            continue
        tally.count(delta)
        if prepared.record.notes:
            tally.left_out.append(Failure(path, "; ".join(prepared.record.notes)))
        if path in known and NO_TEXT not in known[path].notes:
            tally.updated.append(path)
        elif prepared.chunks:
            tally.added.append(path)


def _vectors(
    group: Sequence[_Prepared], catalog: Catalog, embedder: Embedder, progress: Progress
) -> dict[str, np.ndarray]:
    """The vectors of a group's chunks by content hash; missing ones are computed."""
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
    return vectors


def _known_file(record: DocumentRecord) -> KnownFile:
    return KnownFile(
        size=record.size,
        mtime_ns=record.mtime_ns,
        ctime_ns=record.ctime_ns,
        sha256=record.sha256,
        checked_ns=record.checked_ns,
    )


def _record(file: SourceFile, digest: str, checked_ns: int) -> DocumentRecord:
    """The record of a file, before its content is read."""
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
