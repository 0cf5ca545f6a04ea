"""Numbers in words and in groups: Chinese numerals, of which Japanese are some, and phone numbers.

A numeral alone may be a piece of a word (一起, 万一, 张三). So only what is certainly a number is
read: several numerals in a row, or one before what is counted or measured, or in a range. Knows no
units.
"""

import re
from fractions import Fraction
from functools import lru_cache

from ragcl.text.scripts import as_ascii

DIGITS = {
    numeral: value
    for value, numerals in enumerate(
        ("〇零", "一壹", "二两兩貳贰", "三叁參", "四肆", "五伍", "六陆陸", "七柒", "八捌", "九玖")
    )
    for numeral in numerals
}
_TENS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_GROUPS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8, "兆": 10**12}
_ALL = "".join([*DIGITS, *_TENS, *_GROUPS])
# Those in daily use: the formal ones are parts of words, too, as in 陆续 and 參加.
NUMERALS = frozenset("〇零一二两兩三四五六七八九十百千万萬亿億兆")
# What is counted, measured or dated; with the first character of longer ones, as of 小时.
_COUNTED = (
    "个個人位名次年月日号號天周週点點时時分秒米克吨噸元円级級层層岁歲件条條艘座台辆輛倍度里升伏瓦公厘毫"
    "页頁章节節种種只隻本张張小海平立摄攝欧歐美英枚匹キセミグメトリワボヘパユドか"
)
_ANY = re.compile(f"[{_ALL}]")
_ONE = f"{''.join(DIGITS)}十"
_PART = f"[点點]([{''.join(DIGITS.keys() - set('两兩'))}]+)"  # of a decimal, or of an hour
_SHARE = re.compile(rf"([{_ALL}]+|\d+)分之(?:([{_ALL}]+)(?:{_PART}(?![{_ALL}]))?|(\d+(?:\.\d+)?))")
# 三点五米 is a decimal; 三点五分 and 三点五十 are times, and 三点零五 may be one.
_DECIMAL = re.compile(
    rf"(?<![\d{_ALL}])([{_ALL}]+){_PART}"
    rf"(?:(?=[{re.sub('[点點时時分]', '', _COUNTED)}{''.join(_GROUPS)}]|分[钟鐘]|千[米克瓦])"
    rf"|(?<![点點][零〇].)(?!\w))"
)
_UP_TO = "到|至|から|[-~\u2013\uff5e\u301c]"
_SOME = re.compile(
    rf"(?<!\d)(?:[{_ALL}]{{2,}}|[{_ONE}](?=[{_COUNTED}]|(?:{_UP_TO})[\d{_ONE}])"
    rf"|(?:(?<=[\d%{_ONE}][到至])|(?<=[\d{_ONE}]から)|(?<!\w))[{_ONE}](?!\w))(?!\d)"
)
_GROUPED = r"\d{1,15}(?:,\d{3}){0,5}(?:\.\d{1,15})?"  # of a length that can be converted
_MIXED = re.compile(
    rf"(?<!\d)(?<!\d[.,]){_GROUPED}[{''.join([*_TENS, *_GROUPS])}](?:{_GROUPED}|[{_ALL}])*"
)
_PIECES = re.compile(rf"{_GROUPED}|[{_ALL}]")
_LEADING = re.compile(rf"[\d{_ALL}](?:[.,\uff0e\uff0c]?[\d{_ALL}])*")
_COUNTING = re.compile(rf"[\d{_ALL}] ?[{_COUNTED}{_ALL}]")
# All of a number, time, date or range: nothing within is a number of its own.
_WHOLE = re.compile(
    r"\d{1,3}(?:[ \u00a0\u2007\u2009\u202f]\d{3})+(?!\d)(?:[.,]\d+)?"
    rf"|[\d{_ALL}]+(?:(?:[.,:/'\u2019\u066b\u066c\uff0e\uff1a点點]|分之|{_UP_TO})[\d{_ALL}]+)*"
)
_WEEK = re.compile(r"(?:星期|礼拜|禮拜|周|週)$")

# With a country code, in any groups; or with a leading 0, in three groups or more.
_PHONE = re.compile(
    r"(?<![\w.,+])(?:\+\d[\d()]*(?:[ \u00a0\u202f/-]\(?\d[\d)]*)+"
    r"|0\d+(?:[ \u00a0\u202f]\d+){2,})(?![\w.,:]?\d)"
)


@lru_cache
def phone_numbers(text: str) -> tuple[tuple[int, int], ...]:
    """Where the phone numbers in groups of digits begin and end."""
    return tuple(one.span() for one in _PHONE.finditer(text))


