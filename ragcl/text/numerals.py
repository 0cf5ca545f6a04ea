"""Numbers in words and in groups: Chinese numerals, of which Japanese are some, and phone numbers.

A numeral alone may be a piece of a word (一起, 万一, 张三). So only what is certainly a number is
read: several numerals in a row, or one before what is counted or measured. Knows no units.
"""

import re
from functools import lru_cache

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
# What is counted, measured or dated; with the first character of longer ones, as of 小时.
_COUNTED = (
    "个個人位名次年月日号號天周週点點时時分秒米克吨噸元円级級层層岁歲件条條艘座台辆輛倍度里升伏瓦公厘毫"
    "页頁章节節种種只隻本张張小海平立摄攝欧歐美英枚匹キセミグメトリワボヘパユドか"
)
_ANY = re.compile(f"[{_ALL}]")
_SHARE = re.compile(rf"百分之([{_ALL}]+|\d+(?:\.\d+)?)")
_ONE = f"{''.join(DIGITS)}十"
_SOME = re.compile(
    rf"(?<!\d)(?:[{_ALL}]{{2,}}|[{_ONE}](?=[{_COUNTED}])|(?<!\w)[{_ONE}](?!\w))(?!\d)"
)
_TIMES = re.compile(rf"(\d+(?:\.\d+)?)([{''.join(_GROUPS)}])(?![\d{_ALL}])")
_COUNTING = re.compile(rf"[\d{_ALL}] ?[{_COUNTED}{_ALL}]")
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


def with_digits(text: str) -> str:
    """The text with Chinese numerals as digits: 三百米 as 300米, 百分之五 as 5%, 3万 as 30000."""
    if not _ANY.search(text):
        return text
    text = _SHARE.sub(_percent, text)
    return _TIMES.sub(_multiplied, _SOME.sub(_written, text))


def counts_on(text: str, at: int) -> bool:
    """Whether a number goes on at a place of a text, or with what it counts: 5年, 三 米, 四十三."""
    if at > 0 and _COUNTING.match(text, at - 1):
        return True
    return any(start < at < end for start, end in phone_numbers(text))


def _percent(found: re.Match[str]) -> str:
    return f"{found[1] if found[1][0].isdecimal() else _number(found[1]) or found[1]}%"


def _written(found: re.Match[str]) -> str:
    numerals, text = found[0], found.string
    if _WEEK.search(text, max(0, found.start() - 2), found.start()):
        return numerals
    if len(numerals) == 2 and DIGITS.keys() >= set(numerals) and text[found.end() :][:1] != "年":
        return numerals  # 四五米 is four or five
    return _number(numerals) or numerals


def _multiplied(found: re.Match[str]) -> str:
    whole, _, part = found[1].partition(".")
    places = len(str(_GROUPS[found[2]])) - 1
    return found[0] if len(part) > places else str(int(whole + part.ljust(places, "0")))


def _number(numerals: str) -> str | None:
    """The number in digits; None if it is none, or another in Chinese than in Japanese."""
    if DIGITS.keys() >= set(numerals):
        return "".join(str(DIGITS[one]) for one in numerals)
    if numerals[-1] in DIGITS and (_TENS | _GROUPS).get(numerals[-2:-1], 0) > 10:
        return None  # 三百五 is 350 or 305
    total, group, digit = 0, 0, None
    last_ten, last_group = 10**4, 10**16
    for one in numerals:
        if one in DIGITS:
            if digit:
                return None
            digit = DIGITS[one]
        elif one in _TENS:
            if _TENS[one] >= last_ten:
                return None
            group += (1 if digit is None else digit) * _TENS[one]
            digit, last_ten = None, _TENS[one]
        else:
            if _GROUPS[one] >= last_group or not group + (digit or 0):
                return None
            total += (group + (digit or 0)) * _GROUPS[one]
            group, digit, last_ten, last_group = 0, None, 10**4, _GROUPS[one]
    return str(total + group + (digit or 0))
