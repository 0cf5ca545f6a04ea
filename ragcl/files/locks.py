"""Locks between processes: files that one process holds at a time.

Knows no knowledge base; who waits for whom is the caller's to say.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ragcl.errors import CatalogError, KnowledgeBaseBusyError
from ragcl.progress import Progress


@contextlib.contextmanager
def locked(path: Path, what: str, waiting: Progress | None = None) -> Iterator[None]:
    """Hold a lock.

    Args:
        path: of the lock file, in the folder that is being changed.
        what: what a process that holds it does, for messages.
        waiting: told while another process holds it; None: then it is an error.

    Raises:
        KnowledgeBaseBusyError: another process holds it, and `waiting` is None.
        CatalogError: the folder cannot be written.
    """
    folder, lock = path.parent, FileLock(path)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            if waiting is None:
                raise KnowledgeBaseBusyError(
                    f"{folder} is busy: {what}. Wait until it has finished and try again."
                ) from error
            waiting(f"waiting: {what}", 0, 1)
            lock.acquire(timeout=-1)
            waiting(f"waiting: {what}", 1, 1)
    except OSError as error:
        raise CatalogError(
            f"{folder} cannot be written: {error.strerror}. Free some disk space, or check its "
            "permissions."
        ) from error
    try:
        yield
    finally:
        lock.release()
