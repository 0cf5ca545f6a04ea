"""The report of one round: what was learned, what it cost, and the gate's verdict.

Markdown and HTML have the same tables; the HTML page also has plots, no scripts, and fetches
nothing. A row about a chunk is one line with the chunk's hash, so that the rows of a forgotten
chunk can be removed. Knows nothing of how the figures were computed.
"""

import html
import io
import math
import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ragcl.consolidation.history import Point
from ragcl.results import ConsolidationReport, RoutingRisk

ROUNDS = "rounds"
NAMED_BY = 12  # leading characters of the content hash in a row about a chunk
_STYLE = """\
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1.5rem 0 }
caption { text-align: left; font-weight: bold; padding: .3rem 0 }
th, td { border: 1px solid #ccc; padding: .2rem .6rem; text-align: left; vertical-align: top }
svg { max-width: 100%; height: auto }
"""


@dataclass(frozen=True)
class _Table:
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


def path(folder: Path, round_id: int) -> Path:
    """The path of a round's report; it stays when the candidate is rejected."""
    return folder / ROUNDS / f"{round_id:04d}" / "report.md"


def write(
    folder: Path,
    done: ConsolidationReport,
    seconds: float,
    thresholds: Sequence[dict[str, float]],
    rounds: Sequence[Point],
) -> None:
    """Write `report.md` and `report.html` for a round that has an id.

    Args:
        folder: the knowledge base.
        done: the round's report.
        seconds: how long the round took.
        thresholds: the router's thresholds of every adapter that was tested.
        rounds: the figures of all rounds, oldest first, this one last.
    """
    if done.round_id is None or done.report_path is None:
        raise ValueError("only a round that was begun has a report")
    title = f"Round {done.round_id}: {done.status}"
    texts = _texts(done, seconds)
    tables = _tables(done, thresholds, rounds)
    target = path(folder, done.round_id)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_markdown(title, texts, tables), encoding="utf-8")
    page = _page(title, texts, tables, _plots(done, rounds))
    target.with_suffix(".html").write_text(page, encoding="utf-8")


def remove_chunks(folder: Path, hashes: Collection[str]) -> None:
    """Remove the rows about these chunks from every report."""
    named = {key[:NAMED_BY] for key in hashes}
    for file in sorted((folder / ROUNDS).glob("*/report.*")):
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if named.isdisjoint(re.findall(r"\w+", line))]
        if len(kept) < len(lines):
            temporary = file.with_suffix(".tmp")
            temporary.write_text("".join(kept), encoding="utf-8")
            os.replace(temporary, file)


# Content


def _texts(done: ConsolidationReport, seconds: float) -> list[str]:
    texts = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {seconds:.0f} seconds"
        + "".join(f", {name} {value:.0f}" for name, value in done.stage_seconds.items())
    ]
    if done.reason:
        label = "Rejected" if done.status == "rejected" else "In part"
        texts.append(f"{label}: {done.reason}.")
    texts.append(
        f"{done.chunks_selected} hot chunks, {done.questions_trained} questions trained, "
        f"{done.questions_held_out} kept to verify with; {done.chunks_proved} chunks proved."
    )
    texts += [_trusted(adapter, risk) for adapter, risk in sorted(done.risks.items())]
    if done.retention is not None:
        texts.append(
            f"Of the chunks that earlier rounds proved and that are still selected, "
            f"{done.retention:.0%} were proved again."
        )
    if done.tokens_saved:
        texts.append(
            f"Answers from the weights saved {done.tokens_saved:,.0f} prompt tokens since the last "
            "round."
        )
    return texts


def _trusted(adapter: str, risk: RoutingRisk) -> str:
    """How often the answers that the router takes from an adapter are right."""
    if not risk.routed:
        stated = (
            "no held-out trial is routed to the weights, so nothing is known of questions other "
            "than those that they were proved on"
        )
    else:
        stated = (
            f"{risk.right / risk.routed:.2f} of the {risk.routed} held-out trials that are routed "
            f"to the weights are right; at least {risk.at_least:.2f} of such questions are, with "
            f"confidence {risk.confidence:g}"
        )
    return (
        f"{adapter}: {stated}. Of {risk.near_misses} held-out near misses {risk.let_through} are "
        "let through."
    )


