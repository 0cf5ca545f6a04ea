"""The live index: the vector index of a knowledge base, at the present state of its catalog.

Before every search it is updated from the catalog, in the snapshot of the search. The index file
may be a little out of date, and is not written for every small change. An index that needs another
kind, or much updating, still serves while a thread builds the next one. Knows no query.
"""

import contextlib
import logging
import threading
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection

from ragcl.catalog import Catalog
from ragcl.catalog.chunks import count_chunks
from ragcl.catalog.generations import count_changes, generation, was_at
from ragcl.errors import RagclError
from ragcl.index import building, index_file
from ragcl.index.index_file import DamagedIndexError
from ragcl.index.vector_index import EmbedderId, VectorIndex, outgrown

log = logging.getLogger(__name__)

INDEX_FILE = "index/vectors.faiss"
CATALOG_LOST = (
    "there is a vector index, but the catalog is new and empty: restore catalog.sqlite from a "
    "copy, or ingest the documents again"
)
# The share of an index that may have changed since its file was written: updating so much takes a
# moment when it is opened, and at most 100 times the changes are written.
LAG = 0.01
NOT_WRITTEN = "The index file could not be written (%s): it is made when needed."


class LiveIndex:
    """The index that searches use; `lock` is held while one does, or while it is updated."""

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        self._catalog = catalog
        self._path = folder / INDEX_FILE
        self.lock = threading.Lock()
        self.loaded: VectorIndex | None = None
        self._renewal: threading.Thread | None = None

    def save(self, *, purge: bool = False) -> None:
        """Write the index file if more than the share `LAG` of it has changed.

        Searches run meanwhile, here and in other processes. Returns at once if another thread or
        process is writing the file, except with `purge`, which waits: nothing deleted stays in the
        file.

        Raises:
            OSError: with `purge`, if the file cannot be written; else a warning is logged.
        """
        if purge:
            index_file.remove_unfinished(self._path)
        with self._catalog.database.reading() as connection:
            known = building.stored_embedder(connection)
            if known is None:
                return
            if self._file_serves(connection, known, 0 if purge else LAG):
                return
        self._renew(known, purge=purge)

    def close(self) -> None:
        """Wait for a running rebuild, so that the next opening does not need one."""
        if self._renewal is not None:
            self._renewal.join()

    def problems(self, *, repair: bool) -> list[str]:
        """What is wrong with the index; with `repair` it is built again from the catalog."""
        found: str | None = None
        with self.lock, self._catalog.database.reading() as connection:
            known = building.stored_embedder(connection)
            if known is None:
                return [CATALOG_LOST] if self._path.exists() else []
            try:
                index = VectorIndex.load(self._path, check_lists=True)
            except FileNotFoundError:
                found = "the vector index has no file"
            except DamagedIndexError as error:
                found = f"the vector index is damaged: {error}"
            else:
                if index.stamp.embedder != known:
                    found = f"the vector index was made by another model, {index.stamp.model}"
                elif not building.agrees(index, connection):
                    found = "the vector index disagrees with the catalog"
            if found and repair:
                self.rebuilt(connection)
        if found and repair:
            self.save()
        return [found] if found else []

    def caught_up(self, connection: Connection) -> VectorIndex | None:
        """The index at the snapshot of `connection`; None if nothing is embedded yet.

        The caller holds the lock, and uses the index no longer than that.
        """
        known = building.stored_embedder(connection)
        if known is None:
            return None
        index = self.loaded
        if index is not None and index.stamp.embedder != known:
            index = None
        if index is None or index.stamp.generation != generation(connection):
            index = self._read_file(known) if index is None else index
            if index is None or not was_at(connection, index.stamp.generation):
                index = self.rebuilt(connection)
            self.loaded = index
            building.catch_up(index, connection)
        lags = outgrown(len(index), index.trained_on) or index.loose > 2 * LAG * len(index)
        if lags and not self._catalog.database.read_only:
            self._renew_in_background(index.stamp.embedder)
        return index

    def rebuilt(self, connection: Connection) -> VectorIndex:
        """The index, built from the catalog and written, so that no other process builds it.

        A large index is exact at first; the renewal writes its file. The caller holds the lock.
        """
        embedder = building.stored_embedder(connection)
        assert embedder is not None  # without vectors there is no index to rebuild
        index = building.build_exact(connection, embedder)
        self.loaded = index
        if outgrown(len(index), index.trained_on):
            with contextlib.suppress(OSError):
                self._path.unlink()
        else:
            self._write(index)
        return index

    def _file_serves(self, connection: Connection, known: EmbedderId, lag: float) -> bool:
        """Whether the file is of the right kind and needs little updating."""
        summary = VectorIndex.summary(self._path)
        if summary is None or summary.stamp.embedder != known:
            return False
        since = summary.stamp.generation
        return (
            was_at(connection, since)
            and not outgrown(count_chunks(connection), summary.trained_on)
            and count_changes(connection, since) <= lag * summary.size
        )

    def _renew_in_background(self, known: EmbedderId) -> None:
        if self._renewal is None or not self._renewal.is_alive():
            self._renewal = threading.Thread(target=self._renew_quietly, args=(known,))
            self._renewal.start()

    def _renew_quietly(self, known: EmbedderId) -> None:
        """Renew in a thread that uses one processor, so that searches have the others."""
        import faiss

        faiss.omp_set_num_threads(1)  # of this thread alone
        try:
            self._renew(known, purge=False)
        except RagclError as error:
            log.warning("The vector index could not be renewed: %s", error)

    def _renew(self, known: EmbedderId, *, purge: bool) -> None:
        """Write the index file if it is out of date, and search with the index of the file.

        Does not block searches. One thread or process at a time; if it is killed, the old file
        stays.
        """
        lock = FileLock(self._path.with_name(f"{self._path.name}.renewal.lock"))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=-1 if purge else 0)
        except Timeout:
            return
        except OSError as error:
            if purge:
                raise
            log.warning(NOT_WRITTEN, error)
            return
        try:
            with self._catalog.database.reading() as connection:
                if building.stored_embedder(connection) != known:
                    return  # it was switched: what searches next sees to the index
                serves = self._file_serves(connection, known, 0 if purge else LAG)
                index = self._read_file(known) if serves else None
                if index is None:
                    index = self._next(connection, known)
                    if purge:
                        index.save(self._path)
                    if purge or self._write(index):
                        written = self._read_file(known)
                        index = index if written is None else written
            with self.lock:
                self.loaded = index
        finally:
            lock.release()

    def _next(self, connection: Connection, known: EmbedderId) -> VectorIndex:
        """The index for a new file, at the snapshot of `connection`."""
        index = self._read_file(known, check_lists=True)
        if (
            index is None
            or not was_at(connection, index.stamp.generation)
            or outgrown(count_chunks(connection), index.trained_on)
        ):
            return building.build(connection, known)
        building.catch_up(index, connection)
        return index.folded()

    def _write(self, index: VectorIndex) -> bool:
        """Write the index file; a failure is only logged, since the catalog holds every vector."""
        try:
            index.save(self._path)
        except OSError as error:
            log.warning(NOT_WRITTEN, error)
            return False
        return True

    def _read_file(self, known: EmbedderId, *, check_lists: bool = False) -> VectorIndex | None:
        """The index of the file; None if it is missing, damaged or of another embedder."""
        try:
            index = VectorIndex.load(self._path, check_lists=check_lists)
        except FileNotFoundError:
            return None
        except DamagedIndexError as error:
            log.warning("%s; it is being built again from the catalog.", error)
            return None
        return index if index.stamp.embedder == known else None
