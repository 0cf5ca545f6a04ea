"""Styles and numbering of the paragraphs of a Word document.

Knows headings, lists, automatic numbers, and hidden and struck-out text; knows no words.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_OFF = ("0", "false", "off", "none")
_BODY = 9  # the outline level of text that is no heading
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


def value(element: Any, path: str) -> str | None:
    """The `val` of the element at a path such as `pPr/pStyle`; None without one."""
    found = element.find("/".join(f"{W}{name}" for name in path.split("/")))
    return None if found is None else found.get(f"{W}val", "")


def is_on(element: Any, path: str) -> bool | None:
    """Whether a toggle such as `rPr/vanish` is on; None if it is not set."""
    said = value(element, path)
    return None if said is None else said not in _OFF


class Styles:
    """The styles of a document, with inheritance."""

    def __init__(self, root: Any) -> None:
        """Read the styles part; None for a document without one."""
        found = () if root is None else root.iter(f"{W}style")
        self._styles = {style.get(f"{W}styleId", ""): style for style in found}

    def _chain(self, style: str | None) -> list[Any]:
        """The style, the one it is based on, and so on."""
        chain: list[Any] = []
        while style in self._styles and self._styles[style] not in chain:
            chain.append(self._styles[style])
            style = value(chain[-1], "basedOn")
        return chain

    def names(self, paragraph: Any) -> list[str]:
        """The names of a paragraph's style and its base styles, in lower case."""
        chain = self._chain(value(paragraph, "pPr/pStyle"))
        return [(value(style, "name") or "").lower() for style in chain]

    def level(self, paragraph: Any) -> int:
        """The level of a heading, from 1; 0 for any other paragraph."""
        for one in (paragraph, *self._chain(value(paragraph, "pPr/pStyle"))):
            outline = value(one, "pPr/outlineLvl")
            if outline and outline.isdecimal():
                return int(outline) + 1 if int(outline) < _BODY else 0
            name = (value(one, "name") or "").lower()
            if name.startswith("heading ") and name[8:].isdecimal():
                return int(name[8:])
        return 0

    def numbering(self, paragraph: Any) -> tuple[str, int | None, str]:
        """The list of a paragraph (empty if none), its level, and the style that sets it."""
        level = None
        for one in (paragraph, *self._chain(value(paragraph, "pPr/pStyle"))):
            said = value(one, "pPr/numPr/ilvl")
            if level is None and said and said.isdecimal():
                level = int(said)
            number = value(one, "pPr/numPr/numId")
            if number is not None:
                return ("" if number == "0" else number), level, one.get(f"{W}styleId", "")
        return "", None, ""

    def of_numbering(self, style: str) -> str:
        """The list of a list style."""
        numbers = (value(one, "pPr/numPr/numId") for one in self._chain(style))
        return next((number for number in numbers if number), "")

    def run_is(self, run: Any, *switches: str) -> bool:
        """Whether one of these toggles is on for a run, by itself or by its style."""
        chain = self._chain(value(run, "rPr/rStyle"))
        return any(self._switched(switch, (run, *chain)) for switch in switches)

    def paragraph_is(self, paragraph: Any, *switches: str) -> bool:
        """Whether one of these toggles is on for a whole paragraph, by its style."""
        chain = self._chain(value(paragraph, "pPr/pStyle"))
        return any(self._switched(switch, chain) for switch in switches)

    def _switched(self, switch: str, places: Any) -> bool:
        said = (is_on(one, f"rPr/{switch}") for one in places)
        return next((on for on in said if on is not None), False)


@dataclass
class _Level:
    """The format of the numbers of one level of a list."""

    format: str = "decimal"
    text: str = ""
    start: int = 1
    legal: bool = False
    style: str = ""


class Numbering:
    """Counts the numbered paragraphs of a document in order."""

    def __init__(self, root: Any, styles: Styles) -> None:
        """Read the numbering part; None for a document without one."""
        self._styles = styles
        self._lists: dict[str, str] = {}  # number of a list → its definition
        self._starts: dict[str, dict[int, int]] = defaultdict(dict)
        self._levels: dict[str, dict[int, _Level]] = {}
        self._links: dict[str, str] = {}  # definition → the style that has the real one
        self._counts: dict[str, dict[int, int]] = defaultdict(dict)
        for one in () if root is None else root.iter(f"{W}abstractNum"):
            self._define(one)
        for one in () if root is None else root.iter(f"{W}num"):
            number = one.get(f"{W}numId", "")
            self._lists[number] = value(one, "abstractNumId") or ""
            for override in one.iter(f"{W}lvlOverride"):
                start = value(override, "startOverride")
                if start and start.isdecimal():
                    self._starts[number][int(override.get(f"{W}ilvl", "0"))] = int(start)

    def _define(self, definition: Any) -> None:
        name = definition.get(f"{W}abstractNumId", "")
        self._links[name] = value(definition, "numStyleLink") or ""
        self._levels[name] = {
            int(level.get(f"{W}ilvl", "0")): _Level(
                value(level, "numFmt") or "decimal",
                value(level, "lvlText") or "",
                int(value(level, "start") or 1),
                bool(is_on(level, "isLgl")),
                value(level, "pStyle") or "",
            )
            for level in definition.iter(f"{W}lvl")
        }

    def label(self, paragraph: Any) -> tuple[str, int] | None:
        """The label of a paragraph of a list ("-" for any bullet), and its level from 0.

        None for a paragraph in no list. Call it once for each paragraph, in order: it counts.
        """
        number, said, style = self._styles.numbering(paragraph)
        if not number:
            return None
        name = self._lists.get(number, "")
        if link := self._links.get(name):
            name = self._lists.get(self._styles.of_numbering(link), name)
        levels = self._levels.get(name, {})
        of_style = (at for at, level in levels.items() if style and level.style == style)
        at = said if said is not None else next(of_style, 0)
        level = levels.get(at)
        if level is None or level.format == "bullet":
            return "-", at
        counts = self._counts[name]
        for deeper in [one for one in counts if one > at]:
            del counts[deeper]
        starts = self._starts[number]
        counts[at] = starts.pop(at) if at in starts else counts.get(at, level.start - 1) + 1
        text = level.text
        for other, shape in levels.items():
            count = counts.get(other, shape.start)
            form = "decimal" if level.legal else shape.format
            text = text.replace(f"%{other + 1}", _figure(count, form))
        return text.strip(), at


def _figure(count: int, form: str) -> str:
    """A number in the format of a list."""
    if form == "none":
        return ""
    if form == "decimalZero":
        return f"{count:02}"
    text = str(count)
    if form.endswith("Letter") and count > 0:
        text = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
    elif form.endswith("Roman") and 0 < count < 4000:
        text = ""
        for size, letters in _ROMAN:
            text += letters * (count // size)
            count %= size
    return text.upper() if form.startswith("upper") else text
