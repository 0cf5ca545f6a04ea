"""What a round came to, for its report: what was learned, what was left out, and why.

Decides nothing, and knows no format.
"""

import statistics
from collections import Counter
from collections.abc import Collection, Sequence

from ragcl.catalog import Catalog
from ragcl.consolidation.gate.verification import Verdict
from ragcl.consolidation.selection import Selection
from ragcl.consolidation.shard import Shard
from ragcl.consolidation.study.contradictions import Contradiction
from ragcl.results import ChunkLeftOut, TrainedChunk


def trained_chunks(
    catalog: Catalog, selection: Selection, shards: Sequence[Shard], failed: Collection[str]
) -> list[TrainedChunk]:
    """Every chunk that was trained; those of shards in `failed` are not promoted."""
    sources = {chunk.content_hash: chunk.source for chunk in selection.chunks}
    texts = catalog.documents.current(sources)
    active = {one.id: one.questions for one in catalog.learning.active()[1]}
    learned: list[TrainedChunk] = []
    for shard in shards:
        verdict = shard.verdict
        questions = verdict.questions if verdict else active.get(shard.adapter, ())
        proved = {question.content_hash for question in questions if question.proved}
        trained = Counter(row.content_hash for row in shard.trained)
        held_out = Counter(row.content_hash for row in shard.held_out)
        learned += [
            TrainedChunk(
                content_hash=key,
                source=sources[key],
                heading=texts[key].heading if key in texts else "",
                trained=trained[key],
                held_out=held_out[key],
                proved=key in proved,
                promoted=shard.name not in failed,
            )
            for key in shard.chunks
        ]
    return sorted(learned, key=lambda one: (one.source, one.heading))


def chunks_left_out(
    selection: Selection, shards: Sequence[Shard], disputed: Sequence[Contradiction]
) -> tuple[ChunkLeftOut, ...]:
    """The selected chunks that a contradiction concerns, or that gave no training row."""
    read = {key for shard in shards for key in shard.chunks}
    reasons = {one.content_hash: one.reason for one in disputed}
    doubtful = "no answer to its questions is certain enough, or the answers contradict one another"
    return tuple(
        ChunkLeftOut(chunk.source, chunk.content_hash, reasons.get(chunk.content_hash, doubtful))
        for chunk in selection.chunks
        if chunk.content_hash not in read or chunk.content_hash in reasons
    )


def excluded_reasons(names: Collection[str]) -> list[str]:
    """Why shards are not trained that were rolled back or rejected."""
    return [
        f"{name} was rolled back or rejected, and is excluded until its training data change"
        for name in sorted(names)
    ]


def unverified_reasons(shards: Sequence[Shard]) -> list[str]:
    """Which shards were not verified in time."""
    return [
        f"{one.name} was not verified in time: the next round continues with it" for one in shards
    ]


def failed_tests(shards: Sequence[Shard]) -> list[str]:
    """The failed tests of the gate, with the shard's name if there are several."""
    return [
        f"{shard.name}: " * (len(shards) > 1) + str(test)
        for shard in shards
        if shard.verdict is not None
        for test in shard.verdict.gate
        if not test.passed
    ]


def mean_metrics(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """The mean of each metric over the verdicts that have it."""
    names = dict.fromkeys(name for verdict in verdicts for name in verdict.metrics)
    found = {
        name: [verdict.metrics[name] for verdict in verdicts if name in verdict.metrics]
        for name in names
    }
    return {name: statistics.mean(values) for name, values in found.items()}
