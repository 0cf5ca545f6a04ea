"""Nothing that a terminal would obey is printed."""

import json

from hypothesis import given
from hypothesis import strategies as st

from ragcl.printing import harmless, one_line, reason


def test_controls_are_shown() -> None:
    assert harmless("a\x1b[31mb\x9b2J\u202ec\ud800\n\td") == (
        "a\\u001b[31mb\\u009b2J\\u202ec\\ud800\n\td"
    )
    assert one_line("a\nb\tc\u2028d") == "a\\u000ab\\u0009c\\u2028d"
    assert harmless("Zoë, 港, 👩\u200d🚀") == "Zoë, 港, 👩\u200d🚀"


@given(st.text())
def test_json_says_the_same(text: str) -> None:
    assert json.loads(harmless(json.dumps({"a": text}, ensure_ascii=False))) == {"a": text}


def test_an_error_is_one_line() -> None:
    assert reason(OSError(13, "Permission denied", "x\ny")) == "permission denied"
    assert reason(KeyError("a\nb")) == "KeyError: 'a\\nb'"
    assert reason(RuntimeError()) == "RuntimeError"
    assert reason(RuntimeError("a\n\x1bb")) == "RuntimeError: a \\u001bb"
