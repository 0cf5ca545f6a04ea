"""Raised signs: how what is set higher is written in a line. Knows no format."""

import re

_EXPONENT = re.compile(r"[+\u2212-]?\d+(?:[.,]\d+)?")


def raised(before: str, text: str) -> str:
    """A text set higher than what stands before it: 10^6 and m^2, but 1st as it is written."""
    is_power = _EXPONENT.fullmatch(text.strip()) and before[-1:].isalnum()
    return f"^{text.strip()}" if is_power else text
