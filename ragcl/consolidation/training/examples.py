"""Study rows to training examples: questions as they were asked, some with their passages.

With few rows, `min_steps` leaves epochs to spare, and samples of a question's words are trained
beside it: other wordings share some of these words. With many rows they would take steps away from
the questions themselves, so there are none. Knows tokens and loss weights; trains nothing.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

import torch

from ragcl.consolidation.recipe import TRAINING
from ragcl.consolidation.training.packing import Example
from ragcl.generation.narrowing import excerpts
from ragcl.generation.prompts import ABSTENTION, Prompts
from ragcl.generation.reading import Reading
from ragcl.settings import ConsolidationSettings
from ragcl.text.rewording import indirectly, rewordings
from ragcl.text.words import content_words


def make_examples(
    rows: Sequence[Reading],
    unanswerable: Sequence[str],
    prompts: Prompts,
    settings: ConsolidationSettings,
    *,
    context_tokens: int,
) -> tuple[list[Example], list[Example]]:
    """The training examples of an adapter.

    Args:
        rows: the study rows.
        unanswerable: questions whose target is the abstention.
        prompts: the prompts of the model that is trained.
        settings: the weights of the losses.
        context_tokens: the budget of a prompt with context.

    Returns:
        The closed-book examples: one for each row and each unanswerable question, and word samples
        where rows are few; and the examples with passages, trained on soft labels alone.
    """
    passes = settings.min_steps * settings.batch_size // max(1, len(rows))
    spare = min(TRAINING.word_samples, passes // settings.epochs - 1)
    closed = []
    context = []
    for i, row in enumerate(rows):
        example = Example(
            prompt=prompts.closed_book(row.question).ids,
            target=(*row.ids, prompts.end),
            top_ids=row.top_ids,
            top_logprobs=row.top_logprobs,
            hard=settings.cross_entropy_weight * row.trust,
            soft=settings.soft_label_weight,
        )
        closed.append(example)
        closed += [
            replace(example, prompt=prompts.closed_book(words).ids)
            for words in word_samples(row.question, spare, settings.seed)
        ]
        if i % TRAINING.with_context_every == 0:
            texts = [one.text for one in excerpts(row.sentences)]
            prompt = prompts.with_context(row.question, texts, context_tokens).ids
            context.append(replace(example, prompt=prompt, hard=0.0, soft=1.0))
    target = prompts.answer_ids(ABSTENTION)
    for question in unanswerable:
        unknown = Example(
            prompt=prompts.closed_book(question).ids,
            target=target,
            top_ids=torch.zeros(len(target), 1, dtype=torch.long),
            top_logprobs=torch.zeros(len(target), 1),
            hard=TRAINING.abstention_weight,
            soft=0.0,
        )
        closed.append(unknown)
    return closed, context


def word_samples(question: str, count: int, seed: int) -> list[str]:
    """At most `count` random samples of a question's content words, in random order.

    The wordings that verification uses are not among them.
    """
    words = content_words(question)
    kept = min(len(words), max(2, round(TRAINING.sampled_words * len(words))))
    chance = random.Random(f"{seed} {question}")
    made = dict.fromkeys(" ".join(chance.sample(words, kept)) for _ in range(count))
    not_wanted = {"", question, *rewordings(question), indirectly(question)}
    return [one for one in made if one not in not_wanted]
