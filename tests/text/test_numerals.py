"""Chinese numerals are the numbers that they are, and pieces of words are none."""

import pytest

from ragcl.text.numerals import counts_on, leading_number, phone_numbers, with_digits


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("塔身高四十三米", "塔身高43米"),
        ("二百零六级", "206级"),
        ("二〇二六年三月一日", "2026年3月1日"),
        ("一万零五百人", "10500人"),
        ("三千五百二十八万元", "35280000元"),
        ("1.5亿元", "150000000元"),
        ("1,234万", "12340000"),
        ("1万5000円", "15000円"),
        ("3万5千円", "35000円"),
        ("1亿二千万", "120000000"),
        ("1億2,345万6789円", "123456789円"),
        ("1万零500", "10500"),
        ("5千万円", "50000000円"),
        ("三点五米", "3.5米"),
        ("十二点五公里", "12.5公里"),
        ("三点零五米", "3.05米"),
        ("三点五万元", "35000元"),
        ("三点五", "3.5"),
        ("百分之五点五", "5.5%"),
        ("百分之五至六", "5%至6"),
        ("千分之三", "3‰"),
        ("三分之二", "2/3"),
        ("三到五米", "3到5米"),
        ("九時から十七時", "9時から17時"),
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
    [
        "3万5元",
        "5千葉",
        "1万5千米",
        "一起",
        "万一",
        "张三",
        "星期三",
        "周三晚上",
        "四五米",
        "三百五",
        "5千米",
        "千米",
        "depth",
    ],
)
def test_a_piece_of_a_word_or_an_ambiguous_number_stays(text: str) -> None:
    assert with_digits(text) == text


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("三点五分", "3点5分"),
        ("三点五十分", "3点50分"),
        ("三点二十", "3点20"),
        ("三点一起", "3点一起"),
        ("三点零五", "3点零五"),
    ],
)
def test_a_time_is_no_decimal(text: str, digits: str) -> None:
    assert with_digits(text) == digits


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("The berth is 11.4 metres", "11.4"),
        ("on 2024-05-07 at noon", "2024-05-07"),
        ("from 11:50 on", "11:50"),
        ("since 5/7/2024 or so", "5/7/2024"),
        ("3-5 metres", "3-5"),
        ("3\u20135 metres", "3\u20135"),
        ("release v3.2.1 is", "3.2.1"),
        ("has 12 750 boats", "12 750"),
        ("in 2024 300 boats", "300"),
        ("価格は1万5000円です", "1万5000"),
        ("价格1亿2000万元", "1亿2000万"),
        ("水深三点五米", "三点五"),
        ("税率百分之五点五。", "百分之五点五"),
        ("水深3到5米", "3到5"),
    ],
)
def test_nothing_begins_or_ends_within_a_number(text: str, whole: str) -> None:
    start = text.index(whole)

    assert not counts_on(text, start)
    assert all(counts_on(text, at) for at in range(start + 1, start + len(whole)))


def test_a_number_of_any_length_can_be_read() -> None:
    text = "9" * 5000 + "万"

    assert with_digits(text) == text
    assert with_digits(f"1.{text}") == f"1.{text}"


def test_numbers_in_a_list_are_several() -> None:
    assert not any(counts_on("2, 3 and 4.", at) for at in range(11))


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


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("四十三米\uff0c没有电梯", ("四十三", "43")),
        ("1万5000円", ("1万5000", "15000")),
        ("\uff11\uff11メートル", ("\uff11\uff11", "11")),
        ("\u0661\u0661 متر", ("\u0661\u0661", "11")),
        ("43米", None),
        ("一起去", None),
        ("三点开会", None),
        ("五点五米", None),
        ("塔身高四十三米", None),
        ("", None),
    ],
)
def test_a_number_at_the_beginning_has_digits_of_ascii(
    text: str, number: tuple[str, str] | None
) -> None:
    assert leading_number(text) == number
