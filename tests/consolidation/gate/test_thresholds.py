"""Thresholds: what is said of them holds, on questions that had no say in choosing them."""

import itertools
import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragcl.consolidation.gate.thresholds import (
    FEATURES,
    NEVER,
    Trial,
    at_least,
    calibrate,
    family,
    lower_bound,
    split,
)
from ragcl.consolidation.recipe import GATE

VALUES = st.fixed_dictionaries({name: st.floats(-1, 1) for name in FEATURES})
TRIALS = st.lists(
    st.builds(Trial, st.sampled_from("abcdefghij"), st.booleans(), VALUES, st.booleans()),
    max_size=30,
)


def trial(n: int, agreed: bool = True, eligible: bool = True, **features: float) -> Trial:
    return Trial(f"fact {n}", eligible, {**dict.fromkeys(FEATURES, 0.5), **features}, agreed)


# They are told apart by themselves.
FAR = [trial(1000 + n, agreed=False, eligible=False) for n in range(10)]


# --- the two splits


@given(trials=TRIALS)
def test_no_fact_is_in_both_splits_and_one_counts_once_where_risk_is_told(
    trials: list[Trial],
) -> None:
    calibration, held_out = split(trials)

    facts = [one.fact for one in held_out]
    assert len(set(facts)) == len(facts)
    assert {one.fact for one in calibration}.isdisjoint(facts)
    assert {one.fact for one in calibration} | set(facts) == {one.fact for one in trials}
    assert len({one.fact for one in calibration}) - len(facts) in (0, 1)
    assert all(one in calibration or one.fact in facts for one in trials)


@given(trials=TRIALS, seed=st.randoms())
def test_the_splits_are_the_same_whatever_the_order_of_facts(
    trials: list[Trial], seed: random.Random
) -> None:
    other = list(trials)
    seed.shuffle(other)

    assert {one.fact for one in split(trials)[0]} == {one.fact for one in split(other)[0]}


# --- what is chosen


@given(trials=TRIALS, near=TRIALS)
def test_the_family_goes_from_loose_to_strict(trials: list[Trial], near: list[Trial]) -> None:
    every = family(trials, near, 0.9)

    for one, stricter in itertools.pairwise(every):
        assert all(one[name] <= stricter[name] for name in FEATURES)
        assert one != stricter
    assert len(every) <= 9


@given(trials=TRIALS, near=TRIALS, agreement=st.floats(0.05, 1))
@settings(max_examples=200)
def test_what_is_chosen_keeps_both_promises_on_the_calibration_split(
    trials: list[Trial], near: list[Trial], agreement: float
) -> None:
    limits, risk = calibrate(trials, near, agreement)

    calibration, held_out = split(trials)
    near_calibration, near_held_out = split(near)
    assert limits in [NEVER, *family(calibration, near_calibration, agreement)]
    let_through = sum(one.passes(limits) for one in near_calibration)
    assert let_through <= GATE.let_through * len(near_calibration)
    if limits != NEVER and risk.at_least < agreement:  # else it is certified
        routed = [one.agreed for one in calibration if one.passes(limits)]
        assert sum(routed) >= agreement * len(routed) > 0
    routed = [one.agreed for one in held_out if one.passes(limits)]
    assert (risk.trials, risk.routed, risk.right) == (len(held_out), len(routed), sum(routed))
    assert risk.near_misses == len(near_held_out)
    assert risk.let_through == sum(one.passes(limits) for one in near_held_out)


@given(trials=TRIALS, near=TRIALS)
def test_what_is_held_out_can_only_make_thresholds_stricter(
    trials: list[Trial], near: list[Trial]
) -> None:
    """It has no say in which are chosen: it may certify stricter ones, or refute them."""
    facts = {one.fact for one in split(trials)[1]}
    wished = [replace(one, agreed=True) if one.fact in facts else one for one in trials]

    limits, _ = calibrate(trials, near, 0.95)
    otherwise, _ = calibrate(wished, near, 0.95)

    assert all(limits[name] >= otherwise[name] for name in FEATURES)


