"""Nothing that a terminal would obey is printed."""

import io
import json
import logging

from hypothesis import given
from hypothesis import strategies as st

from ragcl.printing import Formatter, fit, harmless, one_line, reason


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


def test_a_log_record_is_one_line_before_its_traceback() -> None:
    try:
        raise ValueError("b\x1b")
    except ValueError as error:
        trouble = (type(error), error, error.__traceback__)
    record = logging.LogRecord("ragcl", 30, "x.py", 1, "%s is gone", ("a\nragcl: b",), trouble)

    first, *rest = Formatter("ragcl: %(message)s").format(record).splitlines()

    assert first == "ragcl: a\\u000aragcl: b is gone"
    assert rest[-1] == "ValueError: b\\u001b"


def test_a_stream_shows_what_it_cannot_encode() -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="latin-1", write_through=True)
    fit(stream, io.StringIO())

    stream.write('{"Zoë": "港 \U0001f680"}')

    assert written.getvalue().decode("latin-1") == '{"Zoë": "\\u6e2f \\ud83d\\ude80"}'
    assert json.loads(written.getvalue().decode("latin-1")) == {"Zoë": "港 \U0001f680"}