def _tables(
    done: ConsolidationReport, thresholds: Sequence[dict[str, float]], rounds: Sequence[Point]
) -> list[_Table]:
    tables = [
        _Table(
            "Gate",
            ("test", "value", "limit", "verdict"),
            [
                (
                    test.name,
                    f"{test.value:.3f}",
                    f"{test.limit:.3f}",
                    "passed" if test.passed else "FAILED",
                )
                for test in done.gate
            ],
        ),
        _Table(
            "Measures",
            ("measure", "value"),
            [(name, f"{value:.3f}") for name, value in done.metrics.items()],
        ),
    ]
    tables += [
        _Table(
            "The router asks for at least",
            ("feature", "threshold"),
            [
                (name, "any" if value == -math.inf else f"{value:.3f}")
                for name, value in limits.items()
            ],
        )
        for limits in thresholds
    ]
    tables += [
        _Table(
            "Logged answers since the last round",
            ("route", "answers", "mean prompt tokens"),
            [
                (route, str(cost.answers), f"{cost.mean_prompt_tokens:.0f}")
                for route, cost in sorted(done.prompt_tokens.items())
            ],
        ),
        _Table(
            "Rounds",
            (
                "round",
                "status",
                "chunks proved",
                "retention",
                "perplexity ratio",
                "prompt tokens saved",
            ),
            [
                (
                    str(one.round_id),
                    one.status,
                    str(one.chunks_proved),
                    _figure(one.retention, ".3f"),
                    _figure(one.perplexity_ratio, ".3f"),
                    _figure(one.tokens_saved, ",.0f"),
                )
                for one in rounds
            ],
        ),
        _Table(
            "Chunks trained",
            ("source", "heading", "trained", "held out", "proved", "promoted", "chunk"),
            [
                (
                    one.source,
                    one.heading,
                    str(one.trained),
                    str(one.held_out),
                    "yes" if one.proved else "no",
                    "yes" if one.promoted else "no",
                    one.content_hash[:NAMED_BY],
                )
                for one in done.learned
            ],
        ),
        _Table(
            "Questions left out",
            ("why", "questions"),
            [(reason, str(count)) for reason, count in sorted(done.questions_left_out.items())],
        ),
        _Table(
            "Left out",
            ("source", "why", "chunk"),
            [(one.source, one.reason, one.content_hash[:NAMED_BY]) for one in done.left_out],
        ),
    ]
    return [table for table in tables if table.rows]


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


# Markdown and HTML


def _markdown(title: str, texts: Sequence[str], tables: Sequence[_Table]) -> str:
    lines = [f"# {title}"]
    for text in texts:
        lines += ["", _quoted(text)]
    for table in tables:
        lines += ["", f"## {table.title}", ""]
        lines += [_row(table.columns), "|---" * len(table.columns) + "|"]
        lines += [_row(row) for row in table.rows]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_quoted, cells))} |"


def _quoted(text: str) -> str:
    """Text escaped for Markdown, on one line."""
    return re.sub(r"([\\`*<>&|\[\]])", r"\\\1", " ".join(text.split()))


def _page(title: str, texts: Sequence[str], tables: Sequence[_Table], plots: str) -> str:
    lines = [
        "<!doctype html>",
        '<html lang="en">',
        '<meta charset="utf-8">',
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{_escaped(title)}</title>",
        f"<style>\n{_STYLE}</style>",
        f"<h1>{_escaped(title)}</h1>",
        *(f"<p>{_escaped(text)}</p>" for text in texts),
        plots,
    ]
    for table in tables:
        lines += [f"<table><caption>{_escaped(table.title)}</caption>", _cells("th", table.columns)]
        lines += [_cells("td", row) for row in table.rows]
        lines += ["</table>"]
    return "\n".join(lines) + "\n"


def _cells(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{_escaped(cell)}</{tag}>' for cell in cells)}</tr>"


def _escaped(text: str) -> str:
    """Text escaped for HTML, on one line."""
    return html.escape(" ".join(text.split()))


def _plots(done: ConsolidationReport, rounds: Sequence[Point]) -> str:
    """Retention and drift over the rounds, and prompt tokens by route, as one SVG element."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    buffer = io.StringIO()
    # Text stays text, and equal figures give equal files.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "ragcl", "font.size": 9}):
        figure = Figure(figsize=(10, 3), layout="constrained")
        retained, drifted, tokens = figure.subplots(1, 3)
        numbers = [one.round_id for one in rounds]
        # Rounds without a measurement leave a gap.
        kept = [float("nan") if one.retention is None else one.retention for one in rounds]
        ratios = [
            float("nan") if one.perplexity_ratio is None else one.perplexity_ratio for one in rounds
        ]
        retained.plot(numbers, kept, "o-")
        retained.set(title="Retention", xlabel="round", ylim=(-0.05, 1.05))
        drifted.plot(numbers, ratios, "o-")
        drifted.axhline(1.0, color="grey", linewidth=0.8)
        drifted.set(title="Perplexity ratio on anchors", xlabel="round")
        for axes in (retained, drifted):
            axes.set_xlim(min(numbers) - 0.5, max(numbers) + 0.5)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        routes = sorted(done.prompt_tokens)
        tokens.bar(routes, [done.prompt_tokens[route].mean_prompt_tokens for route in routes])
        tokens.set(title="Prompt tokens an answer, by route")
        figure.savefig(
            buffer,
            format="svg",
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    drawn = buffer.getvalue()
    return drawn[drawn.index("<svg") :].rstrip()
