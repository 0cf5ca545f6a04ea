"""The recipes of answering: every number that was chosen for reading, quoting, recall, follow-ups.

Limits on memory are constants beside their only use. The score of each grammar rule of `followups`
is in the rule.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ReadingRecipe:
    """Which sentences are read, and which span of them is the answer."""

    # Narrowing, in units of similarity (heading_word: a factor).
    every_word: float = 0.75  # bonus of a sentence that has every word of the question
    heading_word: float = 0.5  # weight of a word that is only in the sentence's heading
    lead: float = 1.0  # factor on the gap of a sentence's passage to the best one, subtracted

    # Of fused score: a passage that is further behind the best is not shown to a larger teacher.
    # By so much two wordings of one thing differ in similarity.
    behind: float = 0.15

    shown_tokens: int = 160  # of sentences and their headings, in one prompt
    starts: int = 12  # beam: spans are scored from this many of the likeliest start words
    span_tokens: int = 12  # maximum length of a span
    # Nats of log-prior for a sentence score of 1; chosen on held-out questions. It is what
    # retrieval knows: the same for every model and, as benchmarks/similarity.py says, embedder.
    fit: float = 6.6
    candidates: int = 8  # of a reading that are kept beside its answer
    # For each token; as good as the whole vocabulary (Cartridges, arXiv 2506.06266).
    soft_labels: int = 20
    written_tokens: int = 48  # maximum length of a freely written phrase


@dataclass(frozen=True)
class CalibrationRecipe:
    """How the thresholds of a reader are set, on questions whose answer is known."""

    rates: tuple[float, ...] = (0.01, 0.02, 0.05, 0.1, 0.2)  # of false abstentions, with a limit
    strange: float = 0.02  # share of questions about something else that are answered nevertheless
    # A model that reads fewer of the first phrases rightly cannot read. With random weights, spans
    # of the best sentence are right for a quarter of them.
    tried: int = 16
    least_right: float = 0.45


@dataclass(frozen=True)
class QuotingRecipe:
    """Which sentences are quoted, and which sentences of a written answer stay."""

    shown_tokens: int = 420  # of scored sentences and headings; the same as in training
    start_tokens: int = 8  # first tokens of a sentence, which identify it
    # Nats of log-prior for a sentence score of 1, and the weight of a trained reader's
    # log-probabilities, which are too sure of one sentence; chosen on held-out manuals, where both
    # together find more of the marked sentences in as many words than either alone.
    fit: float = 6.6
    reader: float = 0.5
    # Probabilities that an answer continues in the next sentence: in prose, from one list item to
    # the next, and after the last item; as people marked answers in manuals.
    goes_on: float = 0.7
    list_goes_on: float = 0.9
    list_ends: float = 0.1
    least: float = 0.01  # minimum probability that a quoted sentence is part of the answer
    # After so many words no further sentence is quoted; chosen for a mean of 100.
    words: int = 130

    # Share of a written sentence's content words that the passages must have.
    support: float = 0.6


@dataclass(frozen=True)
class RoutingRecipe:
    """When the weights may answer, and the log-priors of the answers that they were trained on."""

    # Difference in similarity between two wordings of one question; chosen on held-out wordings. A
    # current text must be more similar than a stale one by this much before an adapter that was
    # trained on the stale one may answer.
    wording: float = 0.15
    nearness: float = 52.0  # nats of log-prior for a similarity of 1; chosen on the same wordings
    recalled: int = 16  # answers that are scored at most beside the one with the highest prior
    rounding: float = 0.0015  # tolerance of a margin


@dataclass(frozen=True)
class ConversationRecipe:
    """Which questions are follow-ups, and how a candidate rewriting is chosen."""

    turns: int = 4  # last turns that are considered
    answer_chars: int = 200  # first characters of an earlier answer that are searched for names
    fragment_words: int = 8  # maximum length of a fragment
    bridged_words: int = 4  # maximum content words of a question that may omit its subject
    short_words: int = 4  # maximum words of a follow-up in another language
    stem_letters: int = 4  # minimum length of a stem
    candidates: int = 16  # at most
    misfit: float = 2.5  # penalty of a phrase of another number or kind than the pronoun
    hits: int = 4  # retrieved for a candidate

    # Weights of retrieval, language model and rules. The first two scores are standardised among
    # the candidates. Chosen on follow-ups like those of tests/generation.
    index_weight: float = 0.5
    model_weight: float = 1.0
    rules_weight: float = 1.0
    # A question without a pronoun is not rewritten if its best passage leads by the first, or if
    # the best rewriting gains less than the second in retrieval score.
    clear_margin: float = 0.53
    needed_lead: float = 0.38
    # A rewriting that loses so much in retrieval score is wrong.
    tolerated_loss: float = 0.45


READING = ReadingRecipe()
CALIBRATION = CalibrationRecipe()
QUOTING = QuotingRecipe()
ROUTING = RoutingRecipe()
CONVERSATION = ConversationRecipe()
