"""Rewordings of a question by rules, without a model. Knows no text and no answer."""

from ragcl.text.languages import ENGLISH, language
from ragcl.text.scripts import QUESTION_MARKS, STOPS
from ragcl.text.words import content_words

BRIEFLY, POLITELY = 0, 1  # indices in `rewordings`


def rewordings(question: str) -> tuple[str, str]:
    """Two other wordings in its language: keywords alone, and a polite request."""
    plain = _bare(question)
    asked = language(question)
    keywords = content_words(plain)
    if asked is not ENGLISH:
        idle = asked.words | asked.asking_plainly
        keywords = [word for word in keywords if word not in idle] or keywords
    return " ".join(keywords) or plain.lower(), asked.politely.format(_within(plain))


def briefly(question: str) -> str:
    """Its keywords alone."""
    return rewordings(question)[BRIEFLY]


def indirectly(question: str) -> str:
    """A third wording, for trials: `rewordings` are used for the proofs."""
    return language(question).indirectly.format(_within(_bare(question)))


def _bare(question: str) -> str:
    return question.strip().strip("\u00a1\u00bf").rstrip(f".!{QUESTION_MARKS}{STOPS} ")


def _within(plain: str) -> str:
    return f"{plain[:1].lower()}{plain[1:]}"
