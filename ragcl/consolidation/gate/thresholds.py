"""Thresholds of the router: how sure it has to be, and how often the weights are then right.

Learn, then test (Angelopoulos et al. 2021, arXiv 2110.01052). Trials are split in two. On the
calibration split the loosest thresholds are sought that keep there what the settings ask; from them
a small family is made, each stricter than the one before. The held-out split has no say in that,
and tells how often it is kept, with the exact binomial bound. Where that bound is
below what the settings ask, the stricter ones are tested on it in a fixed sequence. Pure on trials;
knows no model.
"""

import functools
import hashlib
import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragcl.consolidation.recipe import GATE
from ragcl.results import RoutingRisk

SIMILARITY = "similarity"
FEATURES = ("confidence", "margin", "score", SIMILARITY)
NEVER = dict.fromkeys(FEATURES, math.inf)

Limits = dict[str, float]


@dataclass(frozen=True)
class Trial:
    """A question as the router would meet it, and whether the weights then agreed.

    `eligible` says that its best passage was learned, that the nearest question learned about it
    was proved, and that the weights said what was proved about it;
    `features` are what thresholds are set on: `similarity` is the cosine to the nearest question
    that was proved with what the weights said. Trials of one `fact` are not independent.
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
    """The thresholds that the router gets, and what the held-out split says of them.

    Two things are asked: of the routed trials at least the share `agreement` agrees, and of the
    near misses at most `GATE.let_through` is routed. The loosest thresholds are chosen that keep
    both on the calibration split. On the held-out split two statements may be made, so each has
    half of the chance to be wrong: one of the thresholds chosen; and, where that is less than
    what is asked, one of stricter ones, tested from the strictest on until one fails. Without that
    the loosest stay, unless they are refuted: then the strictest. Where none will do, they are
    infinite.
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

    every = family(calibration, near, agreement)
    if not every:
        return dict(NEVER), risk(NEVER)
    loosest, *stricter = every
    if risk(loosest).at_least >= agreement:
        return loosest, risk(loosest)
    certified = None
    for limits in reversed(stricter):
        if risk(limits).at_least < agreement:
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

    What one fact shows counts once in the held-out split: the bound is on independent trials.
    """
    facts: dict[str, list[Trial]] = {}
    for one in trials:
        facts.setdefault(one.fact, []).append(one)
    order = sorted(facts, key=lambda fact: hashlib.sha256(fact.encode()).digest())
    calibration = [one for fact in order[::2] for one in facts[fact]]
    return calibration, [facts[fact][0] for fact in order[1::2]]


def family(trials: Sequence[Trial], near_misses: Sequence[Trial], agreement: float) -> list[Limits]:
    """Thresholds from loose to strict, made of quantiles of the right trials.

    The loosest are, of all combinations, those that route most of the trials while they keep what
    is asked; of equal ones those that let fewer near misses through. In each of the others every
    feature that was lower is raised to its quantile at one of `GATE.levels`. Similarity is always
    asked for: a proof belongs to the neighbourhood of the questions it was made on, never to the
    chunk alone.
    """
    good = [one for one in trials if one.eligible and one.agreed]
    if not good:
        return []
    steps = np.quantile(_features(good), GATE.levels, axis=0)
    grids = [
        np.unique([*([] if name == SIMILARITY else [-math.inf]), *column])
        for name, column in zip(FEATURES, steps.T, strict=True)
    ]
    right = np.array([one.agreed for one in trials])
    routed = _routed(trials, grids)
    count = routed.sum(axis=-1)
    let_through = _routed(near_misses, grids).sum(axis=-1)
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
    """`(n, 4) float64`; what is not eligible passes no threshold, not even none at all."""
    rows = [
        [one.features[name] if one.eligible else math.nan for name in FEATURES] for one in trials
    ]
    return np.array(rows, np.float64).reshape(-1, len(FEATURES))


def _routed(trials: Sequence[Trial], grids: Sequence[np.ndarray]) -> np.ndarray:
    """Which trials every combination of the thresholds in the grids routes.

    Returns:
        `(len(grids[0]), …, len(grids[3]), len(trials)) bool`.
    """
    passes = [
        column >= grid[:, None] for column, grid in zip(_features(trials).T, grids, strict=True)
    ]
    return functools.reduce(
        operator.and_,
        (
            np.expand_dims(one, [axis for axis in range(len(grids)) if axis != place])
            for place, one in enumerate(passes)
        ),
    )


def _agrees(limits: Limits, trials: Sequence[Trial], agreement: float) -> bool:
    """Whether of the trials routed, and some are, as many agree as is asked."""
    routed = [one.agreed for one in trials if one.passes(limits)]
    return bool(routed) and sum(routed) >= agreement * len(routed)


def lower_bound(right: int, trials: int, chance: float = (1 - GATE.confidence) / 2) -> float:
    """The share that is at least right, wrong with this chance (Clopper and Pearson 1934)."""
    if right == 0:
        return 0.0
    low, high = 0.0, right / trials
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if at_least(right, trials, middle) <= chance else (low, middle)
    return low


def refuted(risk: RoutingRisk, agreement: float, chance: float = (1 - GATE.confidence) / 2) -> bool:
    """Whether a sample is too bad to be chance, if what is asked were so."""
    wrong = risk.routed - risk.right
    return (
        at_least(wrong, risk.routed, 1 - agreement) <= chance
        or at_least(risk.let_through, risk.near_misses, GATE.let_through) <= chance
    )


def at_least(count: int, trials: int, share: float) -> float:
    """The probability of so many or more in independent trials, each with the chance `share`."""
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
