"""Text that a terminal can be given: what it would obey is shown as an escape instead.

Names of files and texts of documents come from anywhere. Knows no terminal.
"""

import codecs
import io
import logging
import re
from typing import TextIO

# Controls, separators of lines that are no line feed, marks that turn the direction of writing or
# take no room, halves of characters, and tags.
_OBEYED = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    r"\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f"
)
SHOWN = 80  # characters of a text in a line
ESCAPE = "ragcl-escape"  # the name of what is done with characters that an encoding has not
_IN_TEXT = re.compile(f"[{_OBEYED}]")
_IN_A_LINE = re.compile(rf"[{_OBEYED}\t\n]")


def harmless(text: str) -> str:
    r"""The text with `\u001b` in the place of such characters; tabs and line feeds stay.

    Of a JSON document it makes one that says the same.
    """
    return _IN_TEXT.sub(_escaped, text)


def one_line(text: str) -> str:
    r"""The same with `\u000a` in the place of a line feed: for a name, which is to stay one."""
    return _IN_A_LINE.sub(_escaped, text)


def place(
    source: str, lines: tuple[int, int] | None, page: int | None = None, heading: str = ""
) -> str:
    """A file with its lines or its page, and the heading there."""
    where = one_line(source)
    if lines:
        where += f":{lines[0]}" if lines[0] == lines[1] else f":{lines[0]}-{lines[1]}"
    elif page:
        where += f" page {page}"
    return f"{where}  {one_line(heading)}".rstrip()


def shortened(text: str) -> str:
    """A text on one line, cut off where it is long."""
    line = one_line(" ".join(text.split()))
    return line if len(line) <= SHOWN else line[: SHOWN - 1].rstrip() + "…"


def reason(error: BaseException) -> str:
    """What an error says, on one line; its kind too where that is not made to be read."""
    said = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        said = error.strerror.lower()
    elif not isinstance(error, OSError) and type(error).__module__ == "builtins":
        said = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return one_line(said or type(error).__name__)


class Formatter(logging.Formatter):
    """Log records as lines that a terminal can be given."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """What was said, on one line: it may name files."""
        return one_line(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """The record, made harmless."""
        return harmless(super().format(record))


def fit(*streams: TextIO) -> None:
    """Let streams show as an escape what their encoding has no place for, instead of failing."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ESCAPE)


def _escaped(found: re.Match[str]) -> str:
    return _escape(found[0])


def _unencodable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return _escape(error.object[error.start : error.end]), error.end


codecs.register_error(ESCAPE, _unencodable)


def _escape(text: str) -> str:
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(
        f"\\u{int.from_bytes(units[i : i + 2], 'big'):04x}" for i in range(0, len(units), 2)
    )
