"""Thresholds of the router: how sure it has to be, and how often the weights are then right.

Learn, then test (Angelopoulos et al. 2021, arXiv 2110.01052). Trials are split in two. From the
calibration split a small family of thresholds is made, each stricter in everything than the one
before, and the loosest is chosen that keeps there what the settings ask. The held-out split has no
say in that, and tells how often it is kept, with the exact binomial bound. Where that bound is
below what the settings ask, the stricter ones are tested on it in a fixed sequence. Pure on trials;
knows no model.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragcl.results import RoutingRisk

SIMILARITY = "similarity"
FEATURES = ("confidence", "margin", "score", SIMILARITY)
LEVELS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7)  # shares of the right trials given up
LET_THROUGH = 0.05  # of near misses at most: what they cost is about half of it, in accuracy
CONFIDENCE = 0.9  # with which what the held-out split says is so
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
    near misses at most the share `LET_THROUGH` is routed. The loosest thresholds are chosen that
    keep both on the calibration split. On the held-out split two statements may be made, so each
    has half of the chance to be wrong: one of the thresholds chosen; and, where that is less than
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
            confidence=CONFIDENCE,
            near_misses=len(near_held_out),
            let_through=sum(one.passes(limits) for one in near_held_out),
        )

    few_let_through = [one for one in family(calibration) if _lets_few_through(one, near)]
    kept = [one for one in few_let_through if _agrees(one, calibration, agreement)]
    loosest = kept[0] if kept else None
    if loosest is not None and risk(loosest).at_least >= agreement:
        return loosest, risk(loosest)
    certified = None
    for limits in reversed(few_let_through):
        if limits is loosest or risk(limits).at_least < agreement:
            break
        certified = limits
    if certified is not None:
        return certified, risk(certified, agreement)
    for limits in (*kept[:1], *few_let_through[-1:]):
        if limits in kept and not refuted(risk(limits), agreement):
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


def family(trials: Sequence[Trial]) -> list[Limits]:
    """Thresholds from loose to strict: in each, every feature has its quantile at one of `LEVELS`.

    The quantiles are those of the trials that are right.
    """
    good = [one for one in trials if one.eligible and one.agreed]
    if not good:
        return []
    values = np.array([[one.features[name] for name in FEATURES] for one in good], np.float64)
    steps = np.quantile(values, LEVELS, axis=0).tolist()
    made = [dict(zip(FEATURES, step, strict=True)) for step in steps]
    return [one for i, one in enumerate(made) if one not in made[:i]]


def _agrees(limits: Limits, trials: Sequence[Trial], agreement: float) -> bool:
    """Whether of the trials routed, and some are, as many agree as is asked."""
    routed = [one.agreed for one in trials if one.passes(limits)]
    return bool(routed) and sum(routed) >= agreement * len(routed)


def _lets_few_through(limits: Limits, near_misses: Sequence[Trial]) -> bool:
    return sum(one.passes(limits) for one in near_misses) <= LET_THROUGH * len(near_misses)


def lower_bound(right: int, trials: int, chance: float = (1 - CONFIDENCE) / 2) -> float:
    """The share that is at least right, wrong with this chance (Clopper and Pearson 1934)."""
    if right == 0:
        return 0.0
    low, high = 0.0, right / trials
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if at_least(right, trials, middle) <= chance else (low, middle)
    return low


def refuted(risk: RoutingRisk, agreement: float, chance: float = (1 - CONFIDENCE) / 2) -> bool:
    """Whether a sample is too bad to be chance, if what is asked were so."""
    wrong = risk.routed - risk.right
    return (
        at_least(wrong, risk.routed, 1 - agreement) <= chance
        or at_least(risk.let_through, risk.near_misses, LET_THROUGH) <= chance
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
