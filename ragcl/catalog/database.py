"""The SQLite file: opening it, transactions, and errors that tell the user what to do.

Readers see a snapshot and never wait for a writer (write-ahead log); writers queue. Without write
permission, as on a read-only mount or in another user's folder, it can still be read. Knows no
table.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from ragcl.catalog import migrations
from ragcl.catalog.full_text import searchable
from ragcl.errors import CatalogError, KnowledgeBaseBusyError, UsageError
from ragcl.files.places import composed

BUSY_SECONDS = 10
PURGE_SECONDS = 30  # how long to wait for readers: an answer reads for far less
FINDINGS = 3  # problems of a damaged file that are reported: the first few are enough
SQLITE_VARIABLES = 900  # below the lowest limit on variables in a statement that is in use

T = TypeVar("T")


def parts(values: Iterable[T]) -> Iterator[list[T]]:
    """Values in parts that fit into one statement."""
    every = list(values)
    for start in range(0, len(every), SQLITE_VARIABLES):
        yield every[start : start + SQLITE_VARIABLES]


class Database:
    """The catalog file, migrated to the newest version when it is opened.

    `read_only` says that the file may not be written here.

    Raises:
        CatalogError: the file is damaged, not a catalog, from a newer version, or from an older one
            and read-only.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read_only = not _may_write(path)
        self._closed = False
        if self.read_only and not path.exists():
            raise CatalogError(
                f"there is no knowledge base in {path.parent}, where nothing may be written: name "
                "another folder, or check its permissions."
            )
        self._engine = self._connected()
        try:
            with self.reading() as connection:
                current = migrations.version(connection)
            if current != len(migrations.STEPS):
                migrations.check(current, path, read_only=self.read_only)
                with self.writing() as connection:
                    migrations.migrate(connection, path)
        except BaseException:
            self.close()
            raise
        _OPEN.add(self)

    def _connected(self) -> Engine:
        if self.read_only:
            # A connection for each transaction: it may be immutable, and another user may begin to
            # write at any moment.
            engine = create_engine(
                "sqlite://", creator=lambda: _connect_read_only(self.path), poolclass=NullPool
            )
            event.listen(engine, "connect", _configure_reader)
        else:
            how = {"timeout": BUSY_SECONDS, "check_same_thread": False}
            engine = create_engine(f"sqlite:///{self.path}", connect_args=how)
            event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
        return engine

    def begin_anew(self) -> None:
        """In a forked process: leave the connections to the parent, which opened them."""
        _INHERITED.append(self._engine)  # collecting it would close them
        self._engine = self._connected()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A snapshot of the last committed state, from the first query on."""
        with self._explained(), self._engine.connect() as connection:
            yield connection  # rolled back when closed: there is nothing to commit

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: all of it or, on any error, none.

        Raises:
            CatalogError: the file may not be written here.
        """
        if self.read_only:
            raise CatalogError(
                f"{self.path} may not be written here, so nothing of the knowledge base can be "
                "changed: check its permissions, or make a copy of its folder and use that."
            )
        with self._explained(), self._engine.connect() as plain:
            connection = plain.execution_options(ragcl_begin="BEGIN IMMEDIATE")
            with connection.begin():
                yield connection

    def checkpoint(self) -> None:
        """Write everything committed so far to the main file."""
        with self._explained():
            raw = self._engine.raw_connection()
            try:
                raw.execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                raw.close()

    def purge(self) -> None:
        """Remove all traces of deleted rows from the file and its write-ahead log.

        SQLite overwrites deleted rows, but not the copies left when a row moved to another page; so
        the file is rewritten (VACUUM). SQLite's temporary file for that has no name and holds only
        current rows.

        Raises:
            KnowledgeBaseBusyError: others were reading from the log all the time.
        """
        with self._explained():
            raw = self._engine.raw_connection()
            try:
                raw.execute("VACUUM")
                deadline = time.monotonic() + PURGE_SECONDS
                # Waits for readers as long as a connection waits for anything: BUSY_SECONDS.
                while raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    if time.monotonic() > deadline:
                        raise KnowledgeBaseBusyError(
                            f"{self.path.name}-wal is being read by another process. Wait until it "
                            "has finished, or end it."
                        )
            finally:
                raw.close()

    def check(self) -> list[str]:
        """The first few problems that SQLite finds in the file; empty if it is sound.

        Those of the full-text index are left out, since it is derived.
        """
        with self.reading() as connection:
            rows = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
            dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        found = [line for row in rows for line in str(row).splitlines()]
        found = [
            line for line in found if not line.startswith(("ok", "***")) and "FTS5" not in line
        ]
        found += [f"row {row[1]} of {row[0]} belongs to no row of {row[2]}" for row in dangling]
        return found[:FINDINGS]

    def close(self) -> None:
        """Close every connection; later use raises `UsageError`."""
        self._closed = True
        self._engine.dispose()

    def check_open(self) -> None:
        """Raise if the database was closed.

        Raises:
            UsageError: it was closed.
        """
        if self._closed:
            raise UsageError(
                f"the knowledge base in {self.path.parent} is closed: open it again to use it."
            )

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        self.check_open()
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            reason = str(error.orig if isinstance(error, DBAPIError) else error)
            if "locked" in reason or "busy" in reason:
                raise KnowledgeBaseBusyError(
                    f"{self.path} is being written by another process ({reason}). Try again."
                ) from error
            if "is full" in reason or "disk I/O" in reason:
                raise CatalogError(
                    f"{self.path} could not be written: {reason}. Free some disk space and run "
                    "the command again; everything committed before is intact."
                ) from error
            if any(sign in reason for sign in ("malformed", "not a database", "no such table")):
                raise CatalogError(
                    f"{self.path} is damaged or no catalog of ragcl: {reason}. Restore it from a "
                    "copy, or remove the knowledge base and ingest the documents again."
                ) from error
            if "readonly" in reason or "unable to open" in reason:
                raise CatalogError(
                    f"{self.path} cannot be opened: {reason}. Check its permissions."
                ) from error
            raise


