"""Content lines, of which calendars (RFC 5545) and contacts (RFC 6350) are made.

Knows the meaning of none.
"""

import quopri
import re
from collections.abc import Iterator

_LINE = re.compile(r"(?:[\w-]+\.)?([\w-]+)((?:;[\w-]+(?:=(?:\"[^\"]*\"|[^\":;]*))?)*):(.*)")
_QUOTED = re.compile(r"ENCODING=QUOTED-PRINTABLE|;QUOTED-PRINTABLE", re.IGNORECASE)


def content_lines(text: str) -> Iterator[tuple[str, str, str]]:
    """Name, parameters and value of every line, lines that were folded put together."""
    lines = iter(re.sub(r"\n[ \t]", "", text).split("\n"))
    for line in lines:
        found = _LINE.match(line)
        if not found:
            continue
        name, options, value = found[1].upper(), found[2], found[3].strip()
        if _QUOTED.search(options):  # of vCard 2.1, which folds by an equals sign
            while value.endswith("=") and (more := next(lines, None)) is not None:
                value = value[:-1] + more.strip()
            value = quopri.decodestring(value.encode()).decode("utf-8", "replace")
        yield name, options, value


def unescaped(value: str) -> str:
    r"""A text without the backslashes that protect commas, semicolons and line breaks."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value)
