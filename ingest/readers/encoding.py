"""Bytes → text: which encoding, and whether it is text at all. Knows no format's grammar."""

import re

from ingest.cleaning import normalise
from ingest.errors import ReadError

# The first bytes by which a file betrays what it is.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old or password-protected office document"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"\x1f\x8b", "gzip-compressed data"),
    (b"BZh", "bzip2-compressed data"),
    (b"\xfd7zXZ\x00", "xz-compressed data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "Zstandard-compressed data"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a Windows program"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"{\\rtf", "an RTF document"),
    (b"OggS", "an Ogg recording"),
    (b"ID3", "an MP3 recording"),
)
_BOMS: tuple[tuple[bytes, str], ...] = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_WESTERN = frozenset(
    "àáâãäåæçèéêëìíîïñòóôõöøœùúûüýÿßÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØŒÙÚÛÜÝŸ"
    # quotation marks, dashes, ellipsis, bullet
    "\u2018\u2019\u201a\u201c\u201d\u201e\u2039\u203a\u2013\u2014\u2026\u2022"
    "«»·°§©®™€£¥½¼¾¡¿\u00d7\u00a0"
)


def looks_like(data: bytes) -> str:
    """What the bytes seem to be, in words that follow "looks like"; "text" when nothing else."""
    head = data[:1024]
    for magic, what in _MAGIC:
        if head.startswith(magic):
            return what
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "HTML"
    if start.startswith(b"<?xml"):
        return "XML"
    return "binary data" if b"\x00" in head else "text"


def decode(data: bytes, *, declared: str | None = None) -> str:
    """Normalised text, in the encoding of a byte order mark, UTF-8, `declared`, or the likeliest.

    Raises:
        ReadError: The bytes are not text, or in no encoding that could be told.
    """
    for magic, what in _MAGIC:
        # A program that is short enough may be prose too ("ID3 tags", "BZh"): ask for odd bytes.
        if data.startswith(magic) and re.search(rb"[\x00-\x08\x80-\xff]", data[:4096]):
            raise ReadError(f"named as text, but looks like {what}")
    return normalise(_decode(data, declared))


def declared_in_xml(data: bytes) -> str | None:
    """The encoding that the first line of an XML text says it is in."""
    match = re.match(rb"""\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]+)""", data)
    return match[1].decode("ascii", "replace") if match else None


def _decode(data: bytes, declared: str | None) -> str:
    """The bytes as text, before anything is cleaned."""
    for bom, marked in _BOMS:
        if data.startswith(bom):
            try:
                return data.decode(marked)
            except UnicodeDecodeError as error:
                raise ReadError(f"marked as {marked}, but byte {error.start} is not") from None
    if b"\x00" in data:
        raise ReadError(f"binary, not text: NUL at byte {data.index(0)}")
    sample = data[:65536]
    controls = len(re.findall(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]", sample))
    if controls > 0.05 * len(sample):
        raise ReadError(f"binary, not text: {controls} control characters at its start")
    # Encodings of seven bits are valid UTF-8 too, but read like nothing in it.
    first = declared if re.match(r"(?i)iso-?2022|hz", declared or "") else None
    if re.search(rb"\x1b\$[@B]", sample):
        first = first or "iso2022_jp"
    for encoding in (first, "utf-8", declared):
        if encoding:
            try:
                return data.decode(encoding)
            except (UnicodeDecodeError, LookupError):
                continue
    western = _as_western(data)
    return western if western is not None else _guess(data)


def _as_western(data: bytes) -> str | None:
    """The text as Windows-1252 if it reads like a language of western Europe.

    Detectors confuse the one-byte encodings when only a few letters carry an accent; at most one
    letter in twelve does in these languages, clearly more in those of the sister encodings.
    """
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return None
    accented = [character for character in text if not character.isascii()]
    letters = sum(character.isalpha() for character in text)
    if len(accented) * 12 > letters or not _WESTERN.issuperset(accented):
        return None
    return text


def _guess(data: bytes) -> str:
    """The likeliest reading by the statistics of its characters."""
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    if best is None:
        raise ReadError("not text in any encoding that could be recognised: save it as UTF-8")
    return str(best)
