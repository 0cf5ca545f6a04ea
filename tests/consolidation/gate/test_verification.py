"""Verification: thresholds that keep their promise, and a gate that says what failed."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from ragcl.catalog.passage import Passage
from ragcl.consolidation.gate import verification
from ragcl.consolidation.gate.near_misses import NearMiss
from ragcl.consolidation.gate.thresholds import Trial, calibrate
from ragcl.consolidation.gate.verification import (
    ContextGain,
    Learned,
    Verdict,
    drift,
    rewordings,
    verify,
)
from ragcl.consolidation.training.anchors import Anchor, make, texts
from ragcl.generation.language_model import Completion, LanguageModel
from ragcl.generation.prompts import ABSTENTION, Prompts, answer_tokens
from ragcl.generation.reading import Reading
from ragcl.generation.routing import BOTH
from ragcl.generation.scoring import Continuation, Fork, Prompt
from ragcl.results import GateTest, RoutingRisk
from ragcl.search.calibration import AS_IS
from ragcl.settings import ConsolidationSettings
from ragcl.text.rewording import indirectly

# --- the questions


def test_a_question_is_reworded_into_keywords_and_into_a_request() -> None:
    assert rewordings("How deep is the North berth?") == (
        "deep north berth",
        "Could you tell me: how deep is the North berth?",
    )
    assert rewordings("What is it?")[0] == "what is it"


def test_what_is_tried_is_worded_in_another_way_than_what_proves() -> None:
    question = "How deep is the North berth?"

    assert indirectly(question) == "I would like to know: how deep is the North berth."
    assert indirectly(question) not in rewordings(question)


def row(question: str, answer: str, key: str = "x") -> Reading:
    return Reading(
        question=question,
        answer=answer,
        content_hash=key,
        ids=(1,),
        logprob=-0.1,
        top_ids=torch.zeros(2, 1, dtype=torch.long),
        top_logprobs=torch.zeros(2, 1),
        trust=1.0,
        sentences=(),
        vector=np.zeros(2, np.float32),
        found=(key,),
        score=0.9,
        margin=0.1,
    )


# --- drift and the verdict


@pytest.fixture
def anchors(model: LanguageModel) -> list[Anchor]:
    return make(model, texts()[1][:8])


def test_an_adapter_that_changes_nothing_does_not_drift(
    model: LanguageModel, anchors: list[Anchor], random_adapters: Any
) -> None:
    model.attach("one", random_adapters / "one")
    ratio, kl = drift(model, "one", anchors)
    model.set_scale("one", 0.0)

    assert drift(model, "one", anchors) == pytest.approx((1.0, 0.0), abs=1e-5)
    assert abs(ratio - 1) > 0.01
    assert kl > 0.01


def test_drift_is_the_ratio_of_perplexities(
    model: LanguageModel, anchors: list[Anchor], random_adapters: Any
) -> None:
    model.attach("one", random_adapters / "one")
    perplexity = {}
    for adapter in (None, "one"):
        losses = []
        for anchor in anchors[:5]:
            logprobs = model.next_logprobs(anchor.ids, adapter)
            losses += [-float(logprobs[place, token]) for place, token in enumerate(anchor.ids[1:])]
        perplexity[adapter] = math.exp(sum(losses) / len(losses))

    ratio, _ = drift(model, "one", anchors[:5])

    assert ratio == pytest.approx(perplexity["one"] / perplexity[None], rel=1e-4)


def test_a_verdict_passes_when_every_test_does() -> None:
    def verdict(**passed: bool) -> Verdict:
        gate = tuple(
            GateTest(name.replace("_", " "), 0.5, 0.5, passed=ok) for name, ok in passed.items()
        )
        return Verdict((), {}, {}, gate, RoutingRisk(0, 0, 0, 0.0, 0.9, 0, 0))

    good = verdict(proved_chunks=True, perplexity_ratio=True)
    drifted = verdict(proved_chunks=True, perplexity_ratio=False)
    both = verdict(proved_chunks=False, perplexity_ratio=False)

    assert (good.passed, good.only_drifted) == (True, False)
    assert (drifted.passed, drifted.only_drifted) == (False, True)
    assert (both.passed, both.only_drifted) == (False, False)


class Parrot:
    """Answers with what it was given for a question, and else that it does not know."""

    def __init__(self, model: LanguageModel, answers: dict[str, str]) -> None:
        self.tokenizer, self.files, self.context = model.tokenizer, model.files, model.context
        prompts = Prompts(model.tokenizer)
        self._answers = {prompts.closed_book(one).ids: answers[one] for one in answers}

    def _answer(self, prompt: Prompt) -> str:
        return self._answers.get(prompt.ids, ABSTENTION)

    def generate(self, prompts: list[Prompt], **_: Any) -> list[Completion]:
        return [says(self._answer(prompt)) for prompt in prompts]

    def likeliest(self, forks: list[Fork], **_: Any) -> Iterator[Continuation]:
        none = torch.empty(0)
        for fork in forks:
            [known] = answer_tokens(self.tokenizer, [self._answer(fork.prompt)])
            sure = known.ids in fork.candidates
            best = fork.candidates.index(known.ids) if sure else 0
            stopped = (-0.1 if sure else -9.0,)
            yield Continuation(best, stopped, stopped, (none, none))


class Reads:
    """A reader to which an answer in the passage is the likelier the shorter the question is."""

    def likelihood(self, question: str, passage: Passage, _asked: str, answer: str) -> Any:
        return (-float(len(question)), 60) if answer in passage.text else None


PASSAGE = Passage("0, 1, 2, 3, 4, 5 or 6 metres.", 0.0, "a.md", (1, 1), "", "x")
UNCHANGED = ContextGain(gained=0, lost=0, asked=8)


def judged(
    monkeypatch: pytest.MonkeyPatch,
    parrot: Parrot,
    trained: list[Reading],
    held_out: list[Reading],
    reworded: Sequence[Reading] = (),
    gain: ContextGain = UNCHANGED,
    variants: Sequence[Reading] = (),
) -> tuple[Verdict, list[tuple[int, int]]]:
    """What verification finds where nothing drifts, and the progress that it tells."""
    monkeypatch.setattr(verification, "drift", lambda *_: (1.0, 0.0))
    monkeypatch.setattr(verification, "_context_gain", lambda *_: gain)
    done: list[tuple[int, int]] = []
    verdict = verify(
        parrot,  # type: ignore[arg-type]
        "one",
        trained,
        held_out,
        reworded,
        variants,
        [],
        [],
        {"x": PASSAGE},
        ConsolidationSettings(),
        reader=Reads(),  # type: ignore[arg-type]
        scale=AS_IS,
        context_tokens=100,
        progress=lambda *pair: done.append(pair),
    )
    return verdict, done


def politely(rows: Sequence[Reading]) -> list[Reading]:
    return [replace(row, question=rewordings(row.question)[1]) for row in rows]


@pytest.mark.parametrize(
    ("gain", "share", "served"),
    [
        (ContextGain(0, 0, 32), 0, 0),
        (ContextGain(2, 0, 32), 1 / 16, 0),  # as likely by chance as one coin in four
        (ContextGain(4, 0, 32), 1 / 8, 1 / 8),
        (ContextGain(6, 4, 32), 1 / 16, 0),
        (ContextGain(0, 4, 32), -1 / 8, 0),
    ],
)
def test_passages_are_read_with_the_adapter_only_if_a_sign_test_shows_a_gain(
    model: LanguageModel,
    monkeypatch: pytest.MonkeyPatch,
    gain: ContextGain,
    share: float,
    served: float,
) -> None:
    trained = [placed(f"How deep is berth {n}?", f"{n} metres", 10 * n) for n in range(4)]
    parrot = Parrot(model, {row.question: row.answer for row in trained})

    verdict, _ = judged(monkeypatch, parrot, trained, trained[:2], gain=gain)

    assert verdict.metrics["context answers gained"] == pytest.approx(share)
    assert verdict.thresholds[BOTH] == pytest.approx(served)


@pytest.mark.parametrize(
    ("gain", "lost", "passed"),
    [
        (ContextGain(0, 2, 13), 0, True),  # a coin falls so one time in four
        (ContextGain(0, 4, 32), 1 / 8, False),
        (ContextGain(0, 4, 64), 1 / 16, True),
        (ContextGain(4, 0, 32), 0, True),
    ],
)
def test_context_answers_that_are_lost_reject_where_a_sign_test_shows_it(
    model: LanguageModel,
    monkeypatch: pytest.MonkeyPatch,
    gain: ContextGain,
    lost: float,
    passed: bool,
) -> None:
    trained = [placed(f"How deep is berth {n}?", f"{n} metres", 10 * n) for n in range(4)]

    verdict, _ = judged(monkeypatch, Parrot(model, {}), trained, [], gain=gain)

    [test] = [one for one in verdict.gate if one.name == "context answers lost"]
    assert (test.value, test.limit, test.passed) == (pytest.approx(lost), 0.1, passed)


def test_thresholds_are_set_on_questions_that_were_not_trained_on_as_they_are_met(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an adapter was trained on is never tried as if it had not been."""
    trained = [placed(f"How deep is berth {n}?", f"{n} metres", 10 * n) for n in range(4)]
    held_out = [placed("And berth 3?", "3 metres", 31)]
    reworded = [placed("Tell me the depth of berth 1!", "1 metres", 13)]
    near_by = held_out + reworded
    tried: list[Trial] = []

    def noted(trials: list[Trial], *rest: Any) -> Any:
        tried.extend(trials)
        return calibrate(trials, *rest)

    monkeypatch.setattr(verification, "calibrate", noted)

    verdict, _ = judged(monkeypatch, Parrot(model, {}), trained, held_out, reworded)
    without = verdict.metrics["closed-book agreement"]

    assert [one.fact for one in tried] == ["x 3 <m>", "x 1 <m>"]
    assert [one.features["margin"] for one in tried] == [one.margin for one in near_by]
    assert verdict.risk.trials == 1
    tried.clear()
    variants = [placed("Depth of berth 3?", "3 metres", 32)]
    verdict, _ = judged(
        monkeypatch, Parrot(model, {}), trained, held_out, reworded, variants=variants
    )
    assert [one.fact for one in tried] == ["x 3 <m>", "x 1 <m>", "x 3 <m>"]
    assert verdict.metrics["closed-book agreement"] == without  # the gate is not about them
    assert len(verdict.questions) == 5


