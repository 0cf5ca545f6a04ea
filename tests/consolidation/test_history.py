"""A round beside the earlier ones: what was kept, how far it drifted, what it saved."""

from typing import Any

import pytest

from ragcl.catalog.learning import RoundRecord
from ragcl.consolidation.history import concluded, last_ask, points, retention, tokens_saved
from ragcl.results import ConsolidationReport, RouteCost, TrainedChunk


def finished(number: int, status: str = "promoted", **report: Any) -> RoundRecord:
    said = {"chunks_proved": 1, "report_path": "report.md", **report}
    done = ConsolidationReport(number, status, "", **said)  # type: ignore[arg-type]
    return RoundRecord(number, 1.0, 2.0, "finished", {}, done)


def learned(promoted: bool = True, /, **proved: bool) -> list[TrainedChunk]:
    return [
        TrainedChunk(key, "a.md", "", 3, 1, proved=value, promoted=promoted)
        for key, value in proved.items()
    ]


def test_retention_is_of_what_was_proved_before_and_is_selected_still() -> None:
    earlier = [
        finished(1, learned=learned(a=True, b=True, unproved=False)),
        finished(2, learned=learned(c=True, cooled=True)),
    ]

    assert retention(earlier, {"a", "b", "c", "unproved", "new"}, {"a", "c", "new"}) == 2 / 3
    assert retention(earlier, {"a"}, set()) == 0.0
    assert retention(earlier, {"new"}, {"new"}) is None
    assert retention([], {"a"}, {"a"}) is None


def test_what_a_candidate_proved_that_was_thrown_away_does_not_count() -> None:
    earlier = [finished(1, learned=[*learned(False, a=True), *learned(b=True)]), finished(2)]

    assert retention(earlier, {"a"}, {"a"}) is None
    assert retention(earlier, {"a", "b"}, {"a"}) == 0.0


def test_answers_from_the_weights_save_what_their_context_would_have_taken() -> None:
    weights, context = RouteCost(10, 40.0), RouteCost(3, 260.0)

    assert tokens_saved({"weights": weights, "context": context}) == 10 * 220
    assert tokens_saved({"context": context}) == 0.0
    assert tokens_saved({"weights": weights}) is None


def test_answers_are_counted_from_the_last_that_any_round_counted() -> None:
    earlier = [finished(1), finished(2, last_ask=7), finished(3, "interrupted")]

    assert last_ask(earlier) == 7
    assert last_ask([]) == 0


def test_only_rounds_that_came_to_a_verdict_are_points() -> None:
    earlier = [
        finished(1, metrics={"perplexity ratio": 1.01}),  # from before retention was reported
        finished(2, "rejected", report_path=None),  # interrupted
        RoundRecord(3, 1.0, None, "study", {}, None),
        finished(4, "rejected", retention=0.5, tokens_saved=7.0),
    ]
    done = ConsolidationReport(
        5, "promoted", "", chunks_proved=3, metrics={"perplexity ratio": 1.02}, retention=1.0
    )

    assert [one.id for one in concluded(earlier)] == [1, 4]
    found = points(earlier, done)

    assert [one.round_id for one in found] == [1, 4, 5]
    assert [one.retention for one in found] == [None, 0.5, 1.0]
    assert [one.perplexity_ratio for one in found] == [
        pytest.approx(1.01),
        None,
        pytest.approx(1.02),
    ]
    assert (found[1].tokens_saved, found[2].chunks_proved) == (7.0, 3)
