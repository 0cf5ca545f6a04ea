"""Search filters: paths, times and metadata given by the user, as a filter of the catalog.

Knows dates and nothing of documents.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from ragcl.catalog.chunks import Filter
from ragcl.errors import UsageError, check_text
from ragcl.files.places import composed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FURTHEST_NS = 2**63 - 1  # the largest integer of SQLite, in the year 2262

Moment = str | date | datetime  # a text in ISO 8601; local time where no zone is given


def make_filter(
    source: str | None, since: Moment | None, until: Moment | None, where: Mapping[str, str] | None
) -> Filter | None:
    """The filter for a path, times and metadata; None if all arguments are empty.

    Args:
        source: a glob over paths, such as `*.md`.
        since: the earliest last change of the file.
        until: the latest last change; a day includes its end.
        where: globs over the file's metadata, by key; case does not count.

    Raises:
        UsageError: a time cannot be parsed, or a glob is no text.
    """
    if source is None and since is None and until is None and not where:
        return None
    check_text(source or "", "the source")
    for key, glob in (where or {}).items():
        check_text(f"{key}={glob}", "the metadata")
    return Filter(
        source,
        None if since is None else min(_ns(_start(since, "since")), _FURTHEST_NS - 1),
        None if until is None else _ns(_end(until)),
        tuple((_folded(key), _folded(glob)) for key, glob in (where or {}).items()),
    )


def seconds(moment: Moment, name: str) -> float:
    """A time, or the start of a day, in seconds since the epoch.

    Raises:
        UsageError: it cannot be parsed; the message uses `name`.
    """
    return _ns(_start(moment, name)) / 1e9


def _folded(text: str) -> str:
    return composed(text.strip().lower())


def _start(moment: Moment, name: str) -> datetime:
    """The moment, or the start of the day."""
    if isinstance(moment, str):
        try:
            return datetime.fromisoformat(moment)
        except ValueError as error:
            raise UsageError(
                f"{name} = {moment!r} is no date: write it like 2026-01-31 or 2026-01-31T18:30."
            ) from error
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time.min)


def _end(moment: Moment) -> datetime:
    """The exclusive end: the first moment after the given one."""
    start = _start(moment, "until")
    text = moment if isinstance(moment, str) else moment.isoformat()
    is_day = len(text) <= len("2026-01-31")
    try:
        return start + (timedelta(days=1) if is_day else timedelta(microseconds=1))
    except OverflowError:  # the last day of the year 9999
        return start


def _ns(moment: datetime) -> int:
    """Nanoseconds since the epoch, clipped to what the catalog can hold."""
    if moment.tzinfo is None:
        try:
            moment = moment.astimezone()
        except (OverflowError, ValueError, OSError):  # before 1970 or after 3000 on some systems
            moment = moment.replace(tzinfo=UTC)
    ns = (moment - _EPOCH) // timedelta(microseconds=1) * 1000
    return max(-_FURTHEST_NS, min(ns, _FURTHEST_NS))
