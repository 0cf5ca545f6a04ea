"""What others would do with the same texts and questions, to compare with.

- *plain*: a LoRA script as the tutorials of PEFT and transformers have it: every linear map of
  every layer adapted, the same rank as ragcl's, batches of the same size, as many passes and at
  least as many steps, the model's own loss.
- *raw text*: that script on the passages themselves, as continued pre-training.
- *fine-tuned*: that script on the questions and answers that ragcl's adapter is trained on; those
  kept back to verify with are kept from both.
- *distilled*: ragcl's own training on given rows, without what a round does before and after it.
- *answer cache*: no model; the stored answer of the most similar question that was asked.
- *nearest question taught*: no model either; of what ragcl's adapter was taught about the passages
  retrieved, the answer to the most similar question. It is what retrieval and study are worth
  without the weights.

Knows no benchmark.
"""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset
from transformers import PrinterCallback, Trainer, TrainingArguments

from benchmarks.progress import say
from ragcl import KnowledgeBase
from ragcl.catalog.learning import LearnedQuestion
from ragcl.consolidation.recipe import GATE
from ragcl.consolidation.study.forms import is_answer_of
from ragcl.consolidation.study.holding_out import hold_out
from ragcl.consolidation.training import anchors
from ragcl.consolidation.training.distillation import Distillation
from ragcl.consolidation.training.examples import make_examples
from ragcl.evaluation.metrics import contains, token_f1
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.prompts import Prompts
from ragcl.generation.reading import Reading
from ragcl.generation.recall import likelihood_alone, recall
from ragcl.generation.recipe import READING
from ragcl.models import model_files
from ragcl.settings import AnsweringSettings, ConsolidationSettings
from ragcl.text.rewording import POLITELY, rewordings

LEARNING_RATE = 1e-3  # the usual 2e-4 learns hardly anything in so few steps
MAX_TOKENS = 256  # of a passage in one row
CACHED = 0.8  # cosine of two questions at which a cache serves the answer of one for the other
RAW_EPOCHS = 4  # over the passages
NOTHING = -100  # labels that count for no loss, as transformers has it


def measure(
    kb: KnowledgeBase, folder: Path, asked: Sequence[dict[str, Any]], *, trained: bool
) -> dict[str, dict[str, float]]:
    """What they say to questions with `answers`, after a round that made one adapter.

    Beside them what that adapter says by its likelihood alone. Only where they are to be `trained`
    those that are take part.
    """
    log = kb.catalog.asks.log()
    _, active = kb.catalog.learning.active()
    hot = {chunk.content_hash for adapter in active for chunk in adapter.chunks}
    passages = [chunk.headed for chunk in kb.catalog.documents.current(hot).values()]
    held_out = [one["question"] for one in asked]
    right = [one["answers"] for one in asked]
    taught = rows_taught(kb, held_out)
    choices = [[row.answer for row in rows] for rows in taught]
    cache = AnswerCache(
        kb._embedder.encode_questions,
        [one.question for one in log],
        ["" if one.route == "none" else one.answer for one in log],
    )

    def learner(name: str, epochs: int) -> Plain:
        say(f"{name} …")
        model = LanguageModel(model_files.resolve("default", "language_model"))
        return Plain(model, folder / name, epochs=epochs)

    def seen(answered: Callable[[], list[str]], tokens: float) -> dict[str, float]:
        started = time.time()
        said = answered()
        seconds = time.time() - started
        row = {
            "accuracy": accuracy(said, right),
            "f1": statistics.mean(map(token_f1, said, right)),
            "prompt_tokens": tokens,
            "seconds_a_question": seconds / len(said),
            "from_weights": 0.0 if tokens == 0 else 1.0,
        }
        say(f"  {row}")
        return row

    found = {
        "answer cache": seen(lambda: cache.serve(held_out), 0),
        "nearest question taught": seen(lambda: nearest_answers(kb, held_out, taught), 0),
    }
    prompts = Prompts.of(kb._language_model)
    tokens = statistics.mean(len(prompts.closed_book(one).ids) for one in held_out)
    say("adapter, its likelihood alone …")
    [adapter] = active
    found["adapter, its likelihood alone"] = seen(
        lambda: recalled(kb._language_model, held_out, choices, adapter.id), tokens
    )
    if not trained:
        return found
    raw = learner("raw text", RAW_EPOCHS)
    raw.learn_text(passages)
    found["raw-text LoRA, closed-book"] = seen(
        lambda: written(raw.model, held_out, "plain", READING.written_tokens), tokens
    )
    tuned = learner("fine-tuned", kb.settings.consolidation.epochs)
    tuned.learn_answers(readings_taught(kb))
    found["plain fine-tuning on the same rows"] = seen(
        lambda: recalled(tuned.model, held_out, choices, "plain"), tokens
    )
    return found


