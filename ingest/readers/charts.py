"""The stored figures of a chart in an office document.

Knows charts with categories, and charts of points (x, y and the size of a bubble).
"""

from typing import Any

from ingest.readers.rows import table_text


def chart_text(blob: bytes) -> str:
    """The title, and one line a category or a point, from the XML of a chart's part.

    Empty if it is damaged, or of a newer kind such as a funnel.
    """
    from lxml.etree import XMLSyntaxError
    from pptx.chart.chart import Chart
    from pptx.exc import InvalidXmlError
    from pptx.oxml import parse_xml

    try:
        space = parse_xml(blob)
        chart = Chart(space, None)  # type: ignore[no-untyped-call]
        title = " ".join(chart.chart_title.text_frame.text.split()) if chart.has_title else ""
        return "\n".join(text for text in [title, *map(_plot, chart.plots)] if text)
    except (XMLSyntaxError, InvalidXmlError, AttributeError, KeyError, TypeError, ValueError):
        return ""


def _plot(plot: Any) -> str:
    """The figures of one kind of bars, lines or points."""
    series = [one._element for one in plot.series]
    if any(one.find("{*}xVal") is not None for one in series):
        return "\n".join(filter(None, map(_points, series)))
    header = ["category", *(_name(one) or f"series {n}" for n, one in enumerate(series, 1))]
    figures = [_cache(one, "val") for one in series]
    categories = {index: str(label) for index, label in enumerate(plot.categories)}
    places = sorted(set(categories) | {index for values in figures for index in values})
    rows = [
        [categories.get(index, str(index + 1)), *(values.get(index, "") for values in figures)]
        for index in places
    ]
    return table_text(rows, header)


def _points(series: Any) -> str:
    """One series of points, with the name of its y and its x."""
    xs, ys, sizes = (_cache(series, name) for name in ("xVal", "yVal", "bubbleSize"))
    rows = [[xs.get(at, str(at + 1)), ys[at], sizes.get(at, "")] for at in sorted(ys)]
    return table_text(rows, ["x", _name(series) or "y", "size"])


def _name(series: Any) -> str:
    """The name of a series."""
    return " ".join((series.findtext("{*}tx//{*}v") or "").split())


def _cache(series: Any, name: str) -> dict[int, str]:
    """The stored values of a series by index."""
    found = {}
    for point in series.iterfind(f"{{*}}{name}//{{*}}pt"):
        text = (point.findtext("{*}v") or "").strip()
        if text and point.get("idx", "").isdecimal():
            found[int(point.get("idx"))] = _figure(text)
    return found


def _figure(text: str) -> str:
    """A stored number without rounding errors."""
    try:
        return f"{float(text):.15g}"
    except ValueError:
        return text
