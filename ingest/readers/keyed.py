"""YAML: every value with the path of keys that leads to it, on its own line of the file.

Knows nothing of tags: a value is the text that was written.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest.cleaning import normalise
from ingest.readers.document import Metadata, Section, block
from ingest.readers.encoding import decode

if TYPE_CHECKING:
    from yaml.events import Event
    from yaml.nodes import Node

_MAX_DEPTH = 200
_ROW_CHARS = 400  # of a record on one line: what two or three sentences have
_ITEM = "\0"  # begins the part of a path that counts the items of a list; in no text


def read_yaml(data: bytes, name: str) -> tuple[str, list[Section]]:
    """One table of all the documents in the file."""
    section = keyed_section(decode(data).split("\n"), 1)
    return name, [section] if section else []


def keyed_section(lines: list[str], first_line: int) -> Section | None:
    """YAML lines as a table: one row a record, comments between them.

    A mapping below the top is one record with all that is below it: its values are on the line of
    the first, each with the path of its keys from there. A long record takes more lines, and a text
    of several lines keeps them. Lines that are no YAML (a template, for one), or are nested very
    deeply, are code.
    """
    try:
        values = [value for root in _roots(lines) for value in _values(root, (), root, {})]
    except (ValueError, RecursionError):
        return block(lines, first_line, kind="code")
    placed = [""] * len(lines)
    ends: dict[int, int] = {}  # the last line that each of the lines in `placed` was written on
    taken: set[int] = set()
    record: tuple[str, ...] = ()
    row = 0  # the line that the record is written on
    for value in values:
        inside = bool(record) and value.container[: len(record)] == record
        record = record if inside else value.container
        taken.update(range(value.line, value.end))
        texts = [normalise(written).replace("\n", " ") for written in value.texts]
        if inside and len(texts) == 1:  # an escape may stand for a line feed
            text = texts[0].removeprefix(f"{_name(record)}.")
            if len(placed[row]) + len(text) <= _ROW_CHARS:
                placed[row] += f"; {text}"
                ends[row] = max(ends.get(row, row), value.end - 1)
                continue
        row = value.line
        last = row + len(texts) - 1
        ends[last] = max(ends.get(last, last), value.end - 1)
        for offset, text in enumerate(texts):
            at = row + offset
            if placed[at]:
                placed[at] += f"; {text}"
            else:
                placed[at] = f"  {text}" if (inside or offset) and text else text
    for number, line in enumerate(lines):
        if number not in taken and not placed[number] and line.lstrip().startswith("#"):
            placed[number] = f"  {line.strip()}" if line[0].isspace() else line
    section = block(placed, first_line, kind="table")
    longer = tuple((first_line + a, first_line + b) for a, b in ends.items() if b > a)
    return section and replace(section, ends=longer)


def top_values(lines: list[str]) -> Metadata:
    """The top keys of YAML lines whose value is a text or a list of texts."""
    try:
        roots = _roots(lines)
    except ValueError:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for key, value in roots[0].value if roots and roots[0].id == "mapping" else ():
        items = [value] if isinstance(value.value, str) else value.value
        if value.id != "mapping" and all(isinstance(item.value, str) for item in items):
            found[str(key.value)] = tuple(item.value for item in items)
    return found


def is_mapping(lines: list[str]) -> bool:
    """Whether lines are a YAML mapping whose keys are one word each."""
    try:
        roots = _roots(lines)
    except ValueError:
        return False
    return bool(roots) and all(
        root.id == "mapping"
        and all(re.fullmatch(r"[\w.-]+", str(key.value)) for key, _ in root.value)
        for root in roots
    )


def _roots(lines: list[str]) -> list["Node"]:
    """The top node of each document in YAML lines.

    Raises:
        ValueError: They are no YAML, or nested deeper than `_MAX_DEPTH`.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = "\n".join(lines)
    try:
        if _too_deep(yaml.parse(text, loader)):  # composing it would crash the process
            raise ValueError(f"nested deeper than {_MAX_DEPTH}")
        # Nodes have their lines, and no tag can construct an object.
        return [root for root in yaml.compose_all(text, loader) if root]
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _too_deep(events: Iterable["Event"]) -> bool:
    """Whether a text is nested deeper than `_MAX_DEPTH`."""
    from yaml.events import CollectionEndEvent, CollectionStartEvent

    depth = 0
    for event in events:
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > _MAX_DEPTH:
            return True
    return False


@dataclass(frozen=True)
class _Value:
    """A value as text, from `line` on (the first is 0); `end` is the line after its source."""

    container: tuple[str, ...]
    line: int
    end: int
    texts: list[str]


def _values(
    node: "Node", path: tuple[str, ...], key: "Node", seen: dict["Node", str]
) -> Iterator[_Value]:
    """All values below a node; an alias names what it repeats.

    Aliases of aliases can stand for billions of values (the "billion laughs").
    """
    name = _name(path)
    line = key.start_mark.line
    if not isinstance(node.value, str) and node.value:
        if node in seen:
            text = f"{name}: same as {seen[node] or 'the top'}"
            yield _Value(path[:-1], line, line + 1, [text])
            return
        seen[node] = name
    if isinstance(node.value, str):
        yield from _scalar(node, path, line)
    elif node.id == "mapping":
        for below, value in node.value:
            label = below.value if isinstance(below.value, str) else "?"
            yield from _values(value, (*path, label), below, seen)
    elif path and all(isinstance(item.value, str) for item in node.value):
        text = ", ".join(" ".join(item.value.split()) for item in node.value if item.value)
        if text:
            end = node.value[-1].end_mark.line + 1
            yield _Value(path[:-1], line, end, [f"{name}: {text}"])
    else:
        for number, item in enumerate(node.value):
            yield from _values(item, (*path, f"{_ITEM}{number}"), item, seen)


def _scalar(node: "Node", path: tuple[str, ...], line: int) -> Iterator[_Value]:
    """A single value; a literal block keeps its lines."""
    end = node.end_mark.line
    name = _name(path)
    if node.style == "|" and node.start_mark.line == line and node.value.strip():
        texts = [text.rstrip() for text in node.value.rstrip().split("\n")]
        texts.insert(0, f"{name}:" if name else "")
        yield _Value(path[:-1], line, max(end, line + len(texts)), texts)
        return
    value = " ".join(node.value.split())
    if value and value not in ("null", "~"):
        text = f"{name}: {value}" if name else value
        yield _Value(path[:-1], line, max(end, line + 1), [text])


def _name(path: tuple[str, ...]) -> str:
    """The path as it is written: `berths.depth`.

    Items of a list have no numbers: with numbers, a new first item would change the text, and so
    the identity, of all others.
    """
    return ".".join(part for part in path if not part.startswith(_ITEM))
