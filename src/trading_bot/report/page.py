"""The page: one HTML file that has everything in it. The only user of plotly.

Two walls keep text from outside from becoming markup or script. All of it is escaped where it is written, in the page,
in the charts' texts, and in the charts' data. And the page has a policy: no request of any kind, and no script but the
two in it, which are named by their hashes.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from zoneinfo import ZoneInfo

from plotly.io import to_json
from plotly.offline import get_plotlyjs

from trading_bot.report.charts import charts
from trading_bot.report.drawing import Chart, Json
from trading_bot.report.figures import Figures
from trading_bot.report.sections import Section, headline, period_in_words, sections
from trading_bot.report.words import moment

_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #F3F4F6; color: #1F2937; font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main { max-width: 1240px; margin: 0 auto; padding: 16px; }
h1 { font-size: 1.5rem; margin: 8px 0; }
h2 { font-size: 1.15rem; margin: 0 0 4px; }
h3 { font-size: 0.95rem; margin: 8px 0 0; font-weight: 600; }
p { margin: 4px 0; }
.mode { display: inline-block; padding: 1px 10px; border-radius: 4px; color: #FFFFFF; background: #0072B2; }
.mode.live { background: #A33C00; }
.quiet { color: #4B5563; font-size: 0.9rem; }
.note { border-left: 3px solid #6B7280; padding-left: 8px; font-size: 0.9rem; }
.figures { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 8px; margin: 16px 0; }
.figures div, section { background: #FFFFFF; border: 1px solid #D1D5DB; border-radius: 8px; padding: 12px; }
.figures dt { color: #4B5563; font-size: 0.8rem; }
.figures dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
dl { margin: 0; }
section { margin: 0 0 16px; }
section.doubtful { border: 2px solid #D55E00; }
.beside { display: grid; grid-template-columns: minmax(0, 1fr); gap: 12px; margin-top: 8px; }
.many { display: grid; grid-template-columns: minmax(0, 1fr); gap: 8px; }
.chart { min-width: 0; min-height: 200px; }
table { width: 100%; border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 4px 6px; border-bottom: 1px solid #E5E7EB; vertical-align: top; }
th:first-child, td:first-child, table.prose th, table.prose td { text-align: left; }
th { color: #4B5563; font-weight: 600; }
@media (min-width: 700px) {
  .beside.has-chart { grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); }
  .beside.wide { grid-template-columns: minmax(0, 1fr); }
  .figures { grid-template-columns: repeat(4, minmax(0, 1fr)); }
  .many { grid-template-columns: repeat(2, minmax(0, 1fr)); }
}
@media (max-width: 699px) {
  table.prose, table.prose tbody, table.prose tr, table.prose td { display: block; }
  table.prose thead { display: none; }
  table.prose tr { border-bottom: 1px solid #D1D5DB; padding: 6px 0; }
  table.prose td { border: 0; padding: 1px 3px; }
  table.prose td::before { content: attr(data-heading) ": "; color: #4B5563; }
}
@media (max-width: 699px) { main { padding: 8px; } th, td { padding: 4px 3px; } table { font-size: 0.75rem; } }
"""

_DRAW = """
"use strict";
(function () {
  var charts = JSON.parse(document.getElementById("charts").textContent);
  var shown = { responsive: true, displayModeBar: false };
  var drawn = Object.keys(charts).map(function (id) {
    return Plotly.newPlot(id, charts[id].data, charts[id].layout, shown);
  });
  Promise.all(drawn).then(function () {
    document.documentElement.setAttribute("data-drawn", String(drawn.length));
  });
})();
"""

_PROSE = frozenset({"doubts", "refusals"})
"""Sections whose cells are words, and not figures."""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>Trading report <span class="mode {mode}">{mode_shown}</span></h1>
<p class="quiet">{period}. Made {made_at}.</p>
<dl class="figures">{headline}</dl>
{sections}
</main>
<script type="application/json" id="charts">{charts}</script>
<script>{plotly}</script>
<script>{draw}</script>
</body>
</html>
"""


def page_of(figures: Figures, *, zone: ZoneInfo) -> str:
    """Return the page; times are shown in ``zone``."""
    drawn = charts(figures, zone=zone)
    named = {f"{key}-{place}": chart.figure for key, those in drawn.items() for place, chart in enumerate(those)}
    mode = "unknown" if figures.period.mode is None else figures.period.mode.value
    plotly = get_plotlyjs()
    return _PAGE.format(
        policy=_policy(plotly, _DRAW),
        title=escape(f"Trading report, {mode}"),
        style=_STYLE,
        mode=escape(mode),
        mode_shown=escape(mode.upper()),
        period=escape(period_in_words(figures.period, zone=zone)),
        made_at=escape(moment(figures.period.made_at, zone)),
        headline="".join(_figure(name, value) for name, value in headline(figures)),
        sections="\n".join(_section(one, drawn.get(one.key, ())) for one in sections(figures, zone=zone)),
        charts=_charts(named),
        plotly=plotly,
        draw=_DRAW,
    )


def _policy(*scripts: str) -> str:
    """Return what the page may do: run these scripts, style itself, and nothing else."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def _charts(named: Mapping[str, Json]) -> str:
    parts = (f"{json.dumps(name)}:{to_json(chart, validate=True)}" for name, chart in named.items())
    return without_tags(f"{{{','.join(parts)}}}")


def without_tags(json_text: str) -> str:
    """Return the same JSON with every ``<`` written as its number, so that no text in it can end a script."""
    return json_text.replace("<", "\\u003c")


def _figure(name: str, value: str) -> str:
    return f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"


def _section(section: Section, those: Sequence[Chart]) -> str:
    doubtful = " class='doubtful'" if section.key == "doubts" and section.rows else ""
    layout = "wide" if len(those) > 1 or section.key in _PROSE else "has-chart" if those else ""
    places = "".join(
        f"<div><h3>{escape(chart.title)}</h3><div class='chart' id='{section.key}-{place}'></div></div>"
        for place, chart in enumerate(those)
    )
    many = f"<div class='many'>{places}</div>" if len(those) > 1 else places
    return (
        f"<section{doubtful}><h2>{escape(section.title)}</h2>"
        f"<p class='quiet'>{escape(section.explains)}</p>"
        f"{''.join(f'<p class=note>{escape(note)}</p>' for note in section.notes)}"
        f"<div class='beside {layout}'>{many}{_table(section)}</div></section>"
    )


def _table(section: Section) -> str:
    if not section.rows:
        return ""
    kind = " class='prose'" if section.key in _PROSE else ""
    head = "".join(f"<th scope='col'>{escape(heading)}</th>" for heading in section.headings)
    body = "".join(f"<tr>{_cells(section.headings, row)}</tr>" for row in section.rows)
    return f"<div><table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _cells(headings: Iterable[str], row: Iterable[str]) -> str:
    cells = zip(headings, row, strict=True)
    return "".join(f"<td data-heading='{escape(heading)}'>{escape(cell)}</td>" for heading, cell in cells)
