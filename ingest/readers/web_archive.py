"""Web pages that a browser saved in one file (MHTML): the page, read as HTML."""

from ingest.errors import ReadError
from ingest.readers.document import Parsed, counted
from ingest.readers.encoding import decode
from ingest.readers.web import read_html


def read_web_archive(data: bytes, name: str) -> Parsed:
    """The sections of the page; the frames within it are not read."""
    import email

    message = email.message_from_bytes(data.lstrip())
    pages = [part for part in message.walk() if part.get_content_type() == "text/html"]
    content = pages[0].get_payload(decode=True) if pages else None
    if not isinstance(content, bytes):
        raise ReadError("not a saved web page: it holds no HTML")
    text = decode(content, declared=pages[0].get_content_charset())
    title, sections = read_html(text.encode(), name)
    frames = [f"{counted(len(pages) - 1, 'frame')} of the page not read"] if pages[1:] else []
    return Parsed(title, sections, frames)
