"""E-mail (.eml, Outlook's .msg, mailboxes): who, when, about what, the text and the attachments.

Knows the parts of a message; the reader of its format reads a part.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest.cleaning import normalise
from ingest.errors import ReadError
from ingest.readers.calendar import calendar_sections
from ingest.readers.document import Metadata, Parsed, Section, counted
from ingest.readers.encoding import decode
from ingest.readers.web import read_html

if TYPE_CHECKING:
    from email.message import Message

_MAX_MULTIPARTS = 100
_MAX_FORWARDED = 10  # messages within messages
_MAX_MESSAGES = 5_000  # of a mailbox
_MAX_ATTACHED = 200  # attachments of a file that are read
_MAX_ATTACHED_CHARS = 1_000_000  # of the text of all of them
_MAX_NAMED = 10  # attachments that a note names
_NOT_SHOWN = frozenset({"text/css", "text/rtf", "text/x-amp-html", "text/vcard", "text/x-vcard"})
NAMELESS = "a file without a name"
_WORD = re.compile(r"\w+")
_NOT_SAID = re.compile(r"\w+://\S+|\bcolumn \d+:")
_MAX_HEADER = 2_000  # characters: some long lists of recipients are cut


def read_eml(data: bytes, name: str) -> Parsed:
    """The text of a message as a mail program shows it; the subject is the title."""
    attachments = _Attachments()
    title, sections = _read_bytes(data, attachments)
    return Parsed(title or name, sections, attachments.notes())


def _read_bytes(data: bytes, attachments: "_Attachments") -> tuple[str, list[Section]]:
    """The subject and the sections of a message."""
    import email

    if data.lower().count(b"boundary=") > _MAX_MULTIPARTS:
        raise ReadError(f"more than {_MAX_MULTIPARTS} parts that are made of parts")
    # Not the newer policy, which takes minutes to parse a long header.
    message = email.message_from_bytes(data.lstrip())
    if not any(key in message for key in ("From", "To", "Subject", "Date")):
        raise ReadError("not an e-mail: it has no header lines")
    return _read_message(message, attachments, depth=0)


def read_mailbox(data: bytes, name: str) -> Parsed:
    """The messages of a mailbox (mbox, RFC 4155); of too many only the last, the newest."""
    starts = [one.end() for one in re.finditer(rb"(?:\A|\n\r?\n)From [^\r\n]*\r?\n", data)]
    if not starts or data[:5] != b"From ":
        raise ReadError("not a mailbox: it does not begin as one")
    attachments = _Attachments()
    sections: list[Section] = []
    wrong = 0
    kept = starts[-_MAX_MESSAGES:]
    ends = [data.rfind(b"\nFrom ", 0, start) for start in kept[1:]] + [len(data)]
    for start, end in zip(kept, ends, strict=True):
        message = re.sub(rb"(?m)^>(>*From )", rb"\1", data[start:end])
        try:
            sections += _read_bytes(message, attachments)[1]
        except ReadError:
            wrong += 1
    notes = attachments.notes()
    if len(starts) > len(kept):
        notes.append(f"the first {counted(len(starts) - len(kept), 'message')} left out")
    if wrong:
        notes.append(f"{counted(wrong, 'message')} could not be read")
    return Parsed(name, sections, notes)


@dataclass(frozen=True)
class _Attached:
    """An attachment: its name, and its bytes; None: they are not read."""

    name: str
    data: bytes | None = None


class _Attachments:
    """Reads the attachments of a file within limits, and notes those that are not read."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._read = self._chars = 0
        self._not_read: list[str] = []
        self._left_out: list[str] = []

    def sections(self, attached: Iterable[_Attached]) -> Iterator[Section]:
        """The sections of attachments, each below its name, without line numbers."""
        for one in attached:
            try:
                found = self._parsed(one)
            except ReadError as error:
                self._not_read.append(f"{one.name} ({error})")
                continue
            if found is None:
                self._not_read.append(one.name)
                continue
            self._left_out += [f"{one.name}: {note}" for note in found.notes]
            for section in found.sections:
                yield replace(section, heading=(one.name, *section.heading), first_line=None)

    def _parsed(self, attached: _Attached) -> Parsed | None:
        """The parsed attachment; None if it has no reader, or is one too many."""
        from ingest.readers import read_attached

        if self._read == _MAX_ATTACHED or attached.data is None:
            return None
        found = read_attached(attached.name, attached.data)
        if found is not None:
            self._read += 1
            self._chars += sum(len(section.text) for section in found.sections)
            if self._chars > _MAX_ATTACHED_CHARS:
                raise ReadError("the attachments hold too much text")
        return found

    def notes(self) -> list[str]:
        """The notes about what is not read."""
        found = [f"attachments are not read: {_listed(self._not_read)}"] if self._not_read else []
        return [*found, *([f"of attachments {_listed(self._left_out)}"] if self._left_out else [])]


