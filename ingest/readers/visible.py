"""The visible parts of a page: what a user sees or can open, without navigation and decoration.

Uses the elements and attributes of HTML and WAI-ARIA, and a few names that sites share; knows no
style sheet and runs no script.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.html import HtmlElement

OPENER = "opener"  # what a button becomes that opens a text: its heading
CLOSER = "closer"  # and where that text ends
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")

# fmt: off
_DROPPED = frozenset({
    "script", "style", "noscript", "template", "nav", "svg", "iframe", "object", "head",
    "button", "select", "input", "textarea", "canvas", "audio", "video", "dialog", "annotation",
    "del", "s", "strike",
})
# fmt: on
# What names a part that is no text of the page: see the landmark roles of WAI-ARIA 1.2.
_DROPPED_ROLES = frozenset({"navigation", "menu", "menubar", "search", "dialog", "alertdialog"})
_DROPPED_NAMES = frozenset({"breadcrumb", "breadcrumbs", "skip-link", "skiplink", "headerlink"})
_CONSENT = re.compile(
    r"(?:cookie|gdpr|consent)[\w-]*(?:banner|bar|notice|consent|popup|message|overlay|wall)", re.I
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_OPENS = re.compile(r"accordion|collaps|faq|question|expand|toggle|disclos", re.IGNORECASE)
_MOST_STEPS = 3  # from a button up to what has the opened part beside it


def is_left_out(element: "HtmlElement") -> bool:
    """Whether it is hidden or struck out, or is navigation or a consent dialogue."""
    if element.tag in _DROPPED or _is_hidden(element) or element.get("role") in _DROPPED_ROLES:
        return True
    names = f"{element.get('id', '')} {element.get('class', '')}"
    named = not _DROPPED_NAMES.isdisjoint(names.lower().split()) or bool(_CONSENT.search(names))
    return named and not _is_section(element)


def show_what_opens(root: "HtmlElement") -> None:
    """Turn buttons that open a text into its heading, and show the hidden text.

    So the questions of an accordion are above their answers, and other tabs are text as well.
    Buttons that open a menu stay buttons.
    """
    by_id = {element.get("id"): element for element in root.iter("*") if element.get("id")}
    for element in list(root.iter("*")):
        if element.get("role") == "tabpanel":
            _show(element)
        elif element.tag == "button" or (element.get("role") == "button"):
            _open(element, by_id)


def _open(button: "HtmlElement", by_id: dict[str, "HtmlElement"]) -> None:
    """Do what a click on a button would, if it opens a text."""
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
    """The element that a button names as opened by it, else the next one."""
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
    """Whether an element holds text that is not mostly links, as a menu is."""
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
    # What is hidden until found is found by the search of a browser.
    hidden = element.get("hidden", "until-found").lower() != "until-found"
    return hidden or bool(_HIDDEN.search(element.get("style", "")))


def _is_section(element: "HtmlElement") -> bool:
    """Whether it is a part of the text, which has its name from its heading: `id="gdpr-notice"`."""
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
