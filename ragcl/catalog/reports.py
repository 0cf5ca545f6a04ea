"""The reports of rounds as JSON in the catalog: written and read here alone.

Older rows have fewer fields, or fields that are gone. Knows no query.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, replace
from typing import Any

from ragcl.results import (
    ChunkLeftOut,
    ConsolidationReport,
    GateTest,
    RouteCost,
    RoutingRisk,
    TrainedChunk,
    to_dict,
)

_LISTS: dict[str, Callable[..., Any]] = {
    "gate": GateTest,
    "learned": TrainedChunk,
    "left_out": ChunkLeftOut,
}
_BY_NAME: dict[str, Callable[..., Any]] = {"prompt_tokens": RouteCost, "risks": RoutingRisk}
_FIELDS = {one.name for one in fields(ConsolidationReport)}


def to_json(report: ConsolidationReport) -> dict[str, Any]:
    """A report as the catalog stores it."""
    return to_dict(report)


def from_json(values: Mapping[str, Any]) -> ConsolidationReport:
    """The report that `to_json` gave, now or in an earlier version."""
    known: dict[str, Any] = {name: values[name] for name in _FIELDS.intersection(values)}
    for name, kind in _LISTS.items():
        known[name] = [kind(**one) for one in known.get(name, ())]
    for name, kind in _BY_NAME.items():
        known[name] = {key: kind(**one) for key, one in known.get(name, {}).items()}
    return ConsolidationReport(**known)


def named(report: ConsolidationReport) -> set[str]:
    """The content hashes of the chunks that a report names."""
    learned = {one.content_hash for one in report.learned}
    return learned | {one.content_hash for one in report.left_out}


def without(report: ConsolidationReport, gone: Collection[str]) -> ConsolidationReport:
    """A report that names none of these chunks."""
    return replace(
        report,
        learned=[one for one in report.learned if one.content_hash not in gone],
        left_out=[one for one in report.left_out if one.content_hash not in gone],
    )