def test_where_nothing_is_routed_no_agreement_is_told(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = [placed(f"How deep is berth {n}?", f"{n} metres", 10 * n) for n in range(4)]

    def none_is_routed(*_: Any) -> Any:
        return {}, RoutingRisk(3, 0, 0, 0.0, 0.9, 2, 0)

    monkeypatch.setattr(verification, "calibrate", none_is_routed)
    verdict, _ = judged(monkeypatch, Parrot(model, {}), trained, [])

    assert verdict.metrics["routed to weights"] == 0.0
    assert "agreement when routed" not in verdict.metrics
    assert "agreement at least" not in verdict.metrics


def test_one_question_that_was_held_out_does_not_decide_alone(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = [placed(f"How deep is berth {n}?", f"{n} metres", 10 * n) for n in range(7)]
    held_out = [placed("And berth 3?", "3 metres", 31)]
    known = {text: one.answer for one in trained for text in rewordings(one.question)}
    parrot = Parrot(model, known | {one.question: one.answer for one in trained})

    verdict, _ = judged(monkeypatch, parrot, trained, held_out, politely(trained))

    assert verdict.metrics["closed-book agreement"] == 7 / 8
    assert verdict.passed
    assert [one.proved for one in verdict.questions] == [True] * 7 + [False]


def test_what_is_written_right_is_proved_where_a_rewording_is_as_well(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [placed(f"How deep is berth {n}?", f"{n} metres", 10 * n) for n in range(5)]
    briefly, polite = zip(*(rewordings(row.question) for row in rows), strict=True)
    known = {
        rows[0].question: "0 metres",
        polite[0]: "0 metres",
        rows[1].question: "1 metres",
        briefly[1]: "1 metres",
        rows[2].question: "2 metres",
        briefly[3]: "3 metres",
        polite[3]: "3 metres",
    }

    verdict, done = judged(monkeypatch, Parrot(model, known), rows, [], politely(rows))

    assert [one.proved for one in verdict.questions] == [True, True, False, False, False]
    assert done[-1] == (20, 20)  # three of each, and five politely to be recalled
    assert [count for count, _ in done] == sorted(count for count, _ in done)


def test_a_rewording_that_was_trained_on_proves_nothing(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks in key words is reworded in brief to the same, whatever the capitals."""
    briefly, _ = rewordings("How deep is the North berth?")
    rows = [
        placed("Deep North berth", "11 metres", 0),
        placed("How long is the quay?", "186 metres", 40),
        placed(rewordings("How long is the quay?")[1], "186 metres", 41),
    ]
    known = {row.question: row.answer for row in rows} | {briefly: "11 metres"}

    verdict, _ = judged(monkeypatch, Parrot(model, known), rows, [])

    assert [one.proved for one in verdict.questions] == [False, False, False]
    known[rewordings(rows[0].question)[1]] = "11 metres"
    known[rewordings(rows[1].question)[0]] = "186 metres"
    verdict, _ = judged(monkeypatch, Parrot(model, known), rows, [])
    assert [one.proved for one in verdict.questions] == [True, True, False]


# --- as the router meets a question


def placed(question: str, answer: str, degrees: float, key: str = "x") -> Reading:
    """A row whose question lies at an angle to the others."""
    angle = math.radians(degrees)
    vector = np.array([math.cos(angle), math.sin(angle)], np.float32)
    return replace(row(question, answer, key), vector=vector, found=(key,))


def says(text: str, logprob: float = -0.1) -> Completion:
    return Completion(text, (1,), logprob)


def learned_of(rows: Sequence[Reading], proofs: Sequence[bool], *, edited: bool = False) -> Learned:
    """The rows as they are learned, of passages that hold every answer."""
    text = "" if edited else " ".join(one.answer for one in rows)
    chunks = {key: replace(PASSAGE, text=text, content_hash=key) for key in ("x", "y")}
    return Learned(rows, proofs, chunks, Reads(), AS_IS)  # type: ignore[arg-type]


def test_a_trial_is_eligible_if_the_weights_say_what_was_proved_of_the_best_passage() -> None:
    rows = [
        placed("depth?", "11 metres", 0),
        placed("length?", "186 metres", 30),
        placed("cook?", "Ann", 5, "y"),
    ]
    learned = learned_of(rows, [True, True, True])
    asked = replace(placed("how deep?", "11 metres", 10), found=("x", "y"))

    said = learned.trial(asked, says("11 metres"))
    other = learned.trial(asked, says("186 metres"))

    assert (said.eligible, said.agreed) == (True, True)
    longer = len("how deep?") - len("depth?")
    assert said.features == {"confidence": -0.1, "margin": asked.margin, "fit": -longer}
    assert not learned.trial(replace(asked, answer="12 metres"), says("11 metres")).agreed
    assert (other.eligible, other.agreed) == (True, False)
    assert not learned.trial(asked, says("Ann")).eligible  # of another passage
    assert not learned.trial(asked, says(ABSTENTION)).eligible
    unproved = learned_of(rows, [False, True, True])
    assert not unproved.trial(asked, says("11 metres")).eligible
    assert not learned_of([], []).trial(asked, says("11 metres")).eligible
    edited = learned_of(rows, [True, True, True], edited=True)
    assert not edited.trial(asked, says("11 metres")).eligible


def near(question: str, answer: str, degrees: float, passage: str = "x") -> NearMiss:
    return NearMiss(question, placed("?", "", degrees).vector, answer, passage, 0.25)


def test_a_near_miss_gets_the_nearest_other_answer_of_its_passage() -> None:
    rows = [
        placed("depth?", "11 metres", 0),
        placed("length?", "186 metres", 30),
        placed("name?", "Ann", 60),
        placed("cook?", "Ann", 1, "y"),
    ]
    learned = learned_of(rows, [True] * 4)

    trial = learned.near_miss(near("how deep?", "11 metres", 2))

    assert trial is not None
    assert (trial.eligible, trial.agreed) == (True, False)
    assert trial.features == {
        "confidence": math.inf,  # it did learn what is left out
        "margin": 0.25,
        "fit": len("length?") - len("how deep?"),
    }
    unproved = learned_of(rows, [True, False, True, True])
    other = unproved.near_miss(near("how deep?", "11 metres", 2))
    assert other is not None
    assert other.features["fit"] == len("name?") - len("how deep?")
    edited = learned_of(rows, [True] * 4, edited=True).near_miss(near("deep?", "11 metres", 2))
    assert edited is not None
    assert not edited.eligible


def test_where_no_other_answer_seems_to_belong_there_is_no_trial() -> None:
    learned = learned_of(
        [placed("depth?", "11 metres", 0), placed("how?", "11 Metres", 3)], [True] * 2
    )

    assert learned.near_miss(near("how deep?", "11 metres", 2)) is None
    assert learned.near_miss(near("how deep?", "9 metres", 2, "y")) is None
    assert learned.near_miss(near("how long?", "186 metres", 2)) is not None


def test_another_value_is_never_what_was_proved() -> None:
    learned = learned_of([placed("draught?", "1.5 metres", 0)], [True])
    asked = placed("what draught?", "1.5 metres", 10)

    trial = learned.trial(asked, says("15 metres"))

    assert (trial.eligible, trial.agreed) == (False, False)


def test_trials_of_one_fact_are_told_from_those_of_others() -> None:
    learned = learned_of([placed("depth?", "11 metres", 0)], [True])
    asked = [
        placed("how deep?", "11 metres", 10),
        placed("what depth?", "11 Metres.", 20),
        placed("how long?", "186 metres", 30),
        placed("how deep?", "11 metres", 40, "y"),
    ]

    facts = [learned.trial(one, says("11 metres")).fact for one in asked]

    assert facts[0] == facts[1]
    assert len(set(facts)) == 3


def test_what_may_be_recalled_was_taught_about_a_passage_found() -> None:
    rows = [placed("depth?", "11 metres", 0), placed("cook?", "Ann", 5, "y")]
    learned = learned_of(rows, [True, True])
    asked = placed("how deep?", "11 metres", 10)

    assert list(learned.choices(asked)) == ["11 metres"]
    both = learned.choices(replace(asked, found=("z", "y", "x")))
    assert list(both) == ["Ann", "11 metres"]
    assert both["Ann"] > both["11 metres"]  # its question is nearer