@lru_cache
def _wholes(text: str) -> tuple[tuple[int, int], ...]:
    """Where numbers, times, dates and ranges without spaces begin and end, whatever is in them."""
    return tuple(one.span() for one in _WHOLE.finditer(text))


def with_digits(text: str) -> str:
    """The text with Chinese numerals as digits: 三点五米 as 3.5米, 百分之五 as 5%, 3万 as 30000."""
    if not _ANY.search(text):
        return text
    text = _DECIMAL.sub(_decimal, _SHARE.sub(_share, text))
    return _MIXED.sub(_mixed, _SOME.sub(_written, text))


def leading_number(text: str) -> tuple[str, str] | None:
    """The number that a text begins with, and the same in ASCII digits: 四十三 is 43.

    None if there is none, or if it is so written already.
    """
    number = _LEADING.match(text)
    if not number or number[0].isascii():
        return None
    behind = text[number.end() : number.end() + 1]
    if behind and behind in "点點分":  # of a decimal, a time or a share, which goes on
        return None
    digits = with_digits(as_ascii(number[0] + behind)).removesuffix(as_ascii(behind))
    return (number[0], digits) if digits.isascii() else None


def counts_on(text: str, at: int) -> bool:
    """Whether a number goes on at a place of a text, or with what it counts: 1.5, 5年, 四十三."""
    if at > 0 and _COUNTING.match(text, at - 1):
        return True
    return any(start < at < end for start, end in (*_wholes(text), *phone_numbers(text)))


def _share(found: re.Match[str]) -> str:
    """百分之五点五 as 5.5%, 三分之二 as 2/3."""
    of, whole, part, digits = found.groups()
    share = digits or _number(whole)
    parts = {"百": "100", "千": "1000"}.get(of) or _number(of)
    if not share or not parts:
        return found[0]
    share += _part(part)
    return share + {"100": "%", "1000": "\u2030"}.get(parts, f"/{parts}")


def _decimal(found: re.Match[str]) -> str:
    whole = _number(found[1])
    return f"{whole}{_part(found[2])}" if whole else found[0]


def _part(numerals: str | None) -> str:
    return "." + "".join(str(DIGITS[one]) for one in numerals) if numerals else ""


def _written(found: re.Match[str]) -> str:
    numerals, text = found[0], found.string
    if _WEEK.search(text, max(0, found.start() - 2), found.start()):
        return numerals
    if len(numerals) == 2 and DIGITS.keys() >= set(numerals) and text[found.end() :][:1] != "年":
        return numerals  # 四五米 is four or five
    return _number(numerals) or numerals


def _mixed(found: re.Match[str]) -> str:
    """1万5000 and 1万5千 as 15000; but 5千米 are kilometres, and 千 may begin a word."""
    run, behind = found[0], found.string[found.end() :][:1]
    kilo, word = behind in ("米", "克", "瓦"), behind.isalnum() and behind not in _COUNTED
    if run[-1] in _TENS and (kilo or word):
        return run
    return _number(run) or run


def _number(numerals: str) -> str | None:
    """The number in digits; None if it is none, or another in Chinese than in Japanese."""
    if DIGITS.keys() >= set(numerals):
        return "".join(str(DIGITS[one]) for one in numerals)
    pieces = _PIECES.findall(numerals)
    one_digit = len(pieces[-1]) == 1 and pieces[-1] not in _TENS | _GROUPS
    if one_digit and len(pieces) > 1 and (_TENS | _GROUPS).get(pieces[-2], 0) > 10:
        return None  # 三百五 is 350 or 305
    total, group = Fraction(0), Fraction(0)
    digit: Fraction | None = None
    last_ten = last_group = 10**16
    for one in pieces:
        if one in _TENS:
            if _TENS[one] >= last_ten:
                return None
            group += (1 if digit is None else digit) * _TENS[one]
            digit, last_ten = None, _TENS[one]
        elif one in _GROUPS:
            group += digit or 0
            if not 0 < group * _GROUPS[one] < last_group:
                return None
            total += group * _GROUPS[one]
            group, digit, last_ten, last_group = Fraction(0), None, _GROUPS[one], _GROUPS[one]
        else:
            if digit:
                return None
            digit = Fraction(DIGITS[one] if one in DIGITS else one.replace(",", ""))
            if total + group and digit >= last_ten:
                return None
    total += group + (digit or 0)
    return str(total) if total.denominator == 1 else None
