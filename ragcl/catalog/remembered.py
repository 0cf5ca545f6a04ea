"""Key-value pairs in the catalog, in the caller's transaction. Knows the meaning of none."""

from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from ragcl.catalog.schema import state


def get(connection: Connection, key: str) -> Any:
    """The value, or None."""
    return connection.execute(select(state.c.value).where(state.c.key == key)).scalar()


def put(connection: Connection, key: str, value: Any) -> None:
    """Store a value."""
    connection.execute(
        insert(state)
        .values(key=key, value=value)
        .on_conflict_do_update(index_elements=["key"], set_={"value": value})
    )
