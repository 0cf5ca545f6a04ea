"""The recipe of text: every number that was chosen to recognise what a text is made of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TextRecipe:
    """What counts as a sentence, a title, a record, a sign, or a second question."""

    wrapped_chars: int = 30  # minimum length of a line that was wrapped
    title_words: int = 8  # at most
    clause_chars: int = 60  # minimum length of a piece of a text that marks no ends of sentences

    record_rows: int = 2  # rows with one first field that make a table; one is a sentence
    named: float = 0.5  # share of the words of a field's name that the question must hold
    unexplained: float = 1 / 3  # share of the question's words that may be in no key, name, heading
    unheaded: int = 1  # the same in words, for a comparison that has no word of the heading
    acronym: tuple[int, int] = (2, 5)  # minimum and maximum number of letters

    # Words behind an "and", of which one is the question word of a second question.
    asks_within: int = 2

    sign_chars: int = 3  # of what stands before a word and belongs to it, at most: "<-$5"


TEXT = TextRecipe()
