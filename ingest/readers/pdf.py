"""PDF: the text layer, page by page, with form fields and annotations.

There is no OCR: pages without text are named.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ingest.cleaning import normalise, one_line
from ingest.errors import ReadError
from ingest.readers.document import Parsed, Section

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

_FROM_PAGES = 3
_MAX_PARENTS = 10  # of a field
_MOST_RANGES = 20  # of page numbers in a note
_NOTES = frozenset({"/Text", "/FreeText", "/Highlight", "/Underline", "/Squiggly", "/StrikeOut"})
_PASSWORD_FIELD, _PUSH_BUTTON = 1 << 13, 1 << 16  # flags of fields: ISO 32000-1, 12.7.4
# A number of a page, with or without the word: `12`, `- 12 -`, `Page 3 of 12`, `12 | Handbook`.
_PAGE_MARK = re.compile(
    r"""
      (?<!\w)(?:page|pg\.?|p\.|seite|s\.|sida|side|sivu|blad|p[áa]gina|strana|str\.|strona|oldal
        |sayfa|стр\.?|страница)\s*(?P<worded>\d+)(?:\s*(?:of|von|av|af|de|di|van|sur|z|ze|из|/)\s*\d+)?(?!\w)
    | ^[-\u2013\u2014\s]*(?P<alone>\d+)(?:\s*/\s*\d+)?[-\u2013\u2014\s]*$
    | ^(?P<before>\d+)(?=\s*[|\u00b7\u2022]) | (?<=[|\u00b7\u2022])\s*(?P<after>\d+)$
    | 第\s*(?P<han>\d+)\s*[页頁]
    """,
    re.IGNORECASE | re.VERBOSE,
)
# A bare number that is further from the number of its page is text, such as a year or a room.
_FURTHEST = 100
_EDGE_MARKS = "|\u00b7\u2022-\u2013\u2014 "
_HYPHENATED = re.compile(r"([^\W\d_]{2,})[-\u2010\u00ad]\n[ \t]*([^\W\d_]{2,})(\S*)[ \t]*")
# After these a hyphen at the end of a line stands for a part of a word that comes later.
_CONJUNCTIONS = frozenset("and or und oder sowie bis och eller og en of et ou y o e ed to".split())


def read_pdf(data: bytes, name: str) -> Parsed:
    """One section a page; a running header or footer is kept once.

    The title is the file's name, since the title that programs write into a PDF is seldom one.
    """
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError

    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise ReadError("protected with a password")
        # A soft hyphen at the end of a line is one, though it is none elsewhere.
        raw = [page.extract_text().replace("\u00ad\n", "-\n") for page in reader.pages]
    except (FileNotDecryptedError, DependencyError):
        raise ReadError("encrypted in a way that cannot be opened") from None
    if not raw:
        raise ReadError("no pages: the PDF is damaged or cut short")
    texts = without_hyphens(drop_running_lines([normalise(page) for page in raw]))
    written, notes = _written(reader)
    sections: list[Section] = []
    silent: list[int] = []
    pages = zip(texts, raw, written, strict=True)
    for number, (text, original, lines) in enumerate(pages, start=1):
        parts = [text.strip("\n"), "\n".join(line for line in lines if line not in original)]
        found = [Section((), part, page=number) for part in parts if part.strip()]
        if not found and not original.strip():
            silent.append(number)
        sections += found
    if not sections:
        raise ReadError("no text: probably scanned")
    return Parsed(name, sections, [*_about_silence(silent), *notes])


def drop_running_lines(pages: list[str]) -> list[str]:
    """The pages without page numbers, and with running headers and footers only once.

    Lines are equal only if they differ in nothing but a number that counts with the pages: "Invoice
    1002", "Step 3" and a sum at the end are text. So are years and rooms: "2021", "101 | Hall".
    """
    if len(pages) < _FROM_PAGES:
        return pages
    split = [page.strip("\n").split("\n") for page in pages]
    counts = Counter(
        (edge, *_running(lines[edge], number))
        for number, lines in enumerate(split)
        for edge in (0, -1)
        if lines[edge].strip()
    )
    seen: set[tuple[int, str]] = set()
    kept = []
    for number, lines in enumerate(split):
        for edge in (-1, 0):
            if not lines or not lines[edge].strip():
                continue
            words, offset = _running(lines[edge], number)
            if counts[edge, words, offset] * 2 <= len(pages):
                continue
            # What stands beside the number is text where it is read first.
            text = [words] if words and (edge, words) not in seen else []
            lines = [*text, *lines[1:]] if edge == 0 else [*lines[:-1], *text]
            seen.add((edge, words))
        kept.append("\n".join(lines))
    return kept


def without_hyphens(pages: list[str]) -> list[str]:
    """The pages with words joined that were hyphenated at the end of a line.

    A hyphen that the document also has within a line, as in "well-known", stays.
    """
    hyphens = {word.lower() for page in pages for word in re.findall(r"\w+-\w+", page)}

    def joined(found: re.Match[str]) -> str:
        first, second, rest = found.groups()
        if not second[0].islower() or second in _CONJUNCTIONS:
            return found[0]
        both = f"{first}-{second}" if f"{first}-{second}".lower() in hyphens else first + second
        return f"{both}{rest}\n"

    return [_HYPHENATED.sub(joined, page) for page in pages]


def _running(line: str, page: int) -> tuple[str, int | None]:
    """The line without its page number, and that number minus `page`, if there is one."""
    found = _PAGE_MARK.search(line)
    if not found:
        return " ".join(line.split()), None
    number = next(group for group in found.groups() if group)
    is_bare = not (found["worded"] or found["han"])
    if is_bare and int(number[:9]) - page >= _FURTHEST:
        return " ".join(line.split()), None
    words = f"{line[: found.start()]} {line[found.end() :]}".strip(_EDGE_MARKS)
    return " ".join(words.split()), int(number[:9]) - page


def _written(reader: "PdfReader") -> tuple[list[list[str]], list[str]]:
    """The form fields and annotations of each page, and notes about what is not read."""
    from pypdf.errors import PyPdfError

    lines: list[list[str]] = []
    damaged = False
    for page in reader.pages:
        try:
            lines.append(_filled_in_or_noted(page))
        except (PyPdfError, AttributeError, KeyError, TypeError, ValueError):
            lines.append([])
            damaged = True
    notes = ["what is filled in or noted on some pages is damaged"] if damaged else []
    try:
        names = [one.name for one in reader.attachment_list]
    except (PyPdfError, AttributeError, KeyError, TypeError, ValueError):
        names = []
    if names:
        notes.append(f"attached files are not read: {', '.join(names)}")
    return lines, notes


def _filled_in_or_noted(page: "PageObject") -> list[str]:
    """A line for each form field with a value, and for each annotation of a page."""
    lines = []
    for reference in page.annotations or ():
        annotation = reference.get_object()
        kind = _value(annotation, "/Subtype")
        if kind == "/Widget":
            lines.append(_field(annotation))
        elif kind in _NOTES and "/Contents" in annotation:
            lines.append(one_line(str(annotation["/Contents"])))
    return [line for line in lines if line]


def _field(field: Mapping[str, Any]) -> str:
    """`name: value` of a field; empty without a value, or if it is a password."""
    flags = int(_inherited(field, "/Ff") or 0)
    value = _inherited(field, "/V")
    if _inherited(field, "/FT") == "/Btn":
        # A button is on where it looks so: of several of one name each is a widget of its own.
        shown = _value(field, "/AS")
        state = str(value if shown is None else shown)
        value = "" if flags & _PUSH_BUTTON or state in ("/Off", "None") else state.lstrip("/")
    if value is None or isinstance(value, Mapping) or flags & _PASSWORD_FIELD:
        return ""
    values = value if isinstance(value, list) else [value]
    text = one_line(", ".join(str(one) for one in values))
    label = one_line(str(_inherited(field, "/TU") or _inherited(field, "/T") or ""))
    return f"{label}: {text}" if label and text else text


def _value(dictionary: Mapping[str, Any], key: str) -> Any:
    """A value, resolved if it is a reference."""
    return dictionary[key] if key in dictionary else None  # noqa: SIM401


def _inherited(field: Mapping[str, Any], key: str) -> Any:
    """A value of a field, or inherited from its parents."""
    for _ in range(_MAX_PARENTS):
        if key in field:
            return field[key]
        if "/Parent" not in field:
            return None
        field = field["/Parent"]
    return None


def _about_silence(pages: list[int]) -> Iterator[str]:
    """The note about pages without text."""
    if len(pages) == 1:
        yield f"page {pages[0]} holds no text"
    elif pages:
        yield f"pages {_ranges(pages)} hold no text"


def _ranges(numbers: list[int]) -> str:
    """`3, 7-9 and 12`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    if len(words) > _MOST_RANGES:
        left = sum(map(len, runs[_MOST_RANGES:]))
        words = [*words[:_MOST_RANGES], f"{left:,} more"]
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
