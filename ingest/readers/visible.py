"""The visible parts of a page: those that a user sees or can open, without navigation.

Uses elements and attributes of HTML and WAI-ARIA, and a few names that many sites use. Knows no
style sheets, and runs no scripts.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.html import HtmlElement

OPENER = "opener"  # replaces a button that opens a text: its heading
CLOSER = "closer"  # the end of that text
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")

# fmt: off
_DROPPED = frozenset({
    "script", "style", "noscript", "template", "nav", "svg", "iframe", "object", "head",
    "button", "select", "input", "textarea", "canvas", "audio", "video", "dialog", "annotation",
    "del", "s", "strike",
})
# fmt: on
# Landmark roles (WAI-ARIA 1.2) of parts that are not the text of the page.
_DROPPED_ROLES = frozenset({"navigation", "menu", "menubar", "search", "dialog", "alertdialog"})
_DROPPED_NAMES = frozenset({"breadcrumb", "breadcrumbs", "skip-link", "skiplink", "headerlink"})
_CONSENT = re.compile(
    r"(?:cookie|gdpr|consent)[\w-]*(?:banner|bar|notice|consent|popup|message|overlay|wall)", re.I
)
# Classes of a page or an article that say what it has or is about: `has-cookie-banner`.
_SAID_OF = ("has-", "with-", "no-", "tag-", "category-", "topic-")
_WHOLE = frozenset({"html", "body", "main", "article"})
_NOT_TEXT = frozenset({"script", "style", "noscript", "template", "head"})
_REMOVED = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_HIDDEN = re.compile(rf"{_REMOVED.pattern}|visibility\s*:\s*(?:hidden|collapse)", re.IGNORECASE)
_OPENS = re.compile(r"accordion|collaps|faq|question|expand|toggle|disclos", re.IGNORECASE)
_MOST_STEPS = 3  # from a button up to the element before the opened part


def is_left_out(element: "HtmlElement") -> bool:
    """Whether an element is hidden, struck out, navigation or a consent dialogue."""
    if element.tag in _DROPPED or _is_hidden(element) or element.get("role") in _DROPPED_ROLES:
        return True
    if element.tag in _WHOLE:
        return False
    return any(map(_is_dropped_name, _names(element))) and not _is_section(element)


def has_no_place(cell: "HtmlElement") -> bool:
    """Whether a cell that is left out leaves no gap in its row."""
    return "hidden" in cell.attrib or bool(_REMOVED.search(cell.get("style", "")))


def keep_most(root: "HtmlElement") -> None:
    """Keep elements that hold most of a page's text, even if they are named like a small part."""
    body = root if root.tag == "body" else root.find("body")
    if body is None:
        return
    lengths: dict[HtmlElement, int] = {}
    for element in reversed(list(body.iter("*"))):  # children before their parents
        texts = [element.text, *(child.tail for child in element)]
        own = sum(len((text or "").strip()) for text in texts)
        within = sum(lengths.get(child, 0) for child in element)
        lengths[element] = 0 if element.tag in _NOT_TEXT else own + within
    for element, length in lengths.items():
        if length * 4 > lengths[body] * 3 and any(map(_is_dropped_name, _names(element))):
            for name in ("id", "class"):
                element.attrib.pop(name, None)


def _names(element: "HtmlElement") -> list[str]:
    """The id and the classes of an element."""
    return f"{element.get('id', '')} {element.get('class', '')}".lower().split()


def _is_dropped_name(name: str) -> bool:
    """Whether it is a name of navigation or of a consent dialogue."""
    return name in _DROPPED_NAMES or (bool(_CONSENT.search(name)) and not name.startswith(_SAID_OF))


def show_what_opens(root: "HtmlElement") -> None:
    """Show text that a button opens, and turn the button into its heading.

    So the questions of an accordion are headings of their answers, and all tabs are text. Buttons
    that open a menu stay buttons.
    """
    by_id = {element.get("id"): element for element in root.iter("*") if element.get("id")}
    for element in list(root.iter("*")):
        if element.get("role") == "tabpanel":
            _show(element)
        elif element.tag == "button" or (element.get("role") == "button"):
            _open(element, by_id)


def _open(button: "HtmlElement", by_id: dict[str, "HtmlElement"]) -> None:
    """Show the text that a button opens, if it opens one."""
    text = "".join(button.itertext()).strip()
    if not text:
        return
    opened = _opened_by(button, by_id)
    if opened is not None and _is_text(opened):
        _show(opened)
    else:
        opened = None
    if next(button.iterancestors(*HEADINGS), None) is not None:
        button.tag = "span"
    elif opened is not None and (text.endswith("?") or _says_that_it_opens(button)):
        button.tag = OPENER
        opened.addnext(button.makeelement(CLOSER))


def _says_that_it_opens(button: "HtmlElement") -> bool:
    kind = " ".join(button.get(name, "") for name in ("class", "data-toggle", "data-bs-toggle"))
    return "aria-expanded" in button.attrib or bool(_OPENS.search(kind))


def _opened_by(button: "HtmlElement", by_id: dict[str, "HtmlElement"]) -> "HtmlElement | None":
    """The element that a button opens: the one it names, else the next one."""
    for name in ("aria-controls", "data-bs-target", "data-target"):
        target = by_id.get(button.get(name, "").lstrip("#"))
        if target is not None:
            return target
    element = button
    for _ in range(_MOST_STEPS):
        following = element.getnext()
        if following is not None:
            return None if following.tag == "button" else following
        element = element.getparent()
        if element is None or element.tag == "body":
            return None
    return None


def _is_text(element: "HtmlElement") -> bool:
    """Whether an element has text other than links, unlike a menu."""
    if element.tag in _DROPPED or element.get("role") in _DROPPED_ROLES:
        return False
    linked = sum(len("".join(link.itertext()).strip()) for link in element.iter("a"))
    return linked * 2 < len(" ".join("".join(element.itertext()).split()))


def _show(element: "HtmlElement") -> None:
    """Make an element visible."""
    element.attrib.pop("hidden", None)
    if _HIDDEN.search(element.get("style", "")):
        del element.attrib["style"]


def _is_hidden(element: "HtmlElement") -> bool:
    # A browser's search finds "hidden until found".
    hidden = element.get("hidden", "until-found").lower() != "until-found"
    return hidden or bool(_HIDDEN.search(element.get("style", "")))


def _is_section(element: "HtmlElement") -> bool:
    """Whether it is a section that is named after its heading: `id="gdpr-notice"`."""
    if element.tag in HEADINGS:
        return True
    heading = next(element.iter(*HEADINGS), None)
    if heading is None:
        return False
    if next(element.iterancestors("main", "article"), None) is not None:
        return True
    is_division = element.tag == "section" or "section" in element.get("class", "").split()
    slug = "-".join(re.findall(r"\w+", "".join(heading.itertext()).lower()))
    return is_division and element.get("id", "").lower().replace("_", "-") == slug
