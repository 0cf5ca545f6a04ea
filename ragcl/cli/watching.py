"""Follow a folder: ingest it, then again whenever something in it has changed.

`changes` says when to look, `watch` looks. What changed is left to the ingest, which compares the
whole folder with the catalog: a change that nobody was told of is found with the next one.

    with KnowledgeBase.open("kb") as kb:
        when = changes("docs", kb.folder)
        for event in watch(lambda: kb.ingest("docs", allow_empty=False), when):
            print(event)

Knows neither files nor storage.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ragcl.errors import (
    FolderUnavailableError,
    KnowledgeBaseBusyError,
    RagclError,
    UsageError,
)
from ragcl.printing import reason
from ragcl.results import IngestReport

log = logging.getLogger(__name__)

TICK_MS = 1000  # how often to see whether the folder is still the same one
QUIET_MS = 400  # a change is passed on once nothing more has happened for so long,
AT_MOST_MS = 5000  # and after this time at the latest


@dataclass(frozen=True)
class Waiting:
    """Why the folder cannot be ingested just now; it is tried again until it can."""

    reason: str


def watch(
    ingest: Callable[[], IngestReport], changes: Iterable[bool]
) -> Iterator[IngestReport | Waiting]:
    """Ingest now and after every change, until `changes` ends.

    Args:
        ingest: brings the knowledge base up to date; called again until it succeeds.
        changes: asked for the next value after every attempt; it waits, and says whether something
            may have changed in the meantime.

    Yields:
        The first report, and every one that tells something new; once each time, the reason why
        the knowledge base or the folder has to be waited for: whatever a folder or a drive does
        ends nothing.
    """
    last: IngestReport | None = None
    waiting: Waiting | None = None
    due = False
    for changed in chain([True], changes):
        due = due or changed
        if not due:
            continue
        try:
            report = ingest()
        except Exception as error:
            if not _passes(error, last is not None):
                raise
            if waiting != Waiting(_said(error)):
                waiting = Waiting(_said(error))
                yield waiting
            continue
        if last is None or waiting is not None or _tells_more(report, last):
            yield report
        last, waiting, due = report, None, False


def changes(folder: str | os.PathLike[str], ignore: Path, *, poll: bool = False) -> Iterator[bool]:
    """Say about once a second whether something under `folder` may have changed.

    A change is passed on when things have been quiet for a moment. The folder may vanish and come
    back, as a drive does that is unmounted and mounted again.

    Args:
        folder: what to watch, with all that is below it.
        ignore: a folder whose own changes do not count: that of the knowledge base.
        poll: look instead of being told by the system, which says nothing of network drives.

    Yields:
        True after a change, when the watch has just begun, and while the folder cannot be watched.
    """
    import watchfiles

    root = Path(os.path.realpath(folder))

    def counts(_change: object, path: str) -> bool:
        return _counts(Path(path), root, ignore)

    trouble = ""
    while True:
        try:
            identity = _identity(root)
            begun = True  # what happened before it is unknown
            for found in watchfiles.watch(
                root,
                watch_filter=counts,
                debounce=AT_MOST_MS,
                step=QUIET_MS,
                rust_timeout=TICK_MS,
                yield_on_timeout=True,
                force_polling=poll or None,
                ignore_permission_denied=True,
            ):
                if _identity(root) != identity:
                    break
                yield begun or bool(found)
                begun, trouble = False, ""
        except FileNotFoundError:
            pass  # the ingest says so
        except Exception as error:  # the library names its own by no common class
            if reason(error) != trouble:
                trouble = reason(error)
                log.warning("%s cannot be watched (%s): looking every second.", root, trouble)
        time.sleep(TICK_MS / 1000)
        yield True


def _passes(error: Exception, begun: bool) -> bool:
    """Whether an error may be gone at the next attempt, as all that come from a folder or drive.

    What is said of the call itself may, once that was right: a link on the way may be missing. What
    is wrong with models, settings or the catalog stays until somebody acts.
    """
    if isinstance(error, (KnowledgeBaseBusyError, FolderUnavailableError)):
        return True
    return begun if isinstance(error, UsageError) else not isinstance(error, RagclError)


def _said(error: Exception) -> str:
    """What to tell of an error; one that nobody wrote for a reader gets its kind."""
    return str(error) if isinstance(error, RagclError) else f"cannot ingest: {reason(error)}."


def _tells_more(report: IngestReport, last: IngestReport) -> bool:
    """Whether an ingest changed something, or failed at or passed over other files than before."""
    changed = report.added or report.updated or report.deleted
    return bool(changed) or (report.failed, report.skipped) != (last.failed, last.skipped)


def _counts(path: Path, root: Path, ignore: Path) -> bool:
    """Whether a change of `path` can matter: an ingest passes over what is hidden."""
    if path.is_relative_to(ignore) or not path.is_relative_to(root):
        return False
    *folders, name = path.relative_to(root).parts or ("",)
    hidden = any(part.startswith(".") for part in folders)
    return not hidden and (name == ".gitignore" or not name.startswith((".", "~$")))


def _identity(folder: Path) -> tuple[int, int]:
    """Which folder stands at this path, on which drive."""
    status = os.stat(folder)
    return status.st_dev, status.st_ino
