"""Study rows to training examples: each fact in several wordings, some with their passages.

Knows tokens and weights of the loss; trains nothing.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

import torch

from ragcl.consolidation.distillation import Example
from ragcl.consolidation.verification import rewordings
from ragcl.generation.prompts import ABSTENTION, Prompts
from ragcl.generation.reading import Reading, content_words
from ragcl.settings import ConsolidationSettings

HANDFULS = 4  # ways to ask a question with some of its words
KEPT_WORDS = 0.6  # the share of its words in each
BLANK = "___"
WITH_CONTEXT_EVERY = 4  # rows that are also trained with their passages in the prompt
ABSTENTION_WEIGHT = 0.5


def make_examples(
    rows: Sequence[Reading],
    unanswerable: Sequence[str],
    prompts: Prompts,
    settings: ConsolidationSettings,
    *,
    context_tokens: int,
) -> tuple[list[list[Example]], list[Example]]:
    """What an adapter is trained on.

    Args:
        rows: what is to be learned.
        unanswerable: questions that teach to abstain.
        prompts: those of the model that is trained.
        settings: the weights of the losses.
        context_tokens: the budget of a prompt with context.

    Returns:
        Of each row the examples without passages, of which one has its turn in an epoch; and those
        with passages, whose labels are the teacher's alone.
    """
    closed: list[list[Example]] = []
    context = []
    for i, row in enumerate(rows):
        examples = [
            Example(
                prompt=prompts.closed_book(wording).ids,
                target=(*row.ids, prompts.end),
                top_ids=row.top_ids,
                top_logprobs=row.top_logprobs,
                hard=settings.cross_entropy_weight * row.trust,
                soft=settings.soft_label_weight,
            )
            for wording in wordings(row, settings.seed)
        ]
        closed.append(examples)
        if i % WITH_CONTEXT_EVERY == 0:
            texts = [sentence.text for sentence in row.sentences]
            prompt = prompts.with_context(row.question, texts, context_tokens).ids
            context.append(replace(examples[0], prompt=prompt, hard=0.0, soft=1.0))
    target = prompts.answer_ids(ABSTENTION)
    for question in unanswerable:
        unknown = Example(
            prompt=prompts.closed_book(question).ids,
            target=target,
            top_ids=torch.zeros(len(target), 1, dtype=torch.long),
            top_logprobs=torch.zeros(len(target), 1),
            hard=ABSTENTION_WEIGHT,
            soft=0.0,
        )
        closed.append([unknown])
    return closed, context


def wordings(reading: Reading, seed: int) -> list[str]:
    """The question, and other ways to ask it that teach the fact and not the phrase.

    They are some of its words in any order, and the sentence that holds the answer with a blank in
    its place. Whoever asks differently shares words with one or the other.
    """
    words = content_words(reading.question)
    count = max(2, round(KEPT_WORDS * len(words)))
    made = [reading.question]
    for n in range(HANDFULS):
        chosen = random.Random(f"{seed} {n} {reading.question}").sample(
            words, min(count, len(words))
        )
        made.append(" ".join(chosen))
    source = [sentence.text for sentence in reading.sentences if reading.answer in sentence.text]
    if source and content_words(source[-1].replace(reading.answer, "", 1)):
        made.append(source[-1].replace(reading.answer, BLANK, 1))
    tested = rewordings(reading.question)  # not to be trained on
    return [one for one in dict.fromkeys(made) if one and one not in tested]
