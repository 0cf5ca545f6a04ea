"""TOML, INI and their like: the source text, each table under its name."""

import re

from ingest.readers.document import Section, block
from ingest.readers.encoding import decode

_TABLE = re.compile(r"\s*\[{1,2}\s*([^\[\]=,]+?)\s*\]{1,2}\s*(?:[#;].*)?")


def read_configuration(data: bytes, name: str) -> tuple[str, list[Section]]:
    """One section a table; comments stay, for they often say what a value means."""
    lines = decode(data).split("\n")
    sections: list[Section | None] = []
    heading: tuple[str, ...] = ()
    done = 0
    quotes = 0  # an odd number is inside a text of several lines
    for number, line in enumerate(lines):
        match = _TABLE.fullmatch(line)
        if match and quotes % 2 == 0:
            sections.append(block(lines[done:number], done + 1, heading, "code"))
            heading, done = (match[1],), number + 1
        quotes += len(re.findall(r"\"\"\"|'''", line))
    sections.append(block(lines[done:], done + 1, heading, "code"))
    return name, [section for section in sections if section]
