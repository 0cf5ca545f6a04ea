"""Migrations: numbered steps that bring a catalog of any earlier version up to date.

Each step is an SQL file, `0001_initial.sql` and so on; the version is SQLite's `user_version`. A
released step is never changed: a change of the schema is a new file.
"""

import re
from importlib import resources
from pathlib import Path

from sqlalchemy import Connection

from ragcl.errors import CatalogError

STEPS: tuple[str, ...] = tuple(
    sorted(file.name for file in resources.files(__name__).iterdir() if file.name.endswith(".sql"))
)


def version(connection: Connection) -> int:
    """The number of migrations applied to this catalog; 0 for an empty file."""
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def check(found: int, path: Path, *, read_only: bool) -> None:
    """Refuse a catalog that cannot be brought up to date.

    Raises:
        CatalogError: it was written by a newer ragcl, or by an older one and is read-only.
    """
    if found > len(STEPS):
        raise CatalogError(
            f"{path} is a catalog of version {found}; this ragcl reads versions up to "
            f"{len(STEPS)}. Upgrade ragcl to use it; nothing was changed."
        )
    if read_only and found < len(STEPS):
        raise CatalogError(
            f"{path} is a catalog of version {found}, which needs a migration to version "
            f"{len(STEPS)}, but may not be written here: open it once where it may, or use a copy."
        )


def migrate(connection: Connection, path: Path) -> None:
    """Apply the missing steps inside the caller's transaction.

    Raises:
        CatalogError: the catalog was written by a newer ragcl.
    """
    found = version(connection)
    check(found, path, read_only=False)
    for number, step in enumerate(STEPS[found:], start=found + 1):
        for statement in _statements(step):
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(f"PRAGMA user_version = {number}")


def _statements(step: str) -> list[str]:
    """The statements of a step; each ends with a semicolon at the end of a line."""
    text = resources.files(__name__).joinpath(step).read_text(encoding="utf-8")
    return [part.strip() for part in re.split(r";\s*\n", text) if part.strip()]
