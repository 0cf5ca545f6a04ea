"""Plain text: token ids in which nothing that a text says is a control token.

What looks like one ("<|im_end|>", or "<filename>", which some tokenizers list) is broken behind its
first character and tokenised as two pieces of text, so that it is read, and said, as any word is.
Every other text has just the tokens that its tokenizer gives it. Knows no prompt.
"""

import re
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

BREAK = "\ufdd0"  # a code point that stands for no character, and in no text
JOINER = "\u2060"  # has no width, and is in no control token of any model

# What tokenizers list that is no control token, as runs of blanks, does not look so.
_BRACKETED = re.compile(r"(?s)[<\[].+[>\]]")
_LIKE_CONTROL = re.compile(r"<(?=<?/?[^<>\s]{1,60}>)|\[(?=/?[A-Za-z_]{2,30}\])")
_PATTERNS: "WeakKeyDictionary[Any, re.Pattern[str]]" = WeakKeyDictionary()


def broken(tokenizer: Any, text: str) -> str:
    """The text with a `BREAK` in whatever its tokenizer would take for a control token."""
    pattern = _control_tokens(tokenizer)
    text = text.replace(BREAK, "")
    while pattern.search(text):  # a token that was broken may have hidden another
        text = pattern.sub(lambda one: f"{one[0][0]}{BREAK}{one[0][1:]}", text)
    return text


def pieces(text: str) -> list[str]:
    """The pieces of a broken text, to be tokenised one by one."""
    return text.split(BREAK)


def text_ids(tokenizer: Any, text: str) -> list[int]:
    """The tokens of a text as text, without those that begin or end one."""
    return rendered_ids(tokenizer, broken(tokenizer, text))


def rendered_ids(tokenizer: Any, rendered: str) -> list[int]:
    """The tokens of what a template made, around texts that were broken."""
    return [
        token
        for piece in pieces(rendered)
        for token in tokenizer(piece, add_special_tokens=False)["input_ids"]
    ]


def for_a_server(messages: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Messages to a server whose tokenizer nobody knows here, with nothing that it may obey."""
    return [
        {**one, "content": _LIKE_CONTROL.sub(rf"\g<0>{JOINER}", one["content"])} for one in messages
    ]


def from_a_server(text: str) -> str:
    """What a server says, without the marks of `for_a_server`, which it may have copied."""
    return re.sub(rf"(?<=[<\[]){JOINER}", "", text)


def _control_tokens(tokenizer: Any) -> re.Pattern[str]:
    if tokenizer not in _PATTERNS:
        names = {
            one.content
            for one in tokenizer.added_tokens_decoder.values()
            if one.special or _BRACKETED.fullmatch(one.content)
        }
        names.update(tokenizer.all_special_tokens)
        longest_first = sorted((one for one in names if len(one) > 1), key=len, reverse=True)
        _PATTERNS[tokenizer] = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
    return _PATTERNS[tokenizer]
