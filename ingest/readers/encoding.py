"""Decodes bytes: detects the encoding, and whether they are text at all. Knows no format."""

import re

from ingest.cleaning import LOST, normalise
from ingest.errors import ReadError
from ingest.readers.guessing import guess, is_misread, latin

# Magic bytes of formats.
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
# The encodings that these names stand for in practice (WHATWG Encoding standard).
_MEANT = {
    **dict.fromkeys(("iso-8859-1", "latin-1", "latin1", "ascii", "us-ascii"), "cp1252"),
    **dict.fromkeys(("gb2312", "gbk", "x-gbk"), "gb18030"),
    **dict.fromkeys(("shift-jis", "sjis", "x-sjis", "windows-31j"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks-c-5601-1987"), "cp949"),
    "iso-8859-9": "cp1254",
    "big5": "big5hkscs",
    "tis-620": "cp874",
}
_ODD_BYTE = re.compile("[\udc80-\udcff]")  # a byte that is no UTF-8, by surrogateescape


def looks_like(data: bytes) -> str:
    """The format of bytes, in words that follow "looks like"; "text" if none is recognised."""
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
    """Normalised text, decoded by a byte order mark, as UTF-8, as `declared`, or by a guess.

    Raises:
        ReadError: The bytes are not text, or their encoding could not be detected.
    """
    for magic, what in _MAGIC:
        # Short magic bytes may begin prose too ("ID3 tags", "BZh"): require bytes that are no text.
        if data.startswith(magic) and re.search(rb"[\x00-\x08\x80-\xff]", data[:4096]):
            raise ReadError(f"named as text, but looks like {what}")
    return normalise(_decode(data, declared))


def declared_in_xml(data: bytes) -> str | None:
    """The encoding that the first line of an XML text declares."""
    match = re.match(rb"""\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]+)""", data)
    return match[1].decode("ascii", "replace") if match else None


def _decode(data: bytes, declared: str | None) -> str:
    """The decoded bytes, before any cleaning."""
    for bom, marked in _BOMS:
        if data.startswith(bom):
            try:
                return data.decode(marked)
            except UnicodeDecodeError as error:
                if marked == "utf-8-sig" and (text := _as_nearly_utf8(data[len(bom) :])):
                    return text
                raise ReadError(f"marked as {marked}, but byte {error.start} is not") from None
    if b"\x00" in data:
        if text := _as_unmarked_utf16(data):
            return text
        raise ReadError(f"binary, not text: NUL at byte {data.index(0)}")
    sample = data[:65536]
    controls = len(re.findall(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]", sample))
    if controls > 0.05 * len(sample):
        raise ReadError(f"binary, not text: {controls} control characters at its start")
    # 7-bit encodings are valid UTF-8 too, but not readable in it.
    first = declared if re.match(r"(?i)iso-?2022|hz", declared or "") else None
    if re.search(rb"\x1b\$[@B]", sample):
        first = first or "iso2022_jp"
    meant = _MEANT.get((declared or "").lower().replace("_", "-"))
    for encoding in (first, "utf-8", meant, declared):
        if encoding:
            try:
                return data.decode(encoding)
            except (UnicodeDecodeError, LookupError):
                continue
    for reading in (_as_nearly_utf8, _as_western, guess, _as_damaged_utf8, _by_statistics):
        text = reading(data)
        if text is not None:
            return text
    raise ReadError("not text in any encoding that could be recognised: save it as UTF-8")


def _as_unmarked_utf16(data: bytes) -> str | None:
    """The text as UTF-16 if nearly every second byte is zero, and no other byte is."""
    for encoding, zeros, others in (
        ("utf-16-le", data[1::2], data[::2]),
        ("utf-16-be", data[::2], data[1::2]),
    ):
        if zeros.count(0) > 0.8 * len(zeros) and 0 not in others:
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                return None
    return None


def _as_nearly_utf8(data: bytes) -> str | None:
    """The text as UTF-8 if nine in ten of its non-ASCII bytes are valid in it."""
    text = data.decode("utf-8", "surrogateescape")
    odd = len(_ODD_BYTE.findall(text))
    return _with_losses(text) if odd * 10 <= sum(byte > 0x7F for byte in data) else None


def _as_damaged_utf8(data: bytes) -> str | None:
    """The text as UTF-8 if half of its non-ASCII bytes are valid in it, as European letters.

    In other encodings that hardly ever happens by chance.
    """
    text = data.decode("utf-8", "surrogateescape")
    odd = len(_ODD_BYTE.findall(text))
    european = all(one < "\u0250" or "\u2000" <= one < "\u2150" for one in _ODD_BYTE.sub("", text))
    enough = odd * 2 <= sum(byte > 0x7F for byte in data)
    return _with_losses(text) if enough and european else None


def _with_losses(text: str) -> str:
    """The text with a replacement character for each invalid byte.

    A line that is invalid as a whole may come from another file, and is decoded by itself.
    """
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if _ODD_BYTE.search(line):
            foreign = all(_ODD_BYTE.match(one) for one in line if not one.isascii())
            alone = latin(line.encode("utf-8", "surrogateescape")) if foreign else None
            lines[number] = _ODD_BYTE.sub(LOST, line) if alone is None else alone
    return "\n".join(lines)


def _by_statistics(data: bytes) -> str | None:
    """The text in the likeliest encoding by charset_normalizer's statistics."""
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    return None if best is None else str(best)


def _as_western(data: bytes) -> str | None:
    """The text as Windows-1252 if it looks like a language of western Europe.

    Detectors confuse one-byte encodings if few letters have an accent. In these languages at most
    one letter in twelve has one, and clearly more in the languages of the similar encodings.
    """
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return None
    accented = [character for character in text if not character.isascii()]
    letters = sum(character.isalpha() for character in text)
    if len(accented) * 12 > letters or not _WESTERN.issuperset(accented) or is_misread(text):
        return None
    return text
