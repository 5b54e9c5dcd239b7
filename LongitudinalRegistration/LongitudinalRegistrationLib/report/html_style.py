"""How the report page looks: its style sheet, the plot of bars."""

from __future__ import annotations

from html import escape

BEFORE_COLOUR, AFTER_COLOUR = "#e69f00", "#0072b2"
STYLE = """
@page { size: A4; margin: 15mm; }
body { font: 14px/1.4 system-ui, "Helvetica Neue", Arial, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 180mm; margin: 1.5em auto; padding: 0 1em; -webkit-print-color-adjust: exact;
  print-color-adjust: exact; }
h1 { font-size: 1.5em; margin: 0 0 .4em; }
h2 { font-size: 1.1em; margin: 1.4em 0 .4em; border-bottom: 1px solid #999; }
section, figure, tr, .verdict { break-inside: avoid; }
h2 { break-after: avoid; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .2em .5em; border-bottom: 1px solid #ddd; text-align: right; }
.checksums td, .vertebrae tbody th { overflow-wrap: anywhere; }
th:first-child { text-align: left; font-weight: 600; }
thead th { vertical-align: bottom; font-weight: 600; }
thead th[colspan] { text-align: center; }
.pairs th { width: 45%; font-weight: 400; } .pairs td { text-align: left; }
.sum th, .sum td { border-top: 1px solid #555; font-weight: 600; }
.verdict { display: flex; gap: 1em; align-items: baseline; border-left: .5em solid; padding: .5em 1em;
  margin: .6em 0; }
.verdict strong { font-size: 1.3em; } .verdict ul { margin: 0; padding-left: 1em; }
.good { background: #d3e6f5; } .check, .fair { background: #fdf0c2; } .poor, .low { background: #f9d2bd; }
.verdict.good { border-color: #0072b2; } .verdict.check { border-color: #e69f00; }
.verdict.poor { border-color: #b34700; }
.details { display: grid; grid-template-columns: 2fr 3fr 2fr; gap: 0 2em; font-size: .8em; }
.details .pairs th { width: 60%; } .checksums { font-size: .8em; } .checksums .pairs th { width: 20%; }
.none { text-align: center; font-style: italic; color: #555; }
.pictures { display: grid; grid-template-columns: repeat(4, 1fr); gap: .6em; margin: 1em 0; align-items: end; }
figure { margin: 0; } img { width: 100%; height: auto; display: block; background: #000; }
figcaption { font-size: .85em; padding-top: .2em; }
svg { width: 100%; height: auto; margin-top: 1em; }
@media print { body { font-size: 12px; margin: 0; padding: 0; max-width: none; } }
footer { margin-top: 2em; font-size: .85em; color: #555; }
"""

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 680, 230, 40, 30, 30
LONGEST_NAME = 12


def _y(value: float) -> float:
    return TOP + (1 - value) * (HEIGHT - TOP - BOTTOM)


def _text(x: float, y: float, words: str, anchor: str = "middle", size: float = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:g}">{escape(words)}</text>'


def _bar(x: float, width: float, value: float, colour: str) -> str:
    top = _y(value)
    return (
        f'<rect x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{_y(0) - top:.1f}" fill="{colour}" '
        'stroke="#1a1a1a" stroke-width="0.5"/>'
    )


def bar_plot(scores: list[tuple[str, dict]]) -> str:
    """An SVG with two bars, DSC before and after, for each (name, {"before": ..., "after": ...}); empty without any."""
    if not scores:
        return ""
    step = (WIDTH - LEFT) / len(scores)
    names = [name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…" for name, _ in scores]
    size = min(12.0, 1.6 * step / max(len(name) for name in names))
    lines = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _y(tick)
        lines.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH}" y2="{y:.1f}" stroke="#ccc"/>')
        lines.append(_text(LEFT - 6, y + 4, f"{tick:g}", "end", 11))
    for number, (name, (_, dsc)) in enumerate(zip(names, scores, strict=True)):
        x = LEFT + number * step
        for offset, key, colour in ((0.15, "before", BEFORE_COLOUR), (0.5, "after", AFTER_COLOUR)):
            if dsc.get(key) is not None:
                lines.append(_bar(x + offset * step, 0.35 * step, dsc[key], colour))
        lines.append(_text(x + step / 2, HEIGHT - BOTTOM + 16, name, size=size))
    legend = ""
    for x, colour, words in (
        (LEFT, BEFORE_COLOUR, "before"),
        (LEFT + 80, AFTER_COLOUR, "after (DSC of each vertebra)"),
    ):
        legend += f'<rect x="{x}" y="6" width="12" height="12" fill="{colour}"/>{_text(x + 17, 16, words, "start")}'
    title = "<title>DSC of each vertebra before and after the registration</title>"
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{title}{legend}{"".join(lines)}</svg>'
