"""Subtitles (SubRip, WebVTT): what is said, in sections of about a minute under their time.

A cue is a piece of a sentence, so that the cues of a section are one paragraph.
"""

import re
from collections.abc import Iterator

from ingest.errors import ReadError
from ingest.readers.document import Section
from ingest.readers.encoding import decode

_SECTION_SECONDS = 60
_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,]\d{1,3}"
_TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}.*")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
_MARKS = re.compile(r"</?[A-Za-z0-9][^<>]*>|\{\\[^{}]*\}")
_NOT_SAID = re.compile(r"(?:WEBVTT|NOTE|STYLE|REGION)\b")


def read_subtitles(data: bytes, name: str) -> tuple[str, list[Section]]:
    """What is said, without numbers, styles and comments."""
    cues = list(_cues(decode(data)))
    if not cues:
        raise ReadError("not subtitles: no line says from when to when")
    sections: list[Section] = []
    said: list[str] = []
    begun = 0
    for seconds, lines in cues:
        if said and seconds - begun >= _SECTION_SECONDS:
            sections.append(Section((_clock(begun),), "\n".join(said)))
            said = []
        if not said:
            begun = seconds
        # The cues of a live caption repeat the line before.
        said += [line for line in lines if line not in said[-2:]]
    if said:
        sections.append(Section((_clock(begun),), "\n".join(said)))
    return name, sections


def _cues(text: str) -> Iterator[tuple[int, list[str]]]:
    """The start in seconds and the lines of each cue."""
    start: int | None = None
    lines: list[str] = []
    all_lines = text.split("\n")
    for number, line in enumerate(all_lines):
        timing = _TIMING.fullmatch(line)
        if timing:
            if start is not None:
                yield start, lines
            hours, minutes, seconds = (int(timing[group] or 0) for group in (1, 2, 3))
            start, lines = 3600 * hours + 60 * minutes + seconds, []
            continue
        following = all_lines[number + 1] if number + 1 < len(all_lines) else ""
        if _TIMING.fullmatch(following) or _NOT_SAID.match(line):  # its number or name; a comment
            if start is not None:
                yield start, lines
            start, lines = None, []
        elif start is not None and (said := _said(line)):
            lines.append(said)
    if start is not None:
        yield start, lines


def _said(line: str) -> str:
    """A line of a cue without its marks, the speaker in front."""
    line = _VOICE.sub(lambda voice: f"{voice[1].strip()}: ", line)
    return " ".join(_MARKS.sub("", line).split())


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
