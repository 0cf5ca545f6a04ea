"""Superscripts as plain text. Knows no format."""

import re

_EXPONENT = re.compile(r"[+\u2212-]?\d+(?:[.,]\d+)?")


def raised(before: str, text: str) -> str:
    """The superscript behind a text: 10^6 and m^2, but 1st unchanged."""
    is_power = _EXPONENT.fullmatch(text.strip()) and before[-1:].isalnum()
    return f"^{text.strip()}" if is_power else text
