"""Makes untrusted text safe for a terminal: control characters become visible escapes.

Names of files and texts of documents may hold anything. Knows no terminal.
"""

import codecs
import io
import logging
import re
from typing import TextIO

# Control characters, line separators other than line feed, direction marks, zero-width characters,
# lone surrogates, and tags.
_OBEYED = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    r"\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f"
)
SHOWN = 80  # characters of a text in a line
ESCAPE = "ragcl-escape"  # the name of the codec error handler
_IN_TEXT = re.compile(f"[{_OBEYED}]")
_IN_A_LINE = re.compile(rf"[{_OBEYED}\t\n]")


def harmless(text: str) -> str:
    r"""The text with escapes such as `\u001b` for these characters; tabs and line feeds stay.

    A JSON document stays equivalent.
    """
    return _IN_TEXT.sub(_escaped, text)


def one_line(text: str) -> str:
    r"""As `harmless`, with escapes for tabs and line feeds too: for names."""
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
    """A text on one line, truncated to `SHOWN` characters."""
    line = one_line(" ".join(text.split()))
    return line if len(line) <= SHOWN else line[: SHOWN - 1].rstrip() + "…"


def duration(seconds: float) -> str:
    """A rough time for people: seconds up to two minutes, minutes up to two hours, then hours."""
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def reason(error: BaseException) -> str:
    """The message of an error on one line; with its type if it is a built-in error."""
    message = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        message = error.strerror.lower()
    elif not isinstance(error, OSError) and type(error).__module__ == "builtins":
        message = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return one_line(message or type(error).__name__)


class Formatter(logging.Formatter):
    """Formats log records safely for a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The message on one line: it may name files."""
        return one_line(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """The record, made harmless."""
        return harmless(super().format(record))


def fit(*streams: TextIO) -> None:
    """Let streams write escapes for characters that their encoding lacks, instead of failing."""
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
