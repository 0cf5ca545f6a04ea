"""The recipes of answering: every number that was chosen to read, quote, recall or rephrase.

What bounds memory stands beside its only use. What each rule of grammar of `followups` adds to a
candidate stands in the rule: by itself it says nothing.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ReadingRecipe:
    """Which sentences are read, and which piece of them is the answer."""

    # Narrowing. In units of similarity, but for the heading.
    every_word: float = 0.75  # for a sentence that holds every word of the question
    heading_word: float = 0.5  # what a word is worth that stands in the heading of the sentence
    lead: float = 1.0  # what a sentence loses by how far its passage stands behind the best one

    shown_tokens: int = 160  # of sentences and their headings, in one prompt
    starts: int = 12  # spans are scored from this many of the likeliest first words
    span_tokens: int = 12  # at most
    fit: float = 6.6  # nats for a fit of one; chosen on questions that are not tested on
    candidates: int = 8  # of a reading that are kept beside its answer
    # A token; as good as the whole vocabulary (Cartridges, arXiv 2506.06266).
    soft_labels: int = 20
    written_tokens: int = 48  # of a phrase that is written freely, at most


@dataclass(frozen=True)
class QuotingRecipe:
    """Which sentences are quoted, and which of those that a model wrote stay."""

    shown_tokens: int = 420  # of sentences and headings that are weighed; trained on as many
    start_tokens: int = 8  # of a sentence: they tell it from the others
    fit: float = 3.3  # nats for a fit of one; chosen on written questions set aside
    goes_on: float = 0.7  # an answer, in the next sentence, as people marked it in manuals
    list_goes_on: float = 0.9  # from one item of a list to the next
    list_ends: float = 0.1  # that it goes on behind the last item
    least: float = 0.03  # what a sentence has to be likely to hold of the answer, to be quoted
    # At most, a last sentence beyond them included; chosen for a mean of 100.
    words: int = 130

    # Of the words of a written sentence that carry meaning, the share that passages have to hold.
    support: float = 0.6


@dataclass(frozen=True)
class RoutingRecipe:
    """When the weights may speak, and what speaks for each of the answers that they were taught."""

    # Of similarity, by which two wordings of one thing differ; chosen on wordings that are not
    # tested on. So much nearer than a stale text a current one has to be before an adapter that was
    # trained on the stale one may speak at all.
    wording: float = 0.15
    nearness: float = 52.0  # nats for a similarity of one; chosen on the same wordings
    recalled: int = 16  # answers that are weighed at most beside the one that was nearest
    rounding: float = 0.0015  # of similarities and differences of them


@dataclass(frozen=True)
class ConversationRecipe:
    """What a question may lean on, and what it is taken to mean."""

    turns: int = 4  # the last ones, which are looked at
    answer_chars: int = 200  # of an earlier answer, in which names are looked for
    fragment_words: int = 8  # at most; what is longer says what it means
    bridged_words: int = 4  # that tell something, of a question that may leave out its subject
    short_words: int = 4  # of a question in another language that may lean on the one before
    stem_letters: int = 4  # by which two forms of a word are the same, at least
    candidates: int = 16  # at most
    misfit: float = 2.5  # against a phrase of another number or kind than the pronoun
    hits: int = 4  # of a candidate, that tell how well it is found

    # What the index, the language model and the rules count for, each of the first two in standard
    # deviations among the candidates; chosen on follow-ups like those of tests/generation.
    index_weight: float = 0.5
    model_weight: float = 1.0
    rules_weight: float = 1.0
    # A question without a pronoun stays as it is where its best passage leads by so much, or what
    # was spoken of adds less than so much to how well it is found.
    clear_margin: float = 0.53
    needed_lead: float = 0.38
    # Found so much worse, what was put in the place of a pronoun is wrong.
    tolerated_loss: float = 0.45


READING = ReadingRecipe()
QUOTING = QuotingRecipe()
ROUTING = RoutingRecipe()
CONVERSATION = ConversationRecipe()
