"""JSON and JSON lines: every value with the path of keys that leads to it."""

import json
from collections.abc import Iterator
from typing import Any

from ingest.errors import ReadError
from ingest.readers.document import Section, block
from ingest.readers.encoding import decode

_MAX_DEPTH = 200
_LONGEST_RECORD = 1000  # characters; a longer one is divided anyhow: better between its values


def read_json(data: bytes, name: str) -> tuple[str, list[Section]]:
    """A list gives one line a record; an object one paragraph a key, one line a value or record."""
    text = decode(data)
    if not text.strip():
        return name, []
    content = _parse(text, "")
    if isinstance(content, list):
        lines = [" ".join(_record(item).split()) for item in content]
        table = "\n".join(line for line in lines if line)
        return name, [Section((), table, "table")] if table else []
    entries = content.items() if isinstance(content, dict) else [("", content)]
    paragraphs = ("\n".join(_leaves(value, str(key))) for key, value in entries)
    prose = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
    return name, [Section((), prose)] if prose else []


def read_json_lines(data: bytes, name: str) -> tuple[str, list[Section]]:
    """One line a record, on the line of the file where the record stands."""
    lines = [
        " ".join(_record(_parse(line, f"line {number}: ")).split()) if line.strip() else ""
        for number, line in enumerate(decode(data).split("\n"), start=1)
    ]
    section = block(lines, 1, kind="table")
    return name, [section] if section else []


def _parse(text: str, where: str) -> Any:
    """The value of a JSON text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ReadError(f"not valid JSON: {where}{error}") from None
    except RecursionError:
        raise ReadError(f"not readable JSON: {where}nested too deeply") from None


def _record(value: Any) -> str:
    """One record on one line."""
    return "; ".join(_leaves(value, ""))


def _leaves(value: Any, path: str, depth: int = 0) -> Iterator[str]:
    """`path: value` for every value that is no container; empty ones are left out.

    A short item of a list is one of these texts, with all its values. Items go without their
    numbers: one more at the top would change the text of all below it, and so their identity.
    """
    if depth > _MAX_DEPTH:
        raise ReadError(f"not readable JSON: nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(value, list):
        if value and not any(isinstance(item, dict | list) for item in value):
            value = ", ".join(str(item) for item in value if item is not None)
            yield f"{path}: {value}" if path else value
        else:
            for item in value:
                leaves = list(_leaves(item, path, depth + 1))
                record = " ".join("; ".join(leaves).split())
                yield from [record] if 0 < len(record) <= _LONGEST_RECORD else leaves
    elif value is not None and value != "":
        text = str(value).lower() if isinstance(value, bool) else str(value)
        yield f"{path}: {text}" if path else text
