"""Subtitles: what is said, as text, under the time at which it is said."""

from pathlib import Path

import pytest

from ingest import ReadError, read

SRT = """1
00:00:01,000 --> 00:00:03,500
<i>We meet at the</i>
{\\an8}north gate.

2
00:00:04,000 --> 00:00:06,000
Bring 3 ropes.
3
00:01:02,000 --> 00:01:05,000
The crane
"""
VTT = """WEBVTT - a meeting

STYLE
::cue { color: red }

NOTE nobody says this

intro
00:05.000 --> 00:07.000 align:start
<v Ada Holm>The berth is <c.loud>closed</c>.

01:00:00.000 --> 01:00:02.000
<v Ada Holm>The berth is closed.
Until <00:00:08.000>Monday.
"""


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "a.srt",
            SRT,
            [
                (("0:00:01",), "We meet at the\nnorth gate.\nBring 3 ropes."),
                (("0:01:02",), "The crane"),
            ],
        ),
        (
            "a.vtt",
            VTT,
            [
                (("0:00:05",), "Ada Holm: The berth is closed."),
                (("1:00:00",), "Ada Holm: The berth is closed.\nUntil Monday."),
            ],
        ),
    ],
)
def test_what_is_said_is_read_without_numbers_marks_and_comments(
    tmp_path: Path, name: str, content: str, expected: list[tuple[tuple[str, ...], str]]
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")

    document = read(tmp_path / name)

    assert [(one.heading, one.text) for one in document.sections] == expected


def test_a_line_that_a_live_caption_repeats_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "a.vtt"
    path.write_text(
        "WEBVTT\n\n00:01.000 --> 00:02.000\nThe tide is\n\n00:02.000 --> 00:03.000\nThe tide is\n"
        "high at noon\n"
    )

    [section] = read(path).sections

    assert section.text == "The tide is\nhigh at noon"


def test_what_has_no_times_is_no_subtitles(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_text("Only words.")

    with pytest.raises(ReadError, match="not subtitles"):
        read(path)
