"""Chinese numerals are the numbers that they are, and pieces of words are none."""

import pytest

from ragcl.text.numerals import counts_on, phone_numbers, with_digits


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("塔身高四十三米", "塔身高43米"),
        ("二百零六级", "206级"),
        ("二〇二六年三月一日", "2026年3月1日"),
        ("一万零五百人", "10500人"),
        ("三千五百二十八万元", "35280000元"),
        ("1.5亿元", "150000000元"),
        ("百分之三十", "30%"),
        ("百分之2.5", "2.5%"),
        ("十二点", "12点"),
        ("百二十一", "121"),
        ("三", "3"),
    ],
)
def test_a_numeral_is_a_number(text: str, digits: str) -> None:
    assert with_digits(text) == digits


@pytest.mark.parametrize(
    "text",
    ["一起", "万一", "张三", "星期三", "周三晚上", "四五米", "三百五", "5千米", "千米", "depth"],
)
def test_a_piece_of_a_word_or_an_ambiguous_number_stays(text: str) -> None:
    assert with_digits(text) == text


def test_a_number_goes_on_with_what_it_counts() -> None:
    assert counts_on("每5年", 2)
    assert counts_on("1900 年", 4)
    assert counts_on("高四十三米", 4)
    assert counts_on("高四十三米", 3)
    assert not counts_on("高四十三米", 1)
    assert not counts_on("三米", 0)
    assert not counts_on("每5年", 3)
    assert not counts_on("45 crowns", 2)
    assert not counts_on("5", 1)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Call +44 20 7946 0321, day or night.", ["+44 20 7946 0321"]),
        ("call 020 7946 0321 or +49-30-1234", ["020 7946 0321", "+49-30-1234"]),
        ("+44 (0)20 7946 0321", ["+44 (0)20 7946 0321"]),
        ("on 05-07-2031 at 12:30, 12 750 boats", []),
        ("0.5 to 0.7 metres, 2019 2020 2021", []),
    ],
)
def test_phone_numbers_are_found_whole(text: str, numbers: list[str]) -> None:
    assert [text[start:end] for start, end in phone_numbers(text)] == numbers