_OPEN: WeakSet[Database] = WeakSet()
_INHERITED: list[Engine] = []


def _forked() -> None:
    for database in _OPEN:
        database.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _may_write(path: Path) -> bool:
    """Whether this process may write the file and SQLite's files beside it."""
    effective = os.access in os.supports_effective_ids
    return os.access(path.parent, os.W_OK | os.X_OK, effective_ids=effective) and (
        not path.exists() or os.access(path, os.W_OK, effective_ids=effective)
    )


def _connect_read_only(path: Path) -> sqlite3.Connection:
    """A connection that writes nothing, not even beside the file.

    SQLite can read a write-ahead log only with its shared-memory file, which a writer creates. If
    there is none, no process is writing.

    Raises:
        CatalogError: there is a log without that file, as in an incomplete copy.
    """
    log, shared = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
    uri = f"{path.resolve().as_uri()}?mode=ro"
    if not (shared.exists() and log.exists()):
        if log.exists() and log.stat().st_size:
            raise CatalogError(
                f"the newest changes of {path} are in {log.name}, which can only be read where it "
                "may be written: make a copy of the folder and use that."
            )
        uri += "&immutable=1"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)


def _configure_reader(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by _begin, not by the driver
    connection.create_function("searchable", 1, searchable, deterministic=True)
    connection.create_function("composed", 1, composed, deterministic=True)


def _configure(connection: Any, record: Any) -> None:
    _configure_reader(connection, record)
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    # A power cut may undo the newest transactions completely. Every ingest and round ends with a
    # checkpoint, so that what was reported as done is on disk.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA secure_delete = ON")  # a forgotten text leaves no readable remains
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("ragcl_begin", "BEGIN"))
