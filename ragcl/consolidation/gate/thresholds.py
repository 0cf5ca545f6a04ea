"""Thresholds of the router, and the share of right answers that they guarantee.

Learn, then test (Angelopoulos et al. 2021, arXiv 2110.01052). The trials are split in two. The
calibration split gives the loosest thresholds that reach the agreement of the settings, and a small
family of stricter ones. The held-out split, which had no part in that choice, gives the exact
binomial lower bound of the agreement. If it is below the settings' agreement, the stricter
thresholds are tested on the held-out split in a fixed sequence. Knows no model.
"""

import functools
import hashlib
import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragcl.consolidation.recipe import GATE
from ragcl.generation.routing import FIT
from ragcl.results import RoutingRisk

# What thresholds are set on. How like a question is to those learned is none of it: a new wording
# is less like them than many a near miss.
FEATURES = ("confidence", "margin", FIT)
NEVER = dict.fromkeys(FEATURES, math.inf)

Limits = dict[str, float]


@dataclass(frozen=True)
class Trial:
    """A question as the router would see it, and whether the weights' answer was right.

    `eligible`: the weights gave an answer that was learned about its best passage and proved.
    `features` are what the thresholds are set on; see `Decision`. `agreed`: the weights gave the
    in-context answer. Trials of one `fact` are not independent.
    """

    fact: str
    eligible: bool
    features: Mapping[str, float]
    agreed: bool

    def passes(self, limits: Mapping[str, float]) -> bool:
        """Whether the router would let the weights answer."""
        return self.eligible and all(self.features[name] >= limits[name] for name in limits)


def calibrate(
    trials: Sequence[Trial], near_misses: Sequence[Trial], agreement: float
) -> tuple[Limits, RoutingRisk]:
    """The thresholds of the router, and their risk on the held-out split.

    Two conditions have to hold: at least the share `agreement` of the routed trials agrees, and at
    most the share `GATE.let_through` of the near misses is routed. The loosest thresholds are
    chosen that keep both on the calibration split. On the held-out split two statements may be
    made, so each has half of the error probability: the bound of the chosen thresholds; and, if it
    is below `agreement`, the bound of stricter ones, tested from the strictest on until one fails.
    If none of these is certified, the loosest stay unless they are refuted, then the strictest
    unless they are. Thresholds that are refuted, for what they let through as well, are never
    chosen. If nothing is left, or there is no near miss to tell apart, the thresholds are infinite:
    nothing is routed.
    """
    calibration, held_out = split(trials)
    near, near_held_out = split(near_misses)

    def risk(limits: Limits, stated: float | None = None) -> RoutingRisk:
        routed = [one.agreed for one in held_out if one.passes(limits)]
        return RoutingRisk(
            trials=len(held_out),
            routed=len(routed),
            right=sum(routed),
            at_least=lower_bound(sum(routed), len(routed)) if stated is None else stated,
            confidence=GATE.confidence,
            near_misses=len(near_held_out),
            let_through=sum(one.passes(limits) for one in near_held_out),
        )

    every = family(calibration, near, agreement) if near_misses else []
    if not every:
        return dict(NEVER), risk(NEVER)
    loosest, *stricter = every
    if risk(loosest).at_least >= agreement and not refuted(risk(loosest), agreement):
        return loosest, risk(loosest)
    certified = None
    for limits in reversed(stricter):
        if risk(limits).at_least < agreement or refuted(risk(limits), agreement):
            break
        certified = limits
    if certified is not None:
        return certified, risk(certified, agreement)
    for limits in (loosest, every[-1]):
        if _agrees(limits, calibration, agreement) and not refuted(risk(limits), agreement):
            return limits, risk(limits)
    return dict(NEVER), risk(NEVER)


def split(trials: Iterable[Trial]) -> tuple[list[Trial], list[Trial]]:
    """The calibration split and the held-out split, half of the facts each.

    The held-out split has one trial of each fact, since the bound needs independent trials.
    """
    facts: dict[str, list[Trial]] = {}
    for one in trials:
        facts.setdefault(one.fact, []).append(one)
    order = sorted(facts, key=lambda fact: hashlib.sha256(fact.encode()).digest())
    calibration = [one for fact in order[::2] for one in facts[fact]]
    return calibration, [facts[fact][0] for fact in order[1::2]]


