"""Figures over the rounds: retention, drift, and the prompt tokens saved.

Computed from the reports in the catalog; knows no model, no text and no plots.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ragcl.catalog.learning import RoundRecord
from ragcl.results import ConsolidationReport, RouteCost


@dataclass(frozen=True)
class Point:
    """The figures of one round; None: not measured.

    `retention` is a share in [0, 1]; `perplexity_ratio` is the perplexity on anchors with the
    adapters, divided by that without; `tokens_saved` are the prompt tokens that answers from the
    weights saved since the round before.
    """

    round_id: int
    status: str
    chunks_proved: int
    retention: float | None
    perplexity_ratio: float | None
    tokens_saved: float | None


def concluded(rounds: Sequence[RoundRecord]) -> list[RoundRecord]:
    """The rounds that were promoted or rejected."""
    return [one for one in rounds if one.report and one.report.report_path]


def last_ask(rounds: Sequence[RoundRecord]) -> int:
    """The id of the last ask that any of these rounds counted; 0 if none did."""
    return max((one.report.last_ask for one in rounds if one.report), default=0)


def retention(
    earlier: Sequence[RoundRecord], selected: Collection[str], proved: Collection[str]
) -> float | None:
    """The share of earlier proved and promoted chunks, still selected, that are proved again.

    None if there are no such chunks. Chunks that were proved by rejected candidates do not count.
    """
    known = {
        chunk.content_hash
        for one in earlier
        if one.report
        for chunk in one.report.learned
        if chunk.proved and chunk.promoted
    }
    known &= set(selected)
    return len(known & set(proved)) / len(known) if known else None


def tokens_saved(costs: Mapping[str, RouteCost]) -> float | None:
    """Prompt tokens that answers from the weights saved compared with the mean of those in context.

    None if there are answers from the weights, but none in context to compare with.
    """
    weights, context = costs.get("weights"), costs.get("context")
    if weights is None:
        return 0.0
    if context is None:
        return None
    return weights.answers * (context.mean_prompt_tokens - weights.mean_prompt_tokens)


def points(earlier: Sequence[RoundRecord], done: ConsolidationReport) -> list[Point]:
    """The figures of the earlier rounds and of the reported one, oldest first."""
    reports = [one.report for one in concluded(earlier) if one.report]
    return [_point(report) for report in [*reports, done]]


def _point(report: ConsolidationReport) -> Point:
    if report.round_id is None:
        raise ValueError("only a round that was begun has figures")
    return Point(
        round_id=report.round_id,
        status=report.status,
        chunks_proved=report.chunks_proved,
        retention=report.retention,
        perplexity_ratio=report.metrics.get("perplexity ratio"),
        tokens_saved=report.tokens_saved,
    )
