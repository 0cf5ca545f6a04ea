"""JSON and JSON lines: every value with the path of its keys, numbers as written.

Accepts comments, trailing commas, several values in one file and a line that was cut off, as
programs write them. Knows no meaning of keys.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from ingest.errors import ReadError
from ingest.readers.document import Parsed, Section, block
from ingest.readers.encoding import decode

_MAX_DEPTH = 200
_LONGEST_RECORD = 1000  # characters; a longer one is divided anyhow: better between its values
_NAMED_LINES = 10  # of those left out; more are counted
# Numbers keep their text: 1.50 is not 1.5, and an id of twenty digits is no float.
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
_VALUE = re.compile(r"[^\s,]")
_TEXT_OR_COMMENT = re.compile(
    r"""(?P<text>"(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*.*?\*/|,(?=(?:\s|//[^\n]*|/\*.*?\*/)*[\]}])""",
    re.DOTALL,
)


def read_json(data: bytes, name: str) -> tuple[str, list[Section]] | Parsed:
    """A list is one line a record; an object one paragraph a key, with one line a value or record.

    A file of several values is read as a list of them.
    """
    text = decode(data)
    if not text.strip():
        return name, []
    try:
        content = _parse(text)
    except ReadError as error:
        lines = text.split("\n")
        if _is_record(lines[0]):
            return read_json_lines(data, name)
        try:
            values = _values(_TEXT_OR_COMMENT.sub(_without_comment, text))
        except ReadError:
            raise error from None
        content = values if len(values) > 1 else values[0]
    if isinstance(content, list):
        lines = [" ".join(_record(item).split()) for item in content]
        table = "\n".join(line for line in lines if line)
        return name, [Section((), table, "table")] if table else []
    entries = content.items() if isinstance(content, dict) else [("", content)]
    paragraphs = ("\n".join(_leaves(value, str(key))) for key, value in entries)
    prose = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
    return name, [Section((), prose)] if prose else []


def read_json_lines(data: bytes, name: str) -> Parsed:
    """One line a record, on its line of the file; lines that are no record are noted."""
    lines: list[str] = []
    wrong: list[int] = []
    for number, line in enumerate(decode(data).split("\n"), start=1):
        try:
            lines.append(" ".join(_record(_parse(line)).split()) if line.strip() else "")
        except ReadError:
            wrong.append(number)
            lines.append("")
    section = block(lines, 1, kind="table")
    if wrong and section is None:
        return Parsed(*read_json(data, name))  # a value over several lines, or no JSON at all
    notes = []
    if wrong:
        named = ", ".join(map(str, wrong[:_NAMED_LINES]))
        more = f" and {len(wrong) - _NAMED_LINES:,} more" if len(wrong) > _NAMED_LINES else ""
        left_out = (
            "is no valid JSON and is left out"
            if len(wrong) == 1
            else "are no valid JSON and are left out"
        )
        notes.append(f"line{'s' * (len(wrong) > 1)} {named}{more} {left_out}")
    return Parsed(name, [section] if section else [], notes)


def _parse(text: str) -> Any:
    """The value of a JSON text."""
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise ReadError(f"not valid JSON: {error}") from None
    except RecursionError:
        raise ReadError("not readable JSON: nested too deeply") from None


def _values(text: str) -> list[Any]:
    """The consecutive values of a text."""
    values = []
    start = _VALUE.search(text)
    while start:
        try:
            value, at = _DECODER.raw_decode(text, start.start())
        except json.JSONDecodeError as error:
            raise ReadError(f"not valid JSON: {error}") from None
        except RecursionError:
            raise ReadError("not readable JSON: nested too deeply") from None
        values.append(value)
        start = _VALUE.search(text, at)
    if not values:
        raise ReadError("not valid JSON: no value")
    return values


def _is_record(line: str) -> bool:
    """Whether a line is a complete object or list."""
    try:
        return isinstance(_parse(line), dict | list)
    except ReadError:
        return False


def _without_comment(found: re.Match[str]) -> str:
    return found["text"] or re.sub(r"[^\n]", " ", found[0])


def _record(value: Any) -> str:
    """One record on one line."""
    return "; ".join(_leaves(value, ""))


def _leaves(value: Any, path: str, depth: int = 0) -> Iterator[str]:
    """`path: value` for every value that is no container; empty ones are left out.

    A short item of a list is one text with all its values. Items have no numbers: with numbers, a
    new first item would change the text, and so the identity, of all others.
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