def _read_message(
    message: "Message", attachments: _Attachments, depth: int
) -> tuple[str, list[Section]]:
    """The subject and the sections of a message, those of its attachments last."""
    own: list[_Attached] = []
    body = list(dict.fromkeys(_sections(message, own, attachments, depth)))
    body += attachments.sections(own)
    facts = [(key, str(message.get(key, ""))) for key in ("From", "To", "Cc", "Date")]
    facts.append(("Attachments", _names(one.name for one in own)))
    return _message(str(message.get("Subject", "")), facts, body)


def _sections(
    part: "Message", own: list[_Attached], attachments: _Attachments, depth: int
) -> Iterator[Section]:
    """The sections of a part and of the parts in it, in the order in which they are shown."""
    kind = part.get_content_type()
    if kind == "message/rfc822" and part.is_multipart():
        if depth == _MAX_FORWARDED:
            own.append(_Attached(_plain(part.get_filename() or "a forwarded message")))
        else:
            for message in _parts(part):
                yield from _read_message(message, attachments, depth + 1)[1]
    elif kind != "text/calendar" and (
        part.get_filename() or part.get_content_disposition() == "attachment"
    ):
        content = part.get_payload(decode=True)
        name = _plain(part.get_filename() or NAMELESS)
        own.append(_Attached(name, content if isinstance(content, bytes) else None))
    elif part.is_multipart():
        found = [
            (one.get_content_type(), list(_sections(one, own, attachments, depth)))
            for one in _parts(part)
        ]
        if kind == "multipart/alternative":
            # An invitation is no alternative of the text: it has the date.
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
                content = content.replace(b"\x00", b"")  # after decoding no sign of a binary
            yield from _body(decode(content, declared=charset or None), kind)


def _parts(part: "Message") -> Iterator["Message"]:
    """The parts of a part."""
    payload = part.get_payload()
    for one in payload if isinstance(payload, list) else ():
        if not isinstance(one, str):
            yield one


def _best(forms: list[list[Section]]) -> list[Section]:
    """The best of alternative forms: the first and plainest one that has the words of the others.

    Of two with the same words it is the richer one if the plainer lacks its figures or a table.

    The plain form may only refer to another one. Then the last is taken, which is the richest by
    RFC 2046 (5.1.4), or one that is far longer.
    """
    said = [_said(form) for form in forms]
    filled = [(form, words) for form, words in zip(forms, said, strict=True) if words]
    for number, (form, words) in enumerate(filled):
        if all(len(words & other) * 2 >= len(other) for _, other in filled):
            others = filled[:number:-1]
            return next((one for one, its in others if _is_richer(one, its, words)), form)
    if not filled:
        return []
    longest = max(filled, key=lambda both: len(both[1]))
    return longest[0] if len(longest[1]) > 4 * len(filled[-1][1]) else filled[-1][0]


def _is_richer(form: list[Section], said: set[str], words: set[str]) -> bool:
    """Whether a form has the words of a plainer one, and figures or a table that this lacks.

    `said` are the words of the form, `words` those of the plainer one.
    """
    if len(words & said) * 2 < len(words):
        return False
    more = len(_figures(said - words)) > len(_figures(words - said))
    tables = (_said([section]) for section in form if section.kind == "table")
    return more or any(len(table - words) * 2 > len(table) for table in tables)


def _said(form: list[Section]) -> set[str]:
    """The words of a form in lower case, without addresses and numbers of columns."""
    text = "\n".join(section.text.lower() for section in form)
    return set(_WORD.findall(_NOT_SAID.sub(" ", text)))


def _figures(words: set[str]) -> list[str]:
    return [word for word in words if any(sign.isdigit() for sign in word)]


def mail_metadata(data: bytes) -> Metadata:
    """From, to, cc, subject and date of the headers."""
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
    attached = [_Attached(one.file_name or NAMELESS, one.file_bytes) for one in message.attachments]
    facts = [
        ("From", message.sender or headers.get("from", "")),
        ("To", headers.get("to", "") or recipients),
        ("Cc", headers.get("cc", "")),
        ("Date", date),
        ("Attachments", _names(one.name for one in attached)),
    ]
    plain, markup = message.body or "", message.html_body or ""
    body = _best([_body(plain, "text/plain"), _body(markup, "text/html")])
    attachments = _Attachments()
    body = [*body, *attachments.sections(attached)]
    title, sections = _message(message.subject or "", facts, body)
    return Parsed(title or name, sections, attachments.notes())


def _message(
    subject: str, facts: Iterable[tuple[str, str]], body: list[Section]
) -> tuple[str, list[Section]]:
    """Title and sections of a message; the subject is the title and the heading."""
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


def _plain(header: str) -> str:
    """A header's value, decoded, on one line."""
    from email.header import decode_header, make_header

    header = header[:_MAX_HEADER]
    with suppress(ValueError, LookupError):  # an unknown encoding: left as it is
        header = str(make_header(decode_header(header)))
    return " ".join(normalise(header).split())


def _listed(names: list[str]) -> str:
    """The first few names, and the number of the others."""
    more = len(names) - _MAX_NAMED
    return _names(names[:_MAX_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _names(names: Iterable[str | None]) -> str:
    """Names in one line."""
    return ", ".join(name for name in names if name)
