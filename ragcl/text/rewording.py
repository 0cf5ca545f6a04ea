"""Rewording: other ways to ask a question, made without a model. Knows no text and no answer."""

from ragcl.text.words import content_words

BRIEFLY, POLITELY = 0, 1  # of the rewordings


def rewordings(question: str) -> tuple[str, str]:
    """Two other ways to ask the same: telegram style and a polite request."""
    plain = question.strip().rstrip("?.!")
    keywords = " ".join(content_words(plain))
    return keywords or plain.lower(), f"Could you tell me: {plain[:1].lower()}{plain[1:]}?"


def indirectly(question: str) -> str:
    """Yet another way, for trials: the other two prove what is learned, and so choose."""
    plain = question.strip().rstrip("?.!")
    return f"I would like to know: {plain[:1].lower()}{plain[1:]}."
