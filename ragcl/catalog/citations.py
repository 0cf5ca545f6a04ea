"""Which files the log names: where one is gone whose words stand elsewhere, its name goes as well.

A logged hit names the file that is cited, others that say the same and those of older versions.
Knows no text.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select, update

from ragcl.catalog.chunks import stored
from ragcl.catalog.database import parts
from ragcl.catalog.documents import held
from ragcl.catalog.passage import Passage
from ragcl.catalog.schema import ask_hits, asks
from ragcl.results import Hit

_BESIDE = ("elsewhere", "supersedes")


def forget(connection: Connection, hashes: Iterable[str], is_meant: Callable[[str], bool]) -> None:
    """Take the names of forgotten files out of the log.

    Args:
        connection: of the transaction that has removed them.
        hashes: the chunks that were cited from them.
        is_meant: whether a path is that of one; a file that is still held keeps its name.
    """
    lists = (func.json_array_length(ask_hits.c[name]) for name in _BESIDE)
    _settle(connection, or_(*(length > 0 for length in lists)), is_meant)
    for part in parts(hashes):
        _settle(connection, ask_hits.c.content_hash.in_(part), is_meant)


def settle(connection: Connection, ask_ids: Iterable[int], hits: Iterable[Hit]) -> None:
    """Let asks that were just logged with these hits name no file that went meanwhile."""
    named = {one for hit in hits for one in _named(hit)}
    if named > held(connection, named):
        for part in parts(ask_ids):
            _settle(connection, ask_hits.c.ask_id.in_(part), lambda _: True)


def _settle(
    connection: Connection, which: ColumnElement[bool], is_meant: Callable[[str], bool]
) -> None:
    columns = ask_hits.c["ask_id", "rank", "content_hash", "root", "source", *_BESIDE]
    rows = connection.execute(select(*columns).where(which)).all()
    meant = {(root, path) for row in rows for root, path in _named(row) if is_meant(path)}
    gone = meant - held(connection, meant)
    if not gone:
        return
    places = stored(connection, {row.content_hash for row in rows})
    changed = [row for row in rows if not gone.isdisjoint(_named(row))]
    for row in changed:
        this = (ask_hits.c.ask_id == row.ask_id) & (ask_hits.c.rank == row.rank)
        left = _without(row, gone, places.get(row.content_hash))
        connection.execute(update(ask_hits).where(this).values(**left))
    paths = {path for _, path in gone}
    for part in parts({row.ask_id for row in changed}):
        filtered = select(*asks.c["id", "chosen"]).where(
            asks.c.id.in_(part), asks.c.chosen.is_not(None)
        )
        for row in connection.execute(filtered).all():
            if any(f"/{row.chosen['source']}".endswith(f"/{path}") for path in paths):
                left = {**row.chosen, "source": None}
                connection.execute(update(asks).where(asks.c.id == row.id).values(chosen=left))


def _named(hit: Row[Any] | Hit) -> Iterator[tuple[str | None, str]]:
    """The root and path of every file that a hit names; what is beside it may be of any root."""
    yield hit.root, hit.source
    yield from ((None, name) for key in _BESIDE for name in getattr(hit, key))


def _without(
    row: Row[Any], gone: set[tuple[str | None, str]], place: Passage | None
) -> dict[str, Any]:
    """What a hit names without those that are gone: its chunk as it stands now, if anywhere."""
    left: dict[str, Any] = {}
    if place is not None and (row.root, row.source) in gone:
        first, last = place.lines or (None, None)
        left = {"root": place.root, "source": place.source, "page": place.page}
        left |= {"first_line": first, "last_line": last}
    cited = left.get("source", row.source)
    for key in _BESIDE:
        names = [one for one in getattr(row, key) if (None, one) not in gone]
        left[key] = [one for one in names if one != cited]
    return left
