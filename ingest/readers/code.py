"""Source code of any language: the source text, each definition under its first line.

Definitions are recognised by keywords and indentation; no language needs a parser.
"""

import re

from ingest.readers.document import Outline, Parsed, Section, block
from ingest.readers.encoding import decode

# fmt: off
SUFFIXES = (
    ".py", ".pyi", ".js", ".mjs", ".jsx", ".ts", ".tsx", ".java", ".kt", ".scala", ".groovy", ".c",
    ".h", ".cc", ".cpp", ".hpp", ".cxx", ".cs", ".go", ".rs", ".swift", ".m", ".rb", ".php", ".pl",
    ".lua", ".r", ".jl", ".dart", ".ex", ".sh", ".bash", ".ps1", ".sql", ".proto", ".tf",
)
# fmt: on
_DEFINITION = re.compile(
    r"""
    (?!(?:return|new|else|throw|await|yield|case|delete|assert|go|defer|print|echo|use|in)\b)
    (?:
    # a word that defines something, after words like "public static" or "export default"
    (?:[\w@.]+(?:\([^()]*\))?\s+){0,6}?
      (?:class|interface|struct|enum|union|trait|impl|protocol|extension|record|namespace|module
        |def|defp|defmodule|function|func|fun|fn|sub|message|service|resource|variable|object|mod
        |(?i:create(?:\s+or\s+replace)?\s+\w+))\b(?!\s*[=.,;)])
    # a type, a name, parameters: Java, C and their like
    | [A-Za-z_][\w:<>\[\],.?&*]*\s[\w\s:<>\[\],.?&*~]*?\w\s*\([^;=]*\)[^;=]*
    # a name and parameters with their body: sh, methods in JavaScript, constructors
    | [\w-]+\s*\([^;=]*\)\s*\{$
    | (?:export\s+)?(?:const|let|var)\s+\w+\s*=.*=>\s*\{$
    )
    """,
    re.VERBOSE,
)
_HOLDS_OTHERS = re.compile(
    r".*?\b(?:class|interface|struct|enum|union|trait|impl|protocol|extension|record|namespace"
    r"|module|defmodule|object|mod|service)\b"
)
_MINIFIED = 1_000  # characters: longer lines are not written by hand
_CONTROL = re.compile(r"(?:\}\s*)?(?:if|for|foreach|while|switch|try|catch|with|elif|do|match)\b")
_ATTACHED = re.compile(r"#(?!include)|//|/?\*|--|@|\[\w|template\s*<|\"\"\"")
_CLOSING = re.compile(r"[\])}]|end\b|\{$")


def read_code(data: bytes, name: str) -> Parsed:
    """Sections of kind code; the heading is the path of the definitions around them.

    Minified code has no sections.
    """
    lines = decode(data).split("\n")
    if 2 * sum(len(line) for line in lines if len(line) > _MINIFIED) > sum(map(len, lines)):
        return Parsed(name, (), ["minified code is not read"])
    indents = [len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip()) for line in lines]
    filled = [number for number, line in enumerate(lines) if line.strip()]
    outline = Outline()
    open_at: list[tuple[int, bool]] = []  # indentation, and whether it may hold definitions
    sections: list[Section | None] = []
    done = 0
    for position, number in enumerate(filled):
        line, indent = lines[number].strip(), indents[number]
        if open_at and indent > open_at[-1][0] and not open_at[-1][1]:
            continue  # in the body of a function
        defines = False
        if position + 1 < len(filled):
            below = filled[position + 1]
            defines = _defines(line, indent, lines[below].strip(), indents[below])
        closes = bool(open_at) and indent <= open_at[-1][0] and not _CLOSING.match(line)
        if not defines and not closes:
            continue
        start = _with_attached(lines, indents, number, done)
        if start > done:
            sections.append(block(lines[done:start], done + 1, outline.path, "code"))
            done = start
        while open_at and open_at[-1][0] >= indent:
            open_at.pop()
        outline.enter(indent, "")
        if defines:
            outline.enter(indent, " ".join(line.rstrip("{: ").split()))
            open_at.append((indent, bool(_HOLDS_OTHERS.match(line))))
    sections.append(block(lines[done:], done + 1, outline.path, "code"))
    return Parsed(name, [section for section in sections if section])


def _defines(line: str, indent: int, following: str, following_indent: int) -> bool:
    """Whether a line begins a definition, whose body follows."""
    if following_indent == indent and following == "{":
        line = f"{line} {{"
    elif following_indent <= indent:
        return False
    return (
        len(line) <= 300  # also what keeps the patterns quick
        and not _CONTROL.match(line)
        and _DEFINITION.match(line) is not None
    )


def _with_attached(lines: list[str], indents: list[int], number: int, done: int) -> int:
    """The index of the first comment or decorator directly above a line."""
    first = number
    while (
        first > done
        and indents[first - 1] >= indents[number]
        and _ATTACHED.match(lines[first - 1].strip())
    ):
        first -= 1
    return first
