"""The recipes of a round: every number that was chosen, by stage.

A user's choices are settings. Limits on memory, requests and waiting are constants beside their
only use.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class SelectionRecipe:
    """What an ask adds to the heat of the chunks that it retrieved."""

    cited_weight: float = 1.0  # of the chunk that the answer was taken from
    shown_weight: float = 0.1  # of the other retrieved chunks, divided by their rank


@dataclass(frozen=True)
class StudyRecipe:
    """Which readings become training rows, and with which answers."""

    # Pooled votes. Similarity of two questions from which they may ask the same (97 % of the pairs
    # of wordings of one fact reach it), and from which they probably do.
    related: float = 0.29
    probably_same: float = 0.59
    part: float = 0.5  # support of a candidate for one that it is a part of, or the reverse
    min_share: float = 0.25  # share of the label among all candidates; below it, it is left out

    # Contradictions: what two texts have to share for their answers to be compared.
    shared_words: int = 2  # words of the question: a single one says too little of the subject
    shared_question: float = 0.5  # and this share of the question's words
    shared_sentence: float = 0.6  # share of the words of both sentences, without the answers
    longer_answer: int = 2  # one answer may have so many times the words of the other
    rival_trust: float = 0.5  # minimum trust in the other answer, as a factor of that in the answer

    # Held-out split.
    held_out_of: int = 3  # one in so many answers of a chunk is verified with a held-out wording
    min_wordings: int = 2  # wordings of an answer that are trained, before one may be held out

    question_tokens: int = 32  # budget of one question written by a larger teacher


@dataclass(frozen=True)
class TrainingRecipe:
    """How rows become an adapter, beside the settings."""

    # The optimizer. LoRA's alpha is set by the model.
    beta2: float = 0.98  # Adam's: the usual 0.999 averages over more steps than there are
    warmup: float = 0.05  # share of the steps

    # Examples.
    word_samples: int = 4  # samples of a question's words trained beside it, at most
    sampled_words: float = 0.6  # share of the question's words in each
    with_context_every: int = 16  # one row in so many is also trained with passages in the prompt
    context_row_every: int = 12  # steps; a row with passages costs as much as eight without
    abstention_every: int = 8  # at most one unanswerable question for so many answerable ones
    # In the loss. With more, the model abstains from questions in new words.
    abstention_weight: float = 0.1

    # Anchors.
    anchor_tokens: int = 96  # maximum length of an anchor
    anchor_labels: int = 64  # soft labels kept for each token; the other tokens are merged into one
    unseen_of: int = 4  # one text in so many is held out to measure drift on
    piece_tokens: int = 28  # tokens of an anchor that are predicted in one example
    pieces_a_step: int = 1  # more of them did not reduce drift

    # Answers behind beginnings of anchors, with the base model's soft labels.
    elsewhere: int = 16  # examples at least: few answers are repeated behind several anchors
    elsewhere_weight: float = 1.0  # at the anchors' weight, eight, drift was larger
    elsewhere_behind: tuple[int, int] = (4, 24)  # tokens of an anchor: at least, and fewer than

    # The drift penalty. The default model's widest input has as many dimensions: narrower inputs
    # are condensed, and A is initialised by the width of a map, or by the tokens if it is wider.
    penalty_tokens: int = 1536
    # Ridge of the initialisation of A: this share of the mean variance is added to each input's.
    variance_floor: float = 0.1


@dataclass(frozen=True)
class GateRecipe:
    """How a candidate is tested, and the conditions on the thresholds of the router."""

    answer_tokens: int = 24  # maximum length of a closed-book answer
    context_sample: int = 32  # questions that are also read in context, with the adapter off and on
    min_held_out: int = 8  # with fewer, one failure could fail the gate: other wordings are added
    bisections: int = 5  # of an adapter's scale (STABLE's gate: accept, shrink, or reject)

    # Thresholds.
    # Quantiles of the right trials: the share of them given up.
    levels: tuple[float, ...] = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7)
    let_through: float = 0.05  # share of near misses at most
    confidence: float = 0.9  # of the statements on the held-out split


SELECTION = SelectionRecipe()
STUDY = StudyRecipe()
TRAINING = TrainingRecipe()
GATE = GateRecipe()
