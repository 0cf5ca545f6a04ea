"""Words, numbers with their points, and names of several words."""

# ruff: noqa: RUF001 - texts of other scripts are tested

import pytest

from ragcl.text.words import content_words, parts, stems


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Jetty 9.4 and v3.12", ["jetty", "9.4", "and", "3.12"]),
        ("latestReleaseDate: 2024-11-01", ["latest", "release", "date", "2024-11-01"]),
        ("an mp3, 1,000 of them", ["an", "mp3", "1,000", "of", "them"]),
        ("snake_case 2021.3f", ["snake", "case", "2021", "3f"]),
        ("Größe: naïve", ["größe", "naïve"]),
        ("版本3.12发布于2024年", ["版本", "3.12", "发布", "于", "2024", "年"]),
        ("ＬｏＲＡの秩は８です", ["lo", "ra", "の", "秩", "は", "8", "です"]),
        ("नमस्ते १२.५ मीटर", ["नमस्ते", "12.5", "मीटर"]),
        ("", []),
    ],
)
def test_a_number_is_one_word_and_a_name_is_several(text: str, found: list[str]) -> None:
    assert parts(text) == found


def test_forms_of_a_word_have_one_stem_and_numbers_keep_their_end() -> None:
    assert stems("releases") == stems("released") == {"relea"}
    assert stems("2024-11-01") == {"2024-11-01"}


def test_words_that_carry_no_meaning_are_left_out() -> None:
    assert content_words("白鹭礁灯塔的守塔人是谁？") == ["白鹭", "礁", "灯塔", "守", "塔", "人"]
    assert content_words("Кто смотритель маяка?") == ["смотритель", "маяка"]
    assert content_words("What is the depth of berth 3.2?") == ["depth", "berth", "3.2"]
