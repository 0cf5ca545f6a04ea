"""The recipe of the catalog: every number that was chosen to match and to quote words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WordsRecipe:
    """Which words are one, which tell something, and which quote a text."""

    # Of a number that is written apart, at least, to be found together too: 3-5 is no 35. What is
    # indexed depends on it, so that another value needs a migration.
    joined_digits: int = 5
    # Of a question: a longer one without a small letter is all in capitals for emphasis.
    shouted_words: int = 2
    quoted_run: int = 5  # words in a row that are not the same by chance
    telling_letters: int = 3  # of a word that tells something by itself, where words have letters


WORDS = WordsRecipe()
