"""Rewordings of a question by rules, without a model. Knows no text and no answer."""

from ragcl.text.words import content_words

BRIEFLY, POLITELY = 0, 1  # indices in `rewordings`


def rewordings(question: str) -> tuple[str, str]:
    """Two other wordings: keywords alone, and a polite request."""
    plain = question.strip().rstrip("?.!")
    keywords = " ".join(content_words(plain))
    return keywords or plain.lower(), f"Could you tell me: {plain[:1].lower()}{plain[1:]}?"


def indirectly(question: str) -> str:
    """A third wording, for trials: `rewordings` are used for the proofs."""
    plain = question.strip().rstrip("?.!")
    return f"I would like to know: {plain[:1].lower()}{plain[1:]}."
