"""The report of a round comes back from the catalog as it was, in old rows too."""

import json
from dataclasses import replace

from ragcl.catalog import reports
from ragcl.results import (
    ChunkLeftOut,
    ConsolidationReport,
    GateTest,
    RouteCost,
    RoutingRisk,
    TrainedChunk,
    to_dict,
)

WHOLE = ConsolidationReport(
    round_id=3,
    status="promoted",
    reason="",
    adapter_ids=["s0-a"],
    chunks_proved=1,
    metrics={"perplexity ratio": 1.01},
    gate=[GateTest("perplexity ratio", 1.01, 1.1, passed=True)],
    learned=[TrainedChunk("x", "a.md", "Berths", 3, 1, proved=True, promoted=True)],
    left_out=[ChunkLeftOut("b.md", "y", "no room")],
    retention=0.5,
    prompt_tokens={"weights": RouteCost(2, 40.0)},
    stage_seconds={"study": 1.5},
    risks={"s0-a": RoutingRisk(20, 14, 13, 0.7, 0.9, 36, 1)},
)


def test_a_report_is_read_as_it_was_written() -> None:
    assert reports.from_json(json.loads(json.dumps(reports.to_json(WHOLE)))) == WHOLE


def test_a_report_of_an_earlier_version_is_read() -> None:
    old = {"round_id": 1, "status": "rejected", "reason": "it drifted", "initial_adapter": None}

    assert reports.from_json(old) == ConsolidationReport(1, "rejected", "it drifted")


def test_a_report_names_its_chunks_and_can_be_without_them() -> None:
    assert reports.named(WHOLE) == {"x", "y"}
    assert reports.without(WHOLE, {"x"}) == replace(WHOLE, learned=[])
    assert reports.without(WHOLE, {"y", "z"}) == replace(WHOLE, left_out=[])


def test_its_parts_are_read_by_name_as_they_are_printed() -> None:
    [test], [chunk], [left] = WHOLE.gate, WHOLE.learned, WHOLE.left_out

    assert (test["passed"], chunk["heading"], left["reason"]) == (True, "Berths", "no room")
    assert dict(chunk) == to_dict(WHOLE)["learned"][0] == WHOLE["learned"][0]
    assert WHOLE["prompt_tokens"]["weights"] == {"answers": 2, "mean_prompt_tokens": 40.0}
