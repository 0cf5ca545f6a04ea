"""Meta-learning: an adapter to begin with, which has practised to learn.

Reptile (Nichol et al. 2018, arXiv 1803.02999): one small made-up world after another is learned for
a few steps from where the initial adapter is, which then moves a part of the way to where that led.
How a fact is taken in, which the worlds have in common, stays; what each of them says does not. It
is for a few rows, as one edit gives: many are learned better from nothing, since its habits are in
the way of what many steps find out. It is worth having if a few rows need fewer steps from it. That
is measured on worlds that it has not practised on, and what does not pass is thrown away. Knows
nothing of anybody's documents.
"""

import math
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from ragcl.consolidation.gate.verification import drift
from ragcl.consolidation.promotion import CONFIGURATION, read_manifest, write_manifest
from ragcl.consolidation.training import anchors
from ragcl.consolidation.training.anchors import Anchor
from ragcl.consolidation.training.distillation import Distillation, Weights, with_share
from ragcl.consolidation.training.examples import make_examples
from ragcl.consolidation.worlds import Fact, world
from ragcl.errors import SettingsError, UsageError
from ragcl.generation.influence import likelihood
from ragcl.generation.language_model import DIGEST, WEIGHTS, LanguageModel
from ragcl.generation.narrowing import Sentence
from ragcl.generation.prompts import Prompts
from ragcl.generation.reading import Reading
from ragcl.results import MetaLearningReport
from ragcl.settings import ConsolidationSettings

FEW = 16  # rows at most, to begin with it
WORLDS = 30  # to practise on
FACTS = 8  # in each, asked for in two ways
STEPS = 16  # in each, from where the initial adapter is
STEP_SIZE = 0.5  # the part of the way that it moves, in the beginning; falls to nothing
HELD_OUT = range(-6, 0)  # seeds of the worlds to measure on
SHARES = (0.25, 0.5, 0.75)  # of a training's steps, to be enough from the initial adapter
CONTEXT_TOKENS = 200  # a sentence is all there is to show
SHAPE = ("rank", "layers", "targets", "variant")  # settings that an adapter's weights depend on

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class InitialAdapter:
    """Its weights, their digest, and what share of a training's steps is enough from it."""

    weights: Weights
    digest: str
    share: float

    def shortened(self, settings: ConsolidationSettings) -> ConsolidationSettings:
        """The settings with as many steps as are enough."""
        return with_share(settings, self.share)


def load(folder: Path, model: LanguageModel, settings: ConsolidationSettings) -> InitialAdapter:
    """The initial adapter in a folder.

    Raises:
        SettingsError: there is none, or it is damaged, or of another model or another shape.
    """
    manifest = read_manifest(folder)
    if manifest is None or "share" not in manifest:
        raise SettingsError(
            f"consolidation.initial_adapter = {str(folder)!r}, but no whole initial adapter is "
            "there: make one with `ragcl meta-learn`, or leave the setting out."
        )
    made_for = {"model": manifest["base_revision"], **manifest["shape"]}
    wanted = {"model": model.files.revision, **_shape(settings)}
    differing = [name for name in wanted if made_for[name] != wanted[name]]
    if differing:
        was, now = (", ".join(f"{n} {one[n]}" for n in differing) for one in (made_for, wanted))
        raise SettingsError(
            f"consolidation.initial_adapter = {str(folder)!r} was made for {was}, but the settings "
            f"say {now}: make one with `ragcl meta-learn`, or leave the setting out."
        )
    return InitialAdapter(load_file(str(folder / WEIGHTS)), manifest[DIGEST], manifest["share"])


