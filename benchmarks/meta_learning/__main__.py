"""What it is worth to begin with an adapter that has practised to learn.

    python -m benchmarks.meta_learning [--worlds 30] [--out FILE]

Reptile (Nichol et al. 2018, arXiv 1803.02999): one small made-up world after another is learned for
a few steps from where the initial adapter is, which then moves a part of the way to where that led.
How a fact is taken in, which the worlds have in common, stays; what each of them says does not. It
would be worth having if as much were learned from it in fewer steps. That is measured on worlds
that it has not practised on: how likely the answers to a wording that was not trained on are (nats
a token), after a share of the steps from there, and after all of them from nothing.

Needs no outside data.
"""

import argparse
import json
import math
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import set_peft_model_state_dict
from safetensors.torch import load_file

from benchmarks.meta_learning.worlds import Fact, world
from benchmarks.progress import say
from ragcl.consolidation.gate.verification import drift
from ragcl.consolidation.promotion import Manifest, write_manifest
from ragcl.consolidation.training import anchors
from ragcl.consolidation.training.anchors import Anchor
from ragcl.consolidation.training.checkpoints import Weights
from ragcl.consolidation.training.distillation import Distillation
from ragcl.consolidation.training.examples import make_examples
from ragcl.generation.influence import likelihood
from ragcl.generation.language_model import WEIGHTS, LanguageModel
from ragcl.generation.narrowing import Sentence
from ragcl.generation.prompts import Prompts
from ragcl.generation.reading import Reading
from ragcl.models import model_files
from ragcl.settings import ConsolidationSettings

RESULTS = Path(__file__).parent.parent / "results" / "meta_learning.json"
WORLDS = 30  # to practise on
FACTS = 8  # in each, asked for in two ways
STEPS = 16  # in each, from where the initial adapter is
STEP_SIZE = 0.5  # the part of the way that it moves, in the beginning; falls to nothing
HELD_OUT = range(-6, 0)  # seeds of the worlds to measure on
SHARES = (0.25, 0.5, 0.75)  # of a training's steps, from the initial adapter
CONTEXT_TOKENS = 200  # a sentence is all there is to show


def main() -> None:
    """Run the experiment, print the table and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--worlds", type=int, default=WORLDS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    model = LanguageModel(model_files.resolve("default", "language_model"))
    with tempfile.TemporaryDirectory(prefix="ragcl-meta-learning-") as folder:
        school = School(model, ConsolidationSettings(), Path(folder))
        started = time.time()
        weights = school.practised(options.worlds)
        trials = school.measured(weights)
    result = {
        "command": f"python -m benchmarks.meta_learning --worlds {options.worlds}",
        "threads": torch.get_num_threads(),
        "seconds": round(time.time() - started),
        "trials": trials,
    }
    print(table(result))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


class Practised(Distillation):
    """Trains adapters that begin with given weights; with none, as every adapter does."""

    initial: Weights | None = None

    def _begin(self, adapted: Any) -> None:
        if self.initial is None:
            super()._begin(adapted)
        else:
            set_peft_model_state_dict(adapted, dict(self.initial))


class School:
    """Where a model practises to learn, and is tested on how well it does."""

    def __init__(self, model: LanguageModel, settings: ConsolidationSettings, work: Path) -> None:
        self._model = model
        self._settings = settings
        self._learned = work / "learned"  # the adapter of the last world that was learned

    def practised(self, worlds: int) -> Weights:
        """The initial adapter after so many worlds, at least one."""
        # As many steps for every world, whatever it has to say.
        training = self._training({"epochs": 1, "min_steps": STEPS})
        for number in range(worlds):
            self._learn(training, world(number, FACTS))
            learned = load_file(str(self._learned / WEIGHTS))
            part = STEP_SIZE * (1 - number / worlds)
            training.initial = moved(training.initial, learned, part)
            say(f"practised on {number + 1} of {worlds} worlds")
        if training.initial is None:
            raise ValueError("there are no worlds to practise on")
        return training.initial

    def measured(self, weights: Weights) -> list[dict[str, Any]]:
        """What the worlds held out show; the first trial begins with nothing, for all steps."""
        return [
            self._trial(None, 1.0),
            *(self._trial(weights, share) for share in SHARES),
        ]

    def _training(self, changes: dict[str, int]) -> Practised:
        settings = self._settings.model_copy(update=changes)
        return Practised(self._model, anchors.texts()[0], settings)

    def _trial(self, initial: Weights | None, share: float) -> dict[str, Any]:
        """How well the worlds held out are learned with a share of the steps."""
        names = ("epochs", "min_steps")
        training = self._training(
            {one: math.ceil(share * getattr(self._settings, one)) for one in names}
        )
        training.initial = initial
        likelihoods, ratios, steps = [], [], 0.0
        for seed in HELD_OUT:
            learned = world(seed, FACTS)
            steps += self._learn(training, learned)
            write_manifest(self._learned, Manifest(base_revision=self._model.files.revision))
            self._model.attach("learned", self._learned)
            try:
                likelihoods += [self._log_likelihood(fact) for fact in learned]
                ratios.append(drift(self._model, "learned", self._unseen)[0])
            finally:
                self._model.detach("learned")
        found = {
            "practised": initial is not None,
            "share": share,
            "steps": steps,
            "log-likelihood": statistics.mean(likelihoods),
            "perplexity ratio": math.exp(statistics.mean(map(math.log, ratios))),
        }
        say(f"  {found}")
        return found

    def _learn(self, training: Practised, facts: Sequence[Fact]) -> float:
        """Train an adapter on two wordings of each fact; how many steps it took."""
        shutil.rmtree(self._learned, ignore_errors=True)
        rows = [self._row(fact, question) for fact in facts for question in fact.questions[:2]]
        trained = training.train(
            *make_examples(rows, (), self._prompts, self._settings, context_tokens=CONTEXT_TOKENS),
            self._learned,
            out_of_time=lambda: False,
            progress=lambda _done, _total: None,
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


def moved(start: Weights | None, towards: Weights, part: float) -> Weights:
    """A part of the way from an adapter's weights towards others; all of it from nothing."""
    if start is None:
        return towards
    return {name: start[name] + part * (towards[name] - start[name]) for name in start}


def table(result: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [
        "| begun with | share of the steps | log-likelihood | perplexity ratio |",
        "|---|---|---|---|",
    ]
    for one in result["trials"]:
        lines.append(
            f"| {'the initial adapter' if one['practised'] else 'nothing'} | {one['share']:.2f} "
            f"| {one['log-likelihood']:.3f} | {one['perplexity ratio']:.3f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
