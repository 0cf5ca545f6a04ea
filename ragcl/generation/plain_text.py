"""Tokenises untrusted text so that it never gives a control token.

A string that looks like one ("<|im_end|>", or "<filename>", which some tokenizers list) is split
after its first character and tokenised as two pieces of text. Any other text gets the same tokens
as from its tokenizer. Knows no prompt.
"""

import re
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

BREAK = "\ufdd0"  # a noncharacter, which is in no text
JOINER = "\u2060"  # has no width, and is in no control token of any model

# Tokenizers also list added tokens that are no control tokens, as runs of spaces: without brackets.
_BRACKETED = re.compile(r"(?s)[<\[].+[>\]]")
_LIKE_CONTROL = re.compile(r"<(?=<?/?[^<>\s]{1,60}>)|\[(?=/?[A-Za-z_]{2,30}\])")
_PATTERNS: "WeakKeyDictionary[Any, re.Pattern[str]]" = WeakKeyDictionary()


def broken(tokenizer: Any, text: str) -> str:
    """The text with a `BREAK` in every string that its tokenizer takes for a control token."""
    pattern = _control_tokens(tokenizer)
    text = text.replace(BREAK, "")
    while pattern.search(text):  # a token that was broken may have hidden another
        text = pattern.sub(lambda one: f"{one[0][0]}{BREAK}{one[0][1:]}", text)
    return text


def pieces(text: str) -> list[str]:
    """The pieces of a broken text, to be tokenised separately."""
    return text.split(BREAK)


def text_ids(tokenizer: Any, text: str) -> list[int]:
    """The tokens of a text, without control tokens and without begin and end tokens."""
    return rendered_ids(tokenizer, broken(tokenizer, text))


def rendered_ids(tokenizer: Any, rendered: str) -> list[int]:
    """The tokens of a rendered template whose texts were broken."""
    return [
        token
        for piece in pieces(rendered)
        for token in tokenizer(piece, add_special_tokens=False)["input_ids"]
    ]


def turn_end(tokenizer: Any) -> int | None:
    """The token that ends an answer; None if there is none.

    A model without a chat template continues a text in which answers are paragraphs, so it is the
    token that ends a paragraph. Otherwise it is that of the template, and not always the end token:
    Gemma's ends the text and not the turn.
    """
    end: int | None = tokenizer.eos_token_id
    if tokenizer.chat_template is None:
        word = text_ids(tokenizer, "a")
        [after, *_] = [*text_ids(tokenizer, "a\n\n")[len(word) :], end]
        return after if after is not None and "\n" in tokenizer.decode([after]) else end
    from jinja2 import TemplateError

    said = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]
    try:
        rendered = tokenizer.apply_chat_template(said, tokenize=False)
    except TemplateError:
        return end
    control = _control_tokens(tokenizer).search(rendered.rpartition("Because.")[2])
    return int(tokenizer.convert_tokens_to_ids(control[0])) if control else end


def for_a_server(messages: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Messages with joiners in anything like a control token: the server's tokenizer is unknown."""
    return [
        {**one, "content": _LIKE_CONTROL.sub(rf"\g<0>{JOINER}", one["content"])} for one in messages
    ]


def from_a_server(text: str) -> str:
    """A server's text without the joiners of `for_a_server`, which it may have copied."""
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
