"""The strokes that charts are made of, as plotly's figures in plain dicts. Pure.

Colours are three of Okabe and Ito's, which colour-blind people tell apart, and grey.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One drawing, and what stands above it: a title in the drawing could not wrap on a phone."""

    title: str
    figure: Json


BLUE, SKY, ORANGE, GREY = "#0072B2", "#56B4E9", "#D55E00", "#6B7280"
PAPER, PALE = "#FFFFFF", "rgba(86,180,233,0.25)"
_INK, _GRID = "#1F2937", "#E5E7EB"

TALL, LOW = 380, 280
"""Heights in pixels."""


def number(amount: Decimal | None) -> float | None:
    """Return an amount as plotly draws it; what is unknown is a gap."""
    return None if amount is None else float(amount)


def time(at: datetime, zone: ZoneInfo) -> str:
    """Return a moment at the exchange, as plotly reads it: it knows no zones."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S.%f}"


def axis(title: str, **more: Any) -> Json:
    """Return an axis that nobody can move: a page is scrolled with the finger that is on a chart."""
    plain: Json = {
        "title": {"text": title, "standoff": 8},
        "gridcolor": _GRID,
        "zerolinecolor": GREY,
        "automargin": True,
    }
    return {**plain, "linecolor": GREY, "fixedrange": True, **more}


def chart(data: Sequence[Json], title: str, *, height: int = LOW, **layout: Any) -> Chart:
    """Return a chart of these traces."""
    plain: Json = {
        "template": "none",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": _INK},
        "paper_bgcolor": PAPER,
        "plot_bgcolor": PAPER,
        "height": height,
        "margin": {"l": 48, "r": 12, "t": 32, "b": 40},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "xanchor": "left"},
        "dragmode": False,
        "hovermode": "closest",
    }
    return Chart(title=title, figure={"data": list(data), "layout": {**plain, **layout}})


def line(name: str, times: Sequence[str | None], values: Sequence[float | None]) -> Json:
    """Return a thin grey line; one point alone is a dot."""
    return {
        "type": "scatter",
        "mode": "lines" if len(times) > 1 else "markers",
        "name": name,
        "x": list(times),
        "y": list(values),
        "line": {"color": GREY, "width": 1},
        "marker": {"color": GREY},
        "hoverinfo": "skip",
    }


def bars(name: str, labels: Sequence[str], *, values: Sequence[float | None], colour: str, **more: Any) -> Json:
    """Return one bar for each label."""
    return {"type": "bar", "name": name, "x": list(labels), "y": list(values), "marker": {"color": colour}, **more}


def dots(name: str, offsets: Sequence[str], *, values: Sequence[float | None], colour: str) -> Json:
    """Return a line with a dot for each label."""
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": list(offsets),
        "y": list(values),
        "line": {"color": colour, "width": 2},
        "marker": {"size": 8, "color": colour},
        "hovertemplate": "%{x} bps: %{y:.1f}<extra></extra>",
    }


def level(name: str, offsets: Sequence[str], *, value: float | None, colour: str) -> Json:
    """Return a dashed line from the first label to the last, at one value."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [offsets[0], offsets[-1]],
        "y": [value, value],
        "line": {"color": colour, "width": 2, "dash": "dash"},
        "hovertemplate": "as sent: %{y:.1f}<extra></extra>",
    }