def meta_learn(
    model: LanguageModel, settings: ConsolidationSettings, folder: Path, *, progress: Progress
) -> MetaLearningReport:
    """Practise on made-up worlds; write the initial adapter to `folder` if it is worth having.

    Args:
        model: the base model; no adapter may be attached to it.
        settings: those of the rounds that are to begin with it.
        folder: where it goes; must not be there yet.
        progress: called as the work goes on.

    Raises:
        UsageError: `folder` is there already.
    """
    if folder.exists():
        raise UsageError(f"{folder} is there already: name another folder, or remove it.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    started = time.time()
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as name:
        school = _School(model, settings, Path(name))
        weights = school.practised(progress)
        trials, share = school.measured(weights, progress)
        if share is not None:
            finished = Path(name) / "finished"
            finished.mkdir()
            shutil.copy(school.learned / CONFIGURATION, finished)
            save_file(dict(weights), str(finished / WEIGHTS), metadata={"format": "pt"})
            write_manifest(
                finished,
                {
                    "base_model": model.files.name,
                    "base_revision": model.files.revision,
                    "shape": _shape(settings),
                    "share": share,
                    "trials": trials,
                },
            )
            finished.rename(folder)
    return MetaLearningReport(
        folder=str(folder) if share is not None else None,
        share=share,
        trials=trials,
        seconds=round(time.time() - started, 1),
    )


class _School:
    """Where a model practises to learn, and is tested on how well it does."""

    def __init__(self, model: LanguageModel, settings: ConsolidationSettings, work: Path) -> None:
        self._model = model
        self._settings = settings
        self.learned = work / "learned"  # the adapter of the last world that was learned

    def practised(self, progress: Progress) -> Weights:
        """The initial adapter after all worlds."""
        # As many steps for every world, whatever it has to say.
        settings = self._settings.model_copy(update={"epochs": 1, "min_steps": STEPS})
        distillation = Distillation(self._model, anchors.texts()[0], settings)
        weights: Weights | None = None
        for number in range(WORLDS):
            self._learn(distillation, world(number, FACTS), weights)
            learned = load_file(str(self.learned / WEIGHTS))
            weights = _moved(weights, learned, STEP_SIZE * (1 - number / WORLDS))
            progress("practising", number + 1, WORLDS)
        if weights is None:
            raise ValueError("there are no worlds to practise on")
        return weights

    def measured(
        self, weights: Weights, progress: Progress
    ) -> tuple[list[dict[str, Any]], float | None]:
        """What the worlds held out show: all trials, and the least share of the steps that does.

        None if none does. The first trial begins with nothing and takes all the steps.
        """
        distillation = Distillation(self._model, anchors.texts()[0], self._settings)
        trials = [self._trial(distillation, None, 1.0)]
        for tried, share in enumerate(SHARES, start=1):
            progress("measuring", tried, len(SHARES) + 1)
            trials.append(self._trial(distillation, weights, share))
            if self._worth_having(trials[-1], trials[0]):
                return trials, share
        return trials, None

    def _worth_having(self, trial: Mapping[str, Any], base: Mapping[str, Any]) -> bool:
        """As much learned, and no more drift than the gate lets through."""
        return bool(
            trial["log-likelihood"] >= base["log-likelihood"]
            and trial["perplexity ratio"] <= self._settings.max_perplexity_ratio
        )

    def _trial(
        self, distillation: Distillation, initial: Weights | None, share: float
    ) -> dict[str, Any]:
        """How well the worlds held out are learned with a share of the steps."""
        likelihoods, ratios, steps = [], [], 0.0
        for seed in HELD_OUT:
            learned = world(seed, FACTS)
            steps += self._learn(distillation, learned, initial, share)
            write_manifest(self.learned, {"base_revision": self._model.files.revision})
            self._model.attach("learned", self.learned)
            try:
                likelihoods += [self._log_likelihood(fact) for fact in learned]
                ratios.append(drift(self._model, "learned", self._unseen)[0])
            finally:
                self._model.detach("learned")
        return {
            "practised": initial is not None,
            "share": share,
            "steps": steps,
            "log-likelihood": statistics.mean(likelihoods),
            "perplexity ratio": math.exp(statistics.mean(map(math.log, ratios))),
        }

    def _learn(
        self,
        distillation: Distillation,
        facts: Sequence[Fact],
        initial: Weights | None,
        share: float = 1.0,
    ) -> float:
        """Train an adapter on two wordings of each fact; how many steps it took."""
        shutil.rmtree(self.learned, ignore_errors=True)
        rows = [self._row(fact, question) for fact in facts for question in fact.questions[:2]]
        trained = distillation.train(
            *make_examples(rows, (), self._prompts, self._settings, context_tokens=CONTEXT_TOKENS),
            self.learned,
            out_of_time=lambda: False,
            progress=lambda _done, _total: None,
            initial=initial,
            share=share,
        )
        if trained is None:
            raise RuntimeError("a training without a limit was cut short")
        return trained["steps"]

    def _row(self, fact: Fact, question: str) -> Reading:
        """The study row of a question; nobody has to read what was made up."""
        target = self._prompts.answer_ids(fact.answer)
        certain = torch.tensor(target)[:, None]
        return Reading(
            question=question,
            answer=fact.answer,
            content_hash="",
            ids=target[:-1],
            logprob=0.0,
            top_ids=certain,
            top_logprobs=torch.zeros(certain.shape),
            trust=1.0,
            sentences=(Sentence(fact.sentence, "", 1.0),),
            vector=np.empty(0, np.float32),
            found=(),
            score=1.0,
            margin=1.0,
        )

    def _log_likelihood(self, fact: Fact) -> float:
        """Of the answer to a wording that was not trained on; nats a token, the stop included."""
        prompt = self._prompts.closed_book(fact.questions[2])
        tokens = len(self._prompts.answer_ids(fact.answer))
        return likelihood(self._model, prompt, fact.answer, "learned") / tokens

    @cached_property
    def _prompts(self) -> Prompts:
        return Prompts.of(self._model)

    @cached_property
    def _unseen(self) -> list[Anchor]:
        return anchors.make(self._model, anchors.texts()[1])


def _moved(start: Weights | None, towards: Weights, part: float) -> Weights:
    """A part of the way from an adapter's weights towards others; all of it from nothing."""
    if start is None:
        return towards
    return {name: start[name] + part * (towards[name] - start[name]) for name in start}


def _shape(settings: ConsolidationSettings) -> dict[str, Any]:
    """What weights of an adapter depend on, as a manifest holds it."""
    shape: dict[str, Any] = settings.model_dump(include=set(SHAPE), mode="json")
    return shape
