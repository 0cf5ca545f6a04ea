"""Results as lines for people. Knows no terminal and no command."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ragcl import printing
from ragcl.printing import one_line

if TYPE_CHECKING:
    from ragcl.results import Answer, Citation, Explanation, Hit, Quote

NAMED = 3  # other files of a passage that are listed; a footer has hundreds


def sources(answer: "Answer") -> Iterator[str]:
    """The quotes, citations and route of an answer."""
    if answer.form != "quotation":  # whose text is the quotes
        yield from (f"  \u201c{quote.text}\u201d  {place(quote)}" for quote in answer.quotes)
    if answer.nearest:
        yield f"  nothing here says so; nearest: {place(answer.nearest)}"
    for number, citation in enumerate(answer.citations, start=1):
        yield f"  [{number}] {place(citation)}  ({citation.score:.2f})"
    note = f"route {answer.route}: {answer.trace.reason}"
    yield f"  {note}" + (f"; answer {answer.id}" if answer.id else "")


def place(source: "Hit | Citation | Quote") -> str:
    """The place of a hit, a citation or a quote, with notes: file, lines or page, heading.

    The notes are its other files, older versions, and why it is never learned.
    """
    where = printing.place(source.source, source.lines, source.page, source.heading)
    notes = [f"also in {_listed(source.elsewhere)}"] if source.elsewhere else []
    notes += [f"newer than {_listed(source.supersedes)}"] if source.supersedes else []
    notes += [f"never learned: {', '.join(source.flags)}"] if source.flags else []
    return where + "".join(f"  ({note})" for note in notes)


def explanation(found: "Explanation", influence: bool) -> Iterator[str]:
    """Why an answer was given; with influence in nats, if it was measured."""
    yield f"{found.question}\n{found.answer}"
    yield f"  route {found.route} (mode {found.mode}): {found.reason}"
    if found.adapter:
        yield f"  adapter {found.adapter}"
    for name, value in (found.features or {}).items():
        yield f"  {name} {value:.3f}"
    if influence:
        yield "  influence (nats), cosine, words:"
        if found.adapter:
            yield f"  {_nats(found.weights_influence)}  the weights"
    elif found.sources:
        yield "  cosine, words:"
    for source in found.sources:
        marks = ["cited"] if source.cited else []
        marks += [] if source.current else ["no longer current"]
        if source.learned_at:
            marks.append(f"learned {datetime.fromtimestamp(source.learned_at):%Y-%m-%d %H:%M}")
        scores = f"{source.score:.3f} {source.lexical or 0:.3f}"
        if influence:
            scores = f"{_nats(source.influence)}  {scores}"
        yield f"  {scores}  {place(source)}" + (f"  ({', '.join(marks)})" if marks else "")


def _nats(influence: float | None) -> str:
    return f"{'unknown' if influence is None else f'{influence:+.2f}':>8}"


def _listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(map(one_line, names[:NAMED])) + more
