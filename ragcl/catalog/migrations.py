"""The numbered steps that bring a catalog of any earlier version up to date.

The version is SQLite's `user_version`. A step is never changed once released: a change of the
schema is a new step at the end of the list.
"""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection

from ragcl.catalog import schema
from ragcl.errors import CatalogError


def _create_tables(connection: Connection) -> None:
    schema.metadata.create_all(connection)
    connection.execute(schema.state.insert(), [{"key": "generation", "value": 0}])


STEPS: tuple[Callable[[Connection], None], ...] = (_create_tables,)


def version(connection: Connection) -> int:
    """The number of steps that this catalog has been through; 0 for an empty file."""
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def migrate(connection: Connection, path: Path) -> None:
    """Apply the missing steps inside the caller's transaction.

    Raises:
        CatalogError: the catalog was written by a newer ragcl.
    """
    found = version(connection)
    if found > len(STEPS):
        raise CatalogError(
            f"{path} is a catalog of version {found}; this ragcl reads versions up to "
            f"{len(STEPS)}. Upgrade ragcl to use it; nothing was changed."
        )
    for number, step in enumerate(STEPS[found:], start=found + 1):
        step(connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {number}")