def test_a_few_trials_that_are_all_right_are_enough_to_route_and_little_is_promised() -> None:
    """With twenty learned questions the weights do speak, and nobody is told that it is sure."""
    trials = [trial(n, confidence=0.5 + n / 100) for n in range(20)]

    limits, risk = calibrate(trials, FAR, 0.95)

    assert limits["confidence"] <= 0.51
    assert risk.routed == risk.right >= 9
    assert risk.at_least == pytest.approx(0.05 ** (1 / risk.right))


def test_how_well_the_answer_fits_is_always_asked() -> None:
    """Though the near misses at hand are kept out by themselves."""
    limits, _ = calibrate([trial(n, fit=0.7 + n / 10) for n in range(3)], FAR, 0.95)

    assert limits["fit"] >= 0.7


def test_without_a_near_miss_to_tell_apart_nothing_new_is_answered() -> None:
    assert calibrate([trial(n) for n in range(20)], [], 0.95)[0] == NEVER
    assert calibrate([trial(n) for n in range(20)], FAR, 0.95)[0] != NEVER


def test_near_misses_are_kept_out_by_what_tells_them_apart() -> None:
    learned = [trial(n, fit=0.6 + 0.02 * n) for n in range(20)]
    near = [trial(100 + n, agreed=False, fit=0.5) for n in range(20)]

    limits, risk = calibrate(learned, near, 0.95)

    assert 0.5 < limits["fit"] <= 0.66
    assert (risk.near_misses, risk.let_through) == (10, 0)


def test_only_the_feature_that_tells_near_misses_apart_is_asked_for() -> None:
    """Its thresholds cost no trial that is low in another feature."""
    spread = random.Random(0)
    others = [{name: spread.random() for name in ("confidence", "margin")} for _ in range(80)]
    learned = [trial(n, fit=0.7 + 0.002 * n, **others[n]) for n in range(40)]
    near = [trial(100 + n, agreed=False, fit=0.5, **others[40 + n]) for n in range(40)]

    limits, risk = calibrate(learned, near, 0.95)

    assert risk.routed >= 0.9 * risk.trials
    assert risk.let_through == 0
    assert limits["fit"] > 0.5


def test_a_feature_that_tells_right_from_wrong_is_used() -> None:
    right = [trial(n, confidence=-0.1 * n) for n in range(10)]
    wrong = [trial(100 + n, agreed=False, confidence=-2.0) for n in range(10)]

    limits, _ = calibrate([*right, *wrong], FAR, 0.95)

    assert -2 < limits["confidence"] <= 0


@pytest.mark.parametrize(
    "trials",
    [
        [],
        [trial(n, agreed=False) for n in range(9)],
        [trial(n, eligible=False) for n in range(9)],
        [trial(n, agreed=n % 2 == 0) for n in range(40)],
    ],
)
def test_where_the_promise_cannot_be_kept_nothing_is_ever_routed(trials: list[Trial]) -> None:
    limits, risk = calibrate(trials, FAR, 0.95)

    assert limits == NEVER
    assert (risk.routed, risk.at_least) == (0, 0.0)


def test_where_near_misses_cannot_be_told_apart_nothing_is_routed() -> None:
    right = [trial(n) for n in range(9)]

    assert calibrate(right, [trial(100 + n, agreed=False) for n in range(9)], 0.95)[0] == NEVER


def test_what_the_held_out_split_refutes_is_not_served() -> None:
    trials = [trial(n) for n in range(40)]
    facts = {one.fact for one in split(trials)[1]}
    wrong = [replace(one, agreed=one.fact not in facts) for one in trials]
    near = [trial(100 + n, eligible=False) for n in range(40)]
    strange = {one.fact for one in split(near)[1]}
    alike = [replace(one, eligible=one.fact in strange) for one in near]

    assert calibrate(trials, near, 0.95)[0] != NEVER
    assert calibrate(wrong, near, 0.95)[0] == NEVER
    assert calibrate(trials, alike, 0.95)[0] == NEVER


