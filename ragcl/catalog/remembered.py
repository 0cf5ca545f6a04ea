"""Single values that the catalog remembers by a key, in the caller's transaction.

Knows no meaning of any.
"""

from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from ragcl.catalog.schema import state


def get(connection: Connection, key: str) -> Any:
    """The value, or None."""
    return connection.execute(select(state.c.value).where(state.c.key == key)).scalar()


def put(connection: Connection, key: str, value: Any) -> None:
    """Remember a value."""
    connection.execute(
        insert(state)
        .values(key=key, value=value)
        .on_conflict_do_update(index_elements=["key"], set_={"value": value})
    )