def family(trials: Sequence[Trial], near_misses: Sequence[Trial], agreement: float) -> list[Limits]:
    """Thresholds from loose to strict, made of quantiles of the right trials.

    The loosest are, of all combinations that keep both conditions, the one that routes most trials;
    of equal ones that which lets the fewest near misses through. Each stricter one raises every
    lower feature to its quantile at one of `GATE.levels`. There is always a threshold on the fit: a
    proof holds for questions that its sentence answers, never for the whole chunk.
    """
    good = [one for one in trials if one.eligible and one.agreed]
    if not good:
        return []
    steps = np.quantile(_features(good), GATE.levels, axis=0)
    grids = [
        np.unique([*([] if name == FIT else [-math.inf]), *column])
        for name, column in zip(FEATURES, steps.T, strict=True)
    ]
    right = np.array([one.agreed for one in trials])
    routed = _routed(_features(trials), grids)
    count = routed.sum(axis=-1)
    let_through = _routed(_features(near_misses), grids).sum(axis=-1)
    keeps = (count > 0) & (let_through <= GATE.let_through * len(near_misses))
    keeps &= (routed & right).sum(axis=-1) >= agreement * count
    if not keeps.any():
        return []
    worth = np.where(keeps, count * (len(near_misses) + 1) - let_through, -1)
    best = np.unravel_index(worth.argmax(), worth.shape)
    loosest = np.array([grid[place] for grid, place in zip(grids, best, strict=True)])
    made = [loosest, *(np.maximum(loosest, step) for step in steps)]
    limits_of = [dict(zip(FEATURES, map(float, one), strict=True)) for one in made]
    return [one for i, one in enumerate(limits_of) if one not in limits_of[:i]]


def _features(trials: Sequence[Trial]) -> np.ndarray:
    """`(n, features) float64`; NaN for trials that are not eligible, which no threshold passes."""
    rows = [
        [one.features[name] if one.eligible else math.nan for name in FEATURES] for one in trials
    ]
    return np.array(rows, np.float64).reshape(-1, len(FEATURES))


def _routed(features: np.ndarray, grids: Sequence[np.ndarray]) -> np.ndarray:
    """The trials that each combination of the thresholds in the grids routes.

    Args:
        features: `(trials, features) float64`.
        grids: the thresholds of each feature.

    Returns:
        `(len(grids[0]), …, len(grids[-1]), trials) bool`.
    """
    passes = [column >= grid[:, None] for column, grid in zip(features.T, grids, strict=True)]
    return functools.reduce(
        operator.and_,
        (
            np.expand_dims(one, [axis for axis in range(len(grids)) if axis != place])
            for place, one in enumerate(passes)
        ),
    )


def _agrees(limits: Limits, trials: Sequence[Trial], agreement: float) -> bool:
    """Whether some trials are routed and at least the share `agreement` of them agrees."""
    routed = [one.agreed for one in trials if one.passes(limits)]
    return bool(routed) and sum(routed) >= agreement * len(routed)


def lower_bound(right: int, trials: int, chance: float = (1 - GATE.confidence) / 2) -> float:
    """Lower confidence bound of the share right (Clopper and Pearson 1934), wrong by `chance`."""
    if right == 0:
        return 0.0
    low, high = 0.0, right / trials
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if at_least(right, trials, middle) <= chance else (low, middle)
    return low


def refuted(risk: RoutingRisk, agreement: float, chance: float = (1 - GATE.confidence) / 2) -> bool:
    """Whether a binomial test rejects, at the level `chance`, that either condition holds."""
    wrong = risk.routed - risk.right
    return (
        at_least(wrong, risk.routed, 1 - agreement) <= chance
        or at_least(risk.let_through, risk.near_misses, GATE.let_through) <= chance
    )


def at_least(count: int, trials: int, share: float) -> float:
    """The binomial tail: the probability of `count` or more successes with chance `share` each."""
    if count <= 0:
        return 1.0
    if count > trials or share <= 0:
        return 0.0
    if share >= 1:
        return 1.0

    def log_ways(k: int) -> float:
        return math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)

    return min(
        1.0,
        math.fsum(
            math.exp(log_ways(k) + k * math.log(share) + (trials - k) * math.log1p(-share))
            for k in range(count, trials + 1)
        ),
    )
