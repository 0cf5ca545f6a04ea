"""The catalog: one SQLite database that is the truth of a knowledge base.

Everything else (the vector index, the adapters' files) is derived from it or named by it. Knows no
model, no file format and no policy.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from ragcl.catalog import asks, full_text, learning
from ragcl.catalog.asks import Asks
from ragcl.catalog.database import Database
from ragcl.catalog.documents import Documents
from ragcl.catalog.evaluations import Evaluations
from ragcl.catalog.learning import Learning
from ragcl.catalog.roots import Roots
from ragcl.catalog.schema import state

FILE_NAME = "catalog.sqlite"


class Catalog:
    """The catalog of the knowledge base in `folder`, created on first use."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / FILE_NAME)
        self.roots = Roots(self.database)
        self.documents = Documents(self.database)
        self.asks = Asks(self.database)
        self.learning = Learning(self.database)
        self.evaluations = Evaluations(self.database)

    def get(self, key: str) -> Any:
        """A single remembered value, or None."""
        with self.database.reading() as connection:
            return connection.execute(select(state.c.value).where(state.c.key == key)).scalar()

    def put(self, key: str, value: Any) -> None:
        """Remember a single value."""
        with self.database.writing() as connection:
            connection.execute(
                insert(state)
                .values(key=key, value=value)
                .on_conflict_do_update(index_elements=["key"], set_={"value": value})
            )

    def forget_traces(self, hashes: Sequence[str]) -> None:
        """Remove what chunks left in the log, the study rows and the full-text index, at once."""
        with self.database.writing() as connection:
            asks.forget(connection, hashes)
            learning.forget(connection, hashes)
            full_text.purge(connection)

    def close(self) -> None:
        """Close the database."""
        self.database.close()
