"""Writes addresses of links and descriptions of pictures into a page's text.

Addresses are written if the text does not have them: those of people, other sites and files. Knows
the page's own address only if the page states it.
"""

import re
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ingest.cleaning import one_line

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_LONGEST = 150  # characters of an address: longer ones are made to count clicks
_MOST_TO_A_HOST = 10  # links: more lead about the page's own site
_FILE = re.compile(r"\.(?:pdf|docx?|xlsx?|pptx?|od[tsp]|rtf|csv|epub|zip|ics)$", re.IGNORECASE)
_NO_DESCRIPTION = re.compile(
    r"(?:image|img|photo|picture|logo|icon|avatar|banner|thumbnail|spacer|bullet|arrow)?[\s\d_-]*"
    r"|\S+\.(?:png|jpe?g|gif|svg|webp|bmp|avif)",
    re.IGNORECASE,
)


def write_out(root: "HtmlElement") -> None:
    """Append addresses to the texts of links, and replace pictures by their descriptions."""
    for picture in root.iter("img"):
        described = one_line(picture.get("alt", ""))
        if not _NO_DESCRIPTION.fullmatch(described):
            picture.tail = f" {described} {picture.tail or ''}"
    links = [link for link in root.iter("a") if link.get("href")]
    hosts = Counter(_host(link.get("href")) for link in links)
    own = {host for host, count in hosts.items() if count > _MOST_TO_A_HOST}
    own.update(_host(link.get("href", "")) for link in root.iter("link") if _is_canonical(link))
    for link in links:
        address = _address(link.get("href"), own)
        text = " ".join("".join(link.itertext()).split())
        known = {text, *text.split(), f"https://{text}", f"http://{text}", f"{text}/"}
        if address and text and address not in known and not _stands_alone(link):
            _append(link, f" ({one_line(address)})")


def _host(href: str) -> str:
    try:
        return urlsplit(href.strip()).netloc.lower()
    except ValueError:  # brackets that are no IPv6 address
        return ""


def _address(href: str, own: set[str]) -> str:
    """The address to write; empty if it is of no use, or too long."""
    href = href.strip()
    if len(href) > _LONGEST:
        return ""
    kind, _, rest = href.partition(":")
    if kind.lower() in ("mailto", "tel"):
        return unquote(rest.partition("?")[0])
    try:
        parts = urlsplit(href)
    except ValueError:
        return ""
    is_page = parts.scheme.lower() in ("http", "https") and parts.netloc.lower() not in own
    is_file = parts.scheme.lower() in ("http", "https", "") and _FILE.search(parts.path)
    return href if is_page or is_file else ""


def _is_canonical(link: "HtmlElement") -> bool:
    return bool(link.get("rel", "").lower() == "canonical")


def _stands_alone(link: "HtmlElement") -> bool:
    """Whether a link is in a heading or in code, which stay as they are."""
    around = link.iterancestors("h1", "h2", "h3", "h4", "h5", "h6", "pre", "code")
    return next(around, None) is not None


def _append(element: "HtmlElement", text: str) -> None:
    """Append text to an element."""
    if len(element):
        element[-1].tail = f"{(element[-1].tail or '').rstrip()}{text}"
    else:
        element.text = f"{(element.text or '').rstrip()}{text}"
