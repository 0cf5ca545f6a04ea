"""E-mail (.eml, Outlook's .msg): who, when, about what, the text; attachments only by name.

Knows how a message is made of parts; what is in a part is for the readers of HTML and calendars.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.cleaning import normalise
from ingest.errors import ReadError
from ingest.readers.calendar import calendar_sections
from ingest.readers.document import Metadata, Parsed, Section
from ingest.readers.encoding import decode
from ingest.readers.web import read_html

if TYPE_CHECKING:
    from email.message import Message

_MAX_MULTIPARTS = 100
_MAX_FORWARDED = 10  # messages within messages
_NOT_SHOWN = frozenset({"text/css", "text/rtf", "text/x-amp-html", "text/vcard", "text/x-vcard"})
_WORD = re.compile(r"\w+")
_MAX_HEADER = 2_000  # characters: some long lists of recipients are cut


def read_eml(data: bytes, name: str) -> Parsed:
    """What a mail program shows of a message; the subject is the title."""
    import email

    if data.lower().count(b"boundary=") > _MAX_MULTIPARTS:
        raise ReadError(f"more than {_MAX_MULTIPARTS} parts that are made of parts")
    # Not the newer policy, which parses every header into objects: a long one takes it minutes.
    message = email.message_from_bytes(data.lstrip())
    if not any(key in message for key in ("From", "To", "Subject", "Date")):
        raise ReadError("not an e-mail: it has no header lines")
    attached: list[str] = []
    title, sections = _read_message(message, attached, depth=0)
    return Parsed(title or name, sections, _not_read(attached))


def _read_message(message: "Message", attached: list[str], depth: int) -> tuple[str, list[Section]]:
    """The subject and the sections of a message; names of its attachments go to `attached`."""
    own: list[str] = []
    body = list(dict.fromkeys(_sections(message, own, depth)))
    facts = [(key, str(message.get(key, ""))) for key in ("From", "To", "Cc", "Date")]
    facts.append(("Attachments", _names(own)))
    attached += own
    return _message(str(message.get("Subject", "")), facts, body)


def _sections(part: "Message", attached: list[str], depth: int) -> Iterator[Section]:
    """The sections of a part and of all in it, in the order in which they are shown."""
    kind = part.get_content_type()
    if kind == "message/rfc822" and part.is_multipart():
        if depth == _MAX_FORWARDED:
            attached.append(part.get_filename() or "a forwarded message")
        else:
            for message in _parts(part):
                yield from _read_message(message, attached, depth + 1)[1]
    elif kind != "text/calendar" and (
        part.get_filename() or part.get_content_disposition() == "attachment"
    ):
        attached.append(part.get_filename() or "a file without a name")
    elif part.is_multipart():
        found = [
            (one.get_content_type(), list(_sections(one, attached, depth))) for one in _parts(part)
        ]
        if kind == "multipart/alternative":
            # An invitation is no other form of the text: it says when.
            dates = [sections for kind, sections in found if kind == "text/calendar"]
            yield from _best([sections for kind, sections in found if kind != "text/calendar"])
            found = [("text/calendar", sections) for sections in dates]
        for _, sections in found:
            yield from sections
    elif part.get_content_maintype() == "text" and kind not in _NOT_SHOWN:
        content = part.get_payload(decode=True)
        if isinstance(content, bytes) and content.strip():
            charset = part.get_content_charset("")
            if not charset.startswith(("utf-16", "utf-32")):
                content = content.replace(b"\x00", b"")  # encoded, it says nothing of the file
            yield from _body(decode(content, declared=charset or None), kind)


def _parts(part: "Message") -> Iterator["Message"]:
    """What a part is made of."""
    payload = part.get_payload()
    for one in payload if isinstance(payload, list) else ():
        if not isinstance(one, str):
            yield one


def _best(forms: list[list[Section]]) -> list[Section]:
    """Of the forms of one text the first, which is the plainest, if it says what the others say.

    Else it is no form of that text, as one that only says that there is another: then the last,
    which RFC 2046 (5.1.4) has as the richest, or one that is far longer.
    """
    said = [set(_WORD.findall(" ".join(one.text.lower() for one in form))) for form in forms]
    filled = [(form, words) for form, words in zip(forms, said, strict=True) if words]
    for form, words in filled:
        if all(len(words & other) * 2 >= len(other) for _, other in filled):
            return form
    if not filled:
        return []
    longest = max(filled, key=lambda both: len(both[1]))
    return longest[0] if len(longest[1]) > 4 * len(filled[-1][1]) else filled[-1][0]


def mail_metadata(data: bytes) -> Metadata:
    """From, to, cc, subject and date, as the message says them."""
    from email.parser import BytesHeaderParser

    headers = BytesHeaderParser().parsebytes(data.lstrip())
    return {
        key: tuple(_plain(str(value)) for value in headers.get_all(key, ()))
        for key in ("from", "to", "cc", "subject", "date")
    }


def read_msg(data: bytes, name: str) -> Parsed:
    """The same for a message that Outlook saved."""
    from oxmsg import Message

    message = Message.load(data)
    headers = {key.lower(): value for key, value in message.message_headers.items()}
    recipients = _names(f"{one.name} <{one.email_address}>" for one in message.recipients)
    date = str(message.sent_date or "") or headers.get("date", "")
    attached = [one.file_name or "a file without a name" for one in message.attachments]
    facts = [
        ("From", message.sender or headers.get("from", "")),
        ("To", headers.get("to", "") or recipients),
        ("Cc", headers.get("cc", "")),
        ("Date", date),
        ("Attachments", _names(attached)),
    ]
    plain, markup = message.body or "", message.html_body or ""
    body = _best([_body(plain, "text/plain"), _body(markup, "text/html")])
    title, sections = _message(message.subject or "", facts, body)
    return Parsed(title or name, sections, _not_read(attached))


def _message(
    subject: str, facts: Iterable[tuple[str, str]], body: list[Section]
) -> tuple[str, list[Section]]:
    """Title and sections of a message put together: the subject is the title and the heading."""
    title = _plain(subject)
    lines = [f"{key}: {_plain(value)}" for key, value in facts if value.strip()]
    sections = [Section((), normalise("\n".join(lines))), *body] if lines else body
    heading = (title,) if title else ()
    return title, [replace(one, heading=(*heading, *one.heading)) for one in sections]


def _body(text: str, kind: str) -> list[Section]:
    """The sections of a text of this media type."""
    if kind == "text/html":
        return read_html(text.encode("utf-8", "replace"), "")[1]
    if kind == "text/calendar":
        return calendar_sections(normalise(text))
    text = normalise(text).strip("\n")
    return [Section((), text)] if text.strip() else []


def _not_read(attached: list[str]) -> list[str]:
    """The note about attachments."""
    return [f"attachments are not read: {_names(attached)}"] if attached else []


def _plain(header: str) -> str:
    """A header's value on one line, without the encoding in which it was sent."""
    from email.header import decode_header, make_header

    header = header[:_MAX_HEADER]
    with suppress(ValueError, LookupError):  # encoded in no way that is known: as it stands
        header = str(make_header(decode_header(header)))
    return " ".join(normalise(header).split())


def _names(names: Iterable[str | None]) -> str:
    """Names in one line."""
    return ", ".join(name for name in names if name)