# --- what is said


def test_thresholds_that_let_held_out_near_misses_through_are_not_chosen_however_right() -> None:
    right = [trial(n, fit=0.9) for n in range(200)]
    held_out = {one.fact for one in split([trial(n) for n in range(60)])[1]}
    near = [trial(n, fit=0.95 if f"fact {n}" in held_out else 0.1) for n in range(60)]

    limits, risk = calibrate(right, near, 0.9)

    assert limits == NEVER
    assert (risk.let_through, risk.routed) == (0, 0)


@pytest.mark.parametrize(
    ("right", "trials", "chance", "expected"),
    [(0, 9, 0.1, 0.0), (45, 45, 0.1, 0.1 ** (1 / 45)), (9, 10, 0.05, 0.6058), (0, 0, 0.1, 0.0)],
)
def test_the_bound_is_that_of_clopper_and_pearson(
    right: int, trials: int, chance: float, expected: float
) -> None:
    assert lower_bound(right, trials, chance) == pytest.approx(expected, abs=1e-4)


def test_it_takes_45_of_45_to_be_sure_of_95_in_100() -> None:
    assert lower_bound(44, 44, 0.1) < 0.95 < lower_bound(45, 45, 0.1)


@given(trials=st.integers(1, 300), share=st.floats(0, 1), data=st.data())
def test_probabilities_of_counts_are_those_of_the_binomial_distribution(
    trials: int, share: float, data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, trials + 1))

    fewer = at_least(trials - count + 1, trials, 1 - share)  # so many of the others

    assert at_least(count, trials, share) + fewer == pytest.approx(1, abs=1e-9)


def simulated(
    seed: int, count: int, near: int, share: Callable[[float], float]
) -> tuple[list[Trial], list[Trial]]:
    """Trials whose features all are one number in [0, 1], and right with a chance that it sets."""
    chance = random.Random(seed)

    def one(n: int, value: float, agreed: bool) -> Trial:
        return Trial(f"{seed} {n}", True, dict.fromkeys(FEATURES, value), agreed)

    values = [chance.random() for _ in range(count)]
    trials = [one(n, value, chance.random() < share(value)) for n, value in enumerate(values)]
    return trials, [one(-1 - n, chance.random() / 4, agreed=False) for n in range(near)]


@pytest.mark.parametrize("count", [12, 60, 240])
@pytest.mark.parametrize(("worst", "best"), [(0.4, 1.0), (0.85, 0.99), (0.9, 0.9)])
def test_what_is_promised_is_kept_as_often_as_is_said(
    count: int, worst: float, best: float
) -> None:
    """Of what is routed so much is right in truth, in nine of ten knowledge bases at least."""
    kept, rounds = 0, 200
    for seed in range(rounds):
        trials, near = simulated(seed, count, 20, lambda x: worst + (best - worst) * x)
        limits, risk = calibrate(trials, near, 0.95)
        limit = min(max(limits.values()), 1.0)
        truth = worst + (best - worst) * (1 + limit) / 2  # the mean of those above the threshold
        kept += limits == NEVER or truth >= risk.at_least

    slack = 2 * math.sqrt(GATE.confidence * (1 - GATE.confidence) / rounds)
    assert kept / rounds >= GATE.confidence - slack


def test_with_many_trials_what_the_settings_ask_is_certified() -> None:
    """The thresholds that keep it on the calibration split keep it elsewhere by half a chance."""
    certified = 0
    for seed in range(20):
        trials, near = simulated(seed, 3000, 20, lambda x: 0.85 + 0.15 * x)
        limits, risk = calibrate(trials, near, 0.95)
        certified += risk.at_least >= 0.95
        assert risk.at_least < 0.95 or 0.85 + 0.15 * (1 + max(limits.values())) / 2 >= 0.95

    assert certified >= 14
