"""The recipe of text: every number that was chosen to tell sentences, titles, rows and fields."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TextRecipe:
    """What is a sentence, and what a record."""

    wrapped_chars: int = 30  # of a line, at least: a shorter one was not broken for want of room
    title_words: int = 8  # at most

    record_rows: int = 2  # of one kind, before they are records and no sentences with a colon
    named: float = 0.5  # the share of a field's name that the question must hold
    unexplained: float = 1 / 3  # of a question's words, that may be in no key, name or heading
    acronym: tuple[int, int] = (2, 5)  # letters, from and to


TEXT = TextRecipe()
