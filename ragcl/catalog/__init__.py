"""The catalog: one SQLite database, from which all else in a knowledge base is derived.

It lists the adapters, and the vector index can be rebuilt from it. Knows no model, no file format
and no policy.
"""

from pathlib import Path
from typing import Any

from ragcl.catalog import remembered
from ragcl.catalog.asks import Asks
from ragcl.catalog.database import Database
from ragcl.catalog.documents import Documents
from ragcl.catalog.evaluations import Evaluations
from ragcl.catalog.learning import Learning
from ragcl.catalog.roots import Roots
from ragcl.catalog.vectors import Vectors

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
        self.vectors = Vectors(self.database)

    def get(self, key: str) -> Any:
        """A stored value, or None."""
        with self.database.reading() as connection:
            return remembered.get(connection, key)

    def put(self, key: str, value: Any) -> None:
        """Store a value."""
        with self.database.writing() as connection:
            remembered.put(connection, key, value)

    def close(self) -> None:
        """Close the database."""
        self.database.close()