def accuracy(said: Sequence[str], answers: Sequence[Sequence[str]]) -> float:
    """The share of what was said that holds one of the answers accepted for it."""
    return statistics.mean(contains(text, right) for text, right in zip(said, answers, strict=True))


class Plain:
    """A LoRA script without any of what ragcl does."""

    def __init__(self, model: LanguageModel, folder: Path, *, epochs: int) -> None:
        """`model` must have no adapter; the trained one is attached to it as `plain`."""
        self.model = model
        self.prompts = Prompts.of(model)
        self._folder = folder
        self._epochs = epochs

    def learn_text(self, passages: Sequence[str]) -> None:
        """Continue the pre-training on passages."""
        ids = [self.model.tokenizer(one)["input_ids"][:MAX_TOKENS] for one in passages]
        self._train([(one, one) for one in ids])

    def learn_answers(self, rows: Sequence[Reading]) -> None:
        """Fine-tune on questions with answers."""
        pairs = []
        for row in rows:
            prompt = list(self.prompts.closed_book(row.question).ids)
            target = [*row.ids, self.prompts.end]
            pairs.append((prompt + target, [NOTHING] * len(prompt) + target))
        self._train(pairs)

    def _train(self, pairs: Sequence[tuple[list[int], list[int]]]) -> None:
        settings = ConsolidationSettings()
        torch.manual_seed(settings.seed)
        adapted = get_peft_model(
            self.model.base,
            LoraConfig(
                r=settings.rank,
                lora_alpha=2 * settings.rank,
                target_modules="all-linear",
                task_type="CAUSAL_LM",
            ),
        )
        trainer = Trainer(
            model=adapted,
            args=TrainingArguments(
                output_dir=str(self._folder / "trainer"),
                max_steps=max(
                    settings.min_steps,
                    self._epochs * math.ceil(len(pairs) / settings.batch_size),
                ),
                per_device_train_batch_size=settings.batch_size,
                learning_rate=LEARNING_RATE,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
                use_cpu=self.model.base.device.type == "cpu",
                seed=settings.seed,
                dataloader_pin_memory=False,
            ),
            train_dataset=_Rows(pairs),
            data_collator=_padded,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        adapted.save_pretrained(str(self._folder))
        adapted.unload()
        self.model.base.requires_grad_(False)
        self.model.base.eval()
        manifest = f'{{"base_revision": "{self.model.files.revision}"}}'
        (self._folder / "manifest.json").write_text(manifest, encoding="utf-8")
        self.model.attach("plain", self._folder)


def distilled(
    model: LanguageModel, rows: Sequence[Reading], settings: ConsolidationSettings, folder: Path
) -> None:
    """Write to `folder` the adapter that a round would train on these rows."""
    context_tokens = AnsweringSettings().context_tokens
    Distillation(model, anchors.texts()[0], settings).train(
        *make_examples(rows, (), Prompts.of(model), settings, context_tokens=context_tokens),
        folder,
        out_of_time=lambda: False,
        progress=lambda _done, _total: None,
    )


def readings_taught(kb: KnowledgeBase) -> list[Reading]:
    """The rows that the active adapters were trained on, as they were studied."""
    _, active = kb.catalog.learning.active()
    trained = []
    for adapter in active:
        hot = {chunk.content_hash for chunk in adapter.chunks}
        study = kb.catalog.learning.study(hot, kb._answerer.reader.teacher(kb._embedder))
        known = [one.question for one in adapter.questions if one.question in study]
        rows = [Reading.of(study[one]) for one in sorted(known)]
        trained += hold_out(rows, kb.settings.consolidation.seed)[0]
    return trained


def written(
    model: LanguageModel,
    questions: Sequence[str],
    adapter: str,
    max_new_tokens: int = GATE.answer_tokens,
) -> list[str]:
    """What is written freely, without context."""
    prompts = Prompts.of(model)
    asked = [prompts.closed_book(one) for one in questions]
    said = model.generate(asked, adapter=adapter, max_new_tokens=max_new_tokens)
    return [one.text for one in said]


def proved_share(model: LanguageModel, rows: Sequence[Reading], adapter: str) -> float:
    """The share of rows whose answer is written freely, to their question and politely asked."""
    asked = [row.question for row in rows]
    said = zip(
        written(model, asked, adapter),
        written(model, [rewordings(question)[POLITELY] for question in asked], adapter),
        rows,
        strict=True,
    )
    right = [all(is_answer_of(text, row) for text in texts) for *texts, row in said]
    return sum(right) / max(1, len(rows))


def recalled(
    model: LanguageModel,
    questions: Sequence[str],
    taught: Sequence[Sequence[str]],
    adapter: str | None,
) -> list[str]:
    """The likeliest of the answers taught about each question's passages, however near they are."""
    prompts = [Prompts.of(model).closed_book(question) for question in questions]
    choices = [likelihood_alone(answers) for answers in taught]
    return [one.text for one in recall(model, prompts, choices, adapter=adapter)]


class _Rows(Dataset[tuple[list[int], list[int]]]):
    def __init__(self, pairs: Sequence[tuple[list[int], list[int]]]) -> None:
        self._pairs = pairs

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> tuple[list[int], list[int]]:
        return self._pairs[index]


def _padded(rows: Sequence[tuple[list[int], list[int]]]) -> dict[str, torch.Tensor]:
    ids = [torch.tensor(one) for one, _ in rows]
    labels = [torch.tensor(one) for _, one in rows]
    return {
        "input_ids": pad_sequence(ids, batch_first=True),
        "attention_mask": pad_sequence([torch.ones_like(one) for one in ids], batch_first=True),
        "labels": pad_sequence(labels, batch_first=True, padding_value=NOTHING),
    }


class AnswerCache:
    """The answer that was given to the most similar question, if it is similar enough."""

    def __init__(
        self,
        embed: Callable[[Sequence[str]], np.ndarray],
        questions: Sequence[str],
        answers: Sequence[str],
    ) -> None:
        """`embed` gives `(n, dim) float32`, rows of length one."""
        self._embed = embed
        self._vectors = embed(questions)
        self._answers = answers

    def serve(self, questions: Sequence[str]) -> list[str]:
        """The stored answers; '' where no stored question is similar."""
        cosines = self._embed(questions) @ self._vectors.T
        return [
            self._answers[best] if row[best] >= CACHED else ""
            for row, best in zip(cosines, cosines.argmax(axis=1).tolist(), strict=True)
        ]


def rows_taught(kb: KnowledgeBase, questions: Sequence[str]) -> list[list[LearnedQuestion]]:
    """For each question, what the active adapters were taught about the passages it retrieves."""
    _, active = kb.catalog.learning.active()
    rows = [row for adapter in active for row in adapter.questions if row.answer]
    found = [passages_found(kb, question) for question in questions]
    return [[row for row in rows if row.content_hash in passages] for passages in found]


def passages_found(kb: KnowledgeBase, question: str) -> set[str]:
    """The content hashes of the passages that a question is answered from."""
    return {hit.content_hash for hit in kb.search(question, k=kb.settings.answering.passages)}


def nearest_answers(
    kb: KnowledgeBase, questions: Sequence[str], taught: Sequence[Sequence[LearnedQuestion]]
) -> list[str]:
    """For each question the answer to the most similar of those taught; '' where there is none."""
    vectors = kb._embedder.encode_questions(questions)
    return [
        max(rows, key=lambda row: float(row.vector @ vector)).answer if rows else ""
        for vector, rows in zip(vectors, taught, strict=True)
    ]
