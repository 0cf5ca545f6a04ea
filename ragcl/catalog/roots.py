"""Roots: the folders that were ingested, which may be nested.

A file is one document however many roots it is in: it belongs to the outermost one, and the others
are parts of that. It is untrusted if any of them is. Knows no file system: the caller passes a
function that compares paths.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from ragcl.catalog.database import Database
from ragcl.catalog.documents import Delta, absorb
from ragcl.catalog.schema import documents, roots

Within = Callable[[str, str], str | None]  # see `files.places.within`


@dataclass(frozen=True)
class Root:
    """A folder that was ingested; `part_of` is the id of the outermost root around it, if any.

    The paths of its files in that root begin with `prefix`, which is empty or ends in a slash.
    """

    id: int
    path: str
    trusted: bool
    part_of: int | None
    prefix: str

    @property
    def owner(self) -> int:
        """The id of the root that its documents belong to."""
        return self.id if self.part_of is None else self.part_of


@dataclass(frozen=True)
class Place:
    """The documents of a folder: those of a root whose paths begin with `prefix`."""

    root_id: int
    root: str
    prefix: str


class Roots:
    """Queries on the folders that were ingested."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Root]:
        """Every folder that was ingested, by path."""
        with self._database.reading() as connection:
            return _all(connection)

    def find(self, path: str) -> Root | None:
        """The folder that was ingested by this path."""
        return next((one for one in self.all() if one.path == path), None)

    def places(self, path: str, within: Within) -> list[Place]:
        """The places of the files below a path, which need not have been ingested itself."""
        found = []
        for outer in (one for one in self.all() if one.part_of is None):
            inside = within(path, outer.path)
            if inside is not None:
                found.append(Place(outer.id, outer.path, _prefix(inside)))
            elif within(outer.path, path) is not None:
                found.append(Place(outer.id, outer.path, ""))
        return found

    def enter(self, path: str, within: Within) -> tuple[Root, Delta]:
        """The root at a path, created if it is new, and the chunks that this added and removed.

        Roots inside it, or with another name of the same folder, become parts of it, and it becomes
        a part of the root around it; all in one transaction. Of two documents of one file the one
        that was checked last stays.
        """
        known = self.all()
        outermost = [one for one in known if one.part_of is None]
        around = {one.id: within(path, one.path) for one in outermost}
        holding = [one for one in outermost if around[one.id] is not None]
        # The outermost, and of two names of one folder the given one.
        holding.sort(key=lambda one: (-len(around[one.id] or ""), one.path != path, one.id))
        outer = holding[0] if holding else None
        prefix = _prefix(around[outer.id] or "") if outer else ""
        others = {
            one.id: within(one.path, outer.path if outer else path)
            for one in outermost
            if one != outer
        }
        inside = {key: _prefix(place) for key, place in others.items() if place is not None}
        own = _named(known, path, outer, prefix)
        if own is not None and not inside:
            return own, Delta(0, 0)
        # The file system was asked before the transaction: a slow drive may take long.
        with self._database.writing() as connection:
            outer = outer or _add(connection, path)
            delta = Delta(0, 0)
            for key, place in inside.items():
                delta += absorb(connection, key, outer.id, place)
            own = _named(_all(connection), path, outer, prefix)
            return own or _add(connection, path, outer.id, prefix), delta

    def set_trust(self, root_id: int, trusted: bool) -> None:
        """Set whether the text of a root may be learned."""
        with self._database.writing() as connection:
            connection.execute(update(roots).where(roots.c.id == root_id).values(trusted=trusted))

    def distrusting(self, root: Root) -> Root | None:
        """The untrusted folder around a root, or itself; None if its text may be learned."""
        around = [
            one
            for one in self.all()
            if not one.trusted and one.owner == root.owner and root.prefix.startswith(one.prefix)
        ]
        return min(around, key=lambda one: len(one.prefix), default=None)

    def untrusted(self) -> list[str]:
        """The folders whose text is never learned: they, or one around them, are untrusted."""
        return [one.path for one in self.all() if self.distrusting(one) is not None]


def drop(connection: Connection, root_ids: list[int]) -> None:
    """Remove roots that have no documents, in the caller's transaction."""
    held = select(documents.c.id).where(documents.c.root_id.in_(root_ids)).limit(1)
    if connection.execute(held).first() is not None:
        raise ValueError(f"roots {root_ids} still hold documents")
    connection.execute(delete(roots).where(roots.c.id.in_(root_ids)))


def _prefix(inside: str) -> str:
    return f"{inside}/" if inside else ""


def _all(connection: Connection) -> list[Root]:
    rows = connection.execute(select(roots).order_by(roots.c.path)).all()
    return [Root(row.id, row.path, row.trusted, row.part_of, row.prefix) for row in rows]


def _named(known: list[Root], path: str, outer: Root | None, prefix: str) -> Root | None:
    """The root at a path; else one that is the same folder by another name."""
    exact = [one for one in known if one.path == path]
    alike = [one for one in known if outer and (one.owner, one.prefix) == (outer.id, prefix)]
    return next(iter([*exact, *alike]), None)


def _add(connection: Connection, path: str, outer: int | None = None, prefix: str = "") -> Root:
    values = {"path": path, "part_of": outer, "prefix": prefix}
    new = connection.execute(insert(roots).values(**values).returning(roots.c.id)).scalar_one()
    return Root(int(new), path, True, outer, prefix)
