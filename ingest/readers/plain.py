"""Plain text: paragraphs between blank lines, no headings."""

from ingest.readers.document import Section, block
from ingest.readers.encoding import decode


def read_plain(data: bytes, name: str) -> tuple[str, list[Section]]:
    """The whole text as one section."""
    section = block(decode(data).split("\n"), 1)
    return name, [section] if section else []
