"""The recipes of a round: every number that was chosen, by stage.

A user's choices are settings. What bounds memory, requests or waiting is no recipe either: it
stands beside its only use.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class SelectionRecipe:
    """What an ask adds to the heat of the chunks that it found."""

    cited_weight: float = 1.0  # of the chunk that the answer was taken from
    shown_weight: float = 0.1  # shared by rank among the other chunks that were retrieved


@dataclass(frozen=True)
class StudyRecipe:
    """Which readings become training rows, and with which answers."""

    # Pooling. By similarity of two questions: they may ask the same (of wordings of one fact 97 %
    # have that much), and probably do.
    related: float = 0.29
    probably_same: float = 0.59
    part: float = 0.5  # what a candidate is borne out by one that it is a part of, or the reverse
    min_share: float = 0.25  # of an answer among all candidates: below it, it is too doubtful

    # Contradictions: what two texts have to share for their answers to be compared.
    shared_words: int = 2  # of the question: one tells too little of what is asked about
    shared_question: float = 0.5  # and this share of the question's words
    shared_sentence: float = 0.6  # share of the words of both sentences, the answers left out
    longer_answer: int = 2  # times as many words one answer may have as the other
    rival_trust: float = 0.5  # times the trust in the answer, that the other one has at the least

    # Holding out.
    held_out_of: int = 3  # of so many answers of a chunk, one is verified with a wording kept back
    min_wordings: int = 2  # what has an answer is trained in at least so many wordings

    question_tokens: int = 32  # that one question written by a larger teacher may take


@dataclass(frozen=True)
class TrainingRecipe:
    """How rows become an adapter, beside what the settings say."""

    # The optimizer and the adapter.
    alpha: int = 2  # LoRA's, times the rank
    beta2: float = 0.98  # Adam's: the usual 0.999 looks back over more steps than there are
    warmup: float = 0.05  # share of the steps

    # Examples.
    word_samples: int = 4  # of a question's words, beside the question, at most
    sampled_words: float = 0.6  # the share of its words in each
    with_context_every: int = 16  # rows that are also trained with their passages in the prompt
    context_row_every: int = 12  # steps; a row with passages costs as much as eight without
    abstention_every: int = 8  # at most one unanswerable question for so many answerable ones
    # In the loss. With more, what is asked in new words is not answered any more.
    abstention_weight: float = 0.1

    # Anchors.
    anchor_tokens: int = 96  # of a text that are used at most
    anchor_labels: int = 64  # likeliest tokens kept a place; the rest is one tail
    unseen_of: int = 4  # one of so many texts is kept to measure drift on
    piece_tokens: int = 28  # of an anchor, that are predicted at once
    pieces_a_step: int = 1  # since more of them kept no more of the model

    # Answers where nobody asked for them.
    elsewhere: int = 16  # places, at least: of few answers several of each
    elsewhere_weight: float = 1.0  # with that of the anchors, eight, other text drifted the more
    elsewhere_behind: tuple[int, int] = (4, 24)  # tokens of an anchor: at least, and fewer than

    # The drift penalty. As many tokens are sampled at most as the widest input in the default model
    # has dimensions, so that only the narrower ones have to be condensed.
    penalty_tokens: int = 1536
    # Of the mean variance of an input, as the least that a direction counts as having.
    variance_floor: float = 0.1


@dataclass(frozen=True)
class GateRecipe:
    """How a candidate is tested, and what the thresholds of the router have to keep to."""

    answer_tokens: int = 24  # that the weights may write
    context_sample: int = 32  # questions that are also read in context, with the adapter off and on
    min_held_out: int = 8  # of fewer, one alone could fail the gate: other wordings are asked too
    bisections: int = 5  # of an adapter's scale (STABLE's gate: accept, shrink, or reject)

    # Near misses.
    near_misses: int = 3  # of one chunk at most
    near_miss_words: int = 3  # a sentence with fewer asks for nothing
    # Share of the words of a question; by cosine, people's are as near to what was learned.
    replaced_words: float = 2 / 3

    # Thresholds.
    # Shares of the right trials given up.
    levels: tuple[float, ...] = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7)
    let_through: float = 0.05  # of near misses at most: what they cost is about half, in accuracy
    confidence: float = 0.9  # with which what the held-out split says is so


SELECTION = SelectionRecipe()
STUDY = StudyRecipe()
TRAINING = TrainingRecipe()
GATE = GateRecipe()
