"""What a round looks like beside the earlier ones: retention, drift, and the tokens it saves.

Pure figures from the reports in the catalog; knows no model, no text and no drawing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ragcl.catalog.asks import RouteCost
from ragcl.catalog.learning import RoundRecord
from ragcl.results import ConsolidationReport


@dataclass(frozen=True)
class Point:
    """One round among others; None: not measured.

    `retention` is a share in [0, 1]; `perplexity_ratio` is that on anchors, with the adapters to
    without; `tokens_saved` is what answers from the weights saved until this round.
    """

    round_id: int
    status: str
    chunks_proved: int
    retention: float | None
    perplexity_ratio: float | None
    tokens_saved: float | None


def concluded(rounds: Sequence[RoundRecord]) -> list[RoundRecord]:
    """The rounds that came to a verdict: not those that were interrupted or had nothing to do."""
    return [one for one in rounds if one.report and one.report.get("report_path")]


def last_ask(rounds: Sequence[RoundRecord]) -> int:
    """The number of the last ask that any of these rounds counted; 0 if none did."""
    return max((one.report.get("last_ask", 0) for one in rounds if one.report), default=0)


def retention(
    earlier: Sequence[RoundRecord], selected: Collection[str], proved: Collection[str]
) -> float | None:
    """The share of what earlier rounds promoted as proved, and is still selected, proved again.

    None where nothing that was proved is selected. What a candidate proved that was thrown away
    went with it: it does not count.
    """
    known = {
        chunk["content_hash"]
        for one in earlier
        if one.report
        for chunk in one.report.get("learned", ())
        if chunk["proved"] and chunk["promoted"]
    }
    known &= set(selected)
    return len(known & set(proved)) / len(known) if known else None


def tokens_saved(costs: Mapping[str, RouteCost]) -> float | None:
    """What the answers from the weights saved against prompts with context, in prompt tokens.

    None where there was an answer from the weights and none with context to compare it with.
    """
    weights, context = costs.get("weights"), costs.get("context")
    if weights is None:
        return 0.0
    if context is None:
        return None
    return weights.answers * (context.mean_prompt_tokens - weights.mean_prompt_tokens)


def points(earlier: Sequence[RoundRecord], done: ConsolidationReport) -> list[Point]:
    """The rounds so far and the one that is being reported, oldest first."""
    reports = [one.report for one in concluded(earlier) if one.report]
    return [_point(report) for report in [*reports, asdict(done)]]


def _point(report: Mapping[str, Any]) -> Point:
    return Point(
        round_id=report["round_id"],
        status=report["status"],
        chunks_proved=report["chunks_proved"],
        retention=report.get("retention"),
        perplexity_ratio=report["metrics"].get("perplexity ratio"),
        tokens_saved=report.get("tokens_saved"),
    )
