"""Reads a file into text with its structure.

`FORMATS` lists all formats. To add one, write a module with a function from the bytes and the name
of a file to a title and sections, which imports its parser inside the function, and add a line
here. Another function reads the metadata, if the format has any. Knows no limits of time or memory:
see `worker`.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from ingest.cleaning import LOST, normalise, one_line, without_bytes
from ingest.errors import ReadError
from ingest.readers.book import read_book
from ingest.readers.calendar import read_calendar
from ingest.readers.code import SUFFIXES as CODE_SUFFIXES
from ingest.readers.code import read_code
from ingest.readers.configuration import read_configuration
from ingest.readers.contacts import read_contacts
from ingest.readers.delimited import read_delimited
from ingest.readers.document import Document, Metadata, Parsed, Section, counted
from ingest.readers.encoding import looks_like
from ingest.readers.feed import read_xml
from ingest.readers.keyed import read_yaml
from ingest.readers.mail import mail_metadata, read_eml, read_mailbox, read_msg
from ingest.readers.markdown import front_matter, read_markdown
from ingest.readers.notebook import read_notebook
from ingest.readers.office import core_properties
from ingest.readers.pdf import read_pdf
from ingest.readers.plain import read_plain
from ingest.readers.records import read_json, read_json_lines
from ingest.readers.restructured import read_restructured
from ingest.readers.rich_text import read_rich_text
from ingest.readers.sheets import read_xls, read_xlsx
from ingest.readers.slides import read_slides
from ingest.readers.subtitles import read_subtitles
from ingest.readers.web import meta_elements, read_html
from ingest.readers.web_archive import read_web_archive
from ingest.readers.word import read_word

__all__ = ["FORMATS", "SUFFIXES", "Document", "Format", "Section", "read"]


@dataclass(frozen=True)
class Format:
    """A file format: its suffixes in lower case, and its reader.

    `starts` are magic bytes that must be among the first 1,024 of a file; `metadata` gets the bytes
    of a file that was read without an error.
    """

    name: str
    media_type: str
    suffixes: tuple[str, ...]
    parse: Callable[[bytes, str], Parsed | tuple[str, Sequence[Section]]]
    starts: bytes = b""
    metadata: Callable[[bytes], Metadata] = lambda _: {}


_OFFICE = "application/vnd.openxmlformats-officedocument"
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
FORMATS = (
    Format("Markdown", "text/markdown", (".md", ".markdown"), read_markdown, metadata=front_matter),
    Format("plain text", "text/plain", (".txt", ".text", ".log"), read_plain),
    Format("reStructuredText", "text/x-rst", (".rst",), read_restructured),
    Format("HTML", "text/html", (".html", ".htm", ".xhtml"), read_html, metadata=meta_elements),
    Format("CSV", "text/csv", (".csv",), read_delimited),
    Format("TSV", "text/tab-separated-values", (".tsv",), read_delimited),
    Format("JSON", "application/json", (".json", ".jsonc"), read_json),
    Format("JSON lines", "application/jsonl", (".jsonl", ".ndjson"), read_json_lines),
    Format("YAML", "application/yaml", (".yaml", ".yml"), read_yaml),
    Format("TOML", "application/toml", (".toml",), read_configuration),
    Format("INI", "text/plain", (".ini", ".cfg", ".conf", ".properties"), read_configuration),
    Format("XML", "application/xml", (".xml", ".rss", ".atom"), read_xml),
    Format("Jupyter notebook", "application/x-ipynb+json", (".ipynb",), read_notebook),
    Format("source code", "text/x-source-code", CODE_SUFFIXES, read_code),
    Format("PDF", "application/pdf", (".pdf",), read_pdf, b"%PDF-"),
    Format(
        "Word document",
        f"{_OFFICE}.wordprocessingml.document",
        (".docx",),
        read_word,
        _ZIP,
        core_properties,
    ),
    Format(
        "presentation",
        f"{_OFFICE}.presentationml.presentation",
        (".pptx",),
        read_slides,
        _ZIP,
        core_properties,
    ),
    Format(
        "Excel workbook",
        f"{_OFFICE}.spreadsheetml.sheet",
        (".xlsx", ".xlsm"),
        read_xlsx,
        _ZIP,
        core_properties,
    ),
    Format("Excel 97 workbook", "application/vnd.ms-excel", (".xls",), read_xls, _OLE),
    Format("e-book", "application/epub+zip", (".epub",), read_book, _ZIP),
    Format("calendar", "text/calendar", (".ics",), read_calendar),
    Format("contacts", "text/vcard", (".vcf",), read_contacts),
    Format("subtitles", "text/vtt", (".srt", ".vtt"), read_subtitles),
    Format("rich text", "application/rtf", (".rtf",), read_rich_text, b"{\\rtf"),
    Format("saved web page", "multipart/related", (".mhtml", ".mht"), read_web_archive),
    Format("e-mail", "message/rfc822", (".eml",), read_eml, metadata=mail_metadata),
    Format("Outlook message", "application/vnd.ms-outlook", (".msg",), read_msg, _OLE),
    Format("mailbox", "application/mbox", (".mbox",), read_mailbox),
)
_BY_SUFFIX = {suffix: format_ for format_ in FORMATS for suffix in format_.suffixes}
SUFFIXES = MappingProxyType({suffix: format_.name for suffix, format_ in _BY_SUFFIX.items()})


def read(path: Path) -> Document:
    """Read one file; an empty file is a document without sections.

    A hostile file can take much time or memory: `ingest.FileReader` does the same under limits.

    Raises:
        ReadError: The file cannot be opened, is not what its suffix says, is damaged, or has no
            accessible text.
        MemoryError: The file needs more memory than there is.
    """
    format_ = _BY_SUFFIX.get(path.suffix.lower())
    if format_ is None:
        raise ReadError(f"no reader for {path.suffix or 'a name without a suffix'}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ReadError(f"cannot be opened: {(error.strerror or str(error)).lower()}") from error
    digest = hashlib.sha256(data).hexdigest()
    if not data.strip():
        return Document(path.stem, format_.media_type, (), sha256=digest)
    parsed, metadata = _parse(format_, data, path.stem)
    return replace(_document(parsed, format_.media_type, metadata), sha256=digest)


def read_attached(name: str, data: bytes) -> Parsed | None:
    """Read a file within a file, such as the attachment of a message; None without a reader.

    Raises:
        ReadError: As for `read`.
        MemoryError: As for `read`.
    """
    path = PurePosixPath(name)
    format_ = _BY_SUFFIX.get(path.suffix.lower())
    if format_ is None:
        return None
    return _parse(format_, data, path.stem)[0] if data.strip() else Parsed(path.stem, [])


def _parse(format_: Format, data: bytes, name: str) -> tuple[Parsed, Metadata]:
    """Parse bytes of a format."""
    if format_.starts not in data[:1024]:
        article = "an" if format_.name[0] in "AEIOaeio" else "a"
        raise ReadError(f"not {article} {format_.name}: it looks like {looks_like(data)}")
    try:
        return Parsed(*format_.parse(data, name)), format_.metadata(data)
    except (ReadError, MemoryError):
        raise
    # A parser may raise anything for damaged bytes; it means the same to the caller.
    except Exception as error:
        detail = " ".join(str(error).split())[:200]
        what = f"{type(error).__name__}: {detail}" if detail else type(error).__name__
        raise ReadError(f"not a readable {format_.name}: {what}") from error


def _document(parsed: Parsed, media_type: str, metadata: Metadata) -> Document:
    """The result of a reader, normalised: escapes of a format may hide control characters."""
    sections = []
    lost = shortened = 0
    for section in parsed.sections:
        clean = normalise(section.text)
        text = without_bytes(clean)
        shortened += text != clean
        lost += text.count(LOST)
        heading = tuple(one_line(part) for part in section.heading)
        sections.append(replace(section, heading=heading, text=text))
    notes = [one_line(note) for note in parsed.notes]
    if shortened:
        notes.append("files that are written into the text as letters (base64) are left out")
    if lost:
        notes.append(f"{counted(lost, 'character')} could not be decoded")
    folded = _folded(metadata)
    return Document(one_line(parsed.title), media_type, tuple(sections), folded, tuple(notes))


def _folded(metadata: Metadata) -> Metadata:
    """Keys and values normalised for filters: in lower case, keywords split, none empty."""
    found: dict[str, tuple[str, ...]] = {}
    for key, values in metadata.items():
        key = one_line(key).lower()
        if key == "keywords":
            values = tuple(word for value in values for word in re.split("[,;]", value))
        lowered = (one_line(value).lower() for value in values)
        found[key] = tuple(value for value in lowered if value)
    return {key: values for key, values in found.items() if key and values}
