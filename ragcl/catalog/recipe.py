"""The recipes of the catalog: every number that was chosen for its queries."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WordsRecipe:
    """How words are indexed, and which words quote a text."""

    # Digits that a number written apart needs to be indexed together too: 3-5 is no 35. Another
    # value needs a migration, since the index depends on it.
    joined_digits: int = 5
    # A longer question without a small letter is in capitals for emphasis, and has no acronyms.
    shouted_words: int = 2
    quoted_run: int = 5  # words in a row that do not occur in two texts by chance
    telling_letters: int = 3  # letters of a word that quotes by itself, in an alphabet


@dataclass(frozen=True)
class FeedbackRecipe:
    """When an answer counts as badly rated."""

    bad: int = -2  # sum of ratings, or less: one may be a slip, or the mood of one user


WORDS = WordsRecipe()
FEEDBACK = FeedbackRecipe()
