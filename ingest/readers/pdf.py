"""PDF: the text layer, page by page."""

import io
import re
from collections import Counter

from ingest.cleaning import normalise
from ingest.errors import ReadError
from ingest.readers.document import Section

_FROM_PAGES = 3


def read_pdf(data: bytes, name: str) -> tuple[str, list[Section]]:
    """One section a page; a line that heads or foots most pages is left out.

    The title is the file's name: what programs write into a PDF's own title is seldom one.
    """
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError

    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise ReadError("protected with a password")
        pages = [normalise(page.extract_text()) for page in reader.pages]
    except (FileNotDecryptedError, DependencyError):
        raise ReadError("encrypted in a way that cannot be opened") from None
    if not pages:
        raise ReadError("no pages: the PDF is damaged or cut short")
    if not any(page.strip() for page in pages):
        raise ReadError("no text: probably scanned")
    texts = [text.strip("\n") for text in drop_running_lines(pages)]
    return name, [
        Section((), text, page=number) for number, text in enumerate(texts, start=1) if text.strip()
    ]


def drop_running_lines(pages: list[str]) -> list[str]:
    """The pages without the first and last lines that most of them share, page numbers aside."""
    if len(pages) < _FROM_PAGES:
        return pages
    split = [page.strip("\n").split("\n") for page in pages]
    at_edge: Counter[tuple[int, str]] = Counter()
    for lines in split:
        at_edge.update({(edge, _without_numbers(lines[edge])) for edge in (0, -1)})
    running = {key for key, count in at_edge.items() if key[1] and count * 2 > len(pages)}
    kept = []
    for lines in split:
        if (-1, _without_numbers(lines[-1])) in running:
            lines = lines[:-1]
        if lines and (0, _without_numbers(lines[0])) in running:
            lines = lines[1:]
        kept.append("\n".join(lines))
    return kept


def _without_numbers(line: str) -> str:
    """A line in which every number is alike; empty if it holds nothing but one."""
    return " ".join(re.sub(r"\d+", "#", line).split())
