"""Rich text (RTF): its text, without pictures and formatting."""

import re

from ingest.cleaning import normalise
from ingest.readers.document import Section


def read_rich_text(data: bytes, name: str) -> tuple[str, list[Section]]:
    """The text as one section; it has no headings but by their size."""
    from striprtf.striprtf import rtf_to_text

    text = normalise(rtf_to_text(data.decode("latin-1"), errors="replace"))
    text = re.sub(r"[ \t]+\n", "\n", text).strip("\n")
    return name, [Section((), text)] if text.strip() else []
