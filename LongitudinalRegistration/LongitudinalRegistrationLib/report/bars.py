"""Where the bars of the report's plot stand: DSC of each vertebra before and after the registration."""

from __future__ import annotations

from typing import Any

BEFORE_COLOUR, AFTER_COLOUR = "#e69f00", "#0072b2"
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 680, 230, 40, 30, 200
LONGEST_NAME = 12


def _y(value: float) -> float:
    return TOP + (1 - value) * (BOTTOM - TOP)


def bar_plot(scores: list[tuple[str, dict]]) -> dict[str, Any] | None:
    """The places of all parts of the plot, in pixels; None without scores.

    Parameters
    ----------
    scores
        Name of each vertebra, and its DSC "before" and "after"; None where it is not known.
    """
    if not scores:
        return None
    step = (WIDTH - LEFT) / len(scores)
    names = [name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…" for name, _ in scores]
    columns = []
    for number, (name, (_, dsc)) in enumerate(zip(names, scores, strict=True)):
        x = LEFT + number * step
        bars = [
            {"x": x + offset * step, "y": _y(dsc[key]), "width": 0.35 * step, "colour": colour}
            for offset, key, colour in ((0.15, "before", BEFORE_COLOUR), (0.5, "after", AFTER_COLOUR))
            if dsc.get(key) is not None
        ]
        columns.append({"name": name, "middle": x + step / 2, "bars": bars})
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "bottom": BOTTOM,
        "font_size": min(12.0, 1.6 * step / max(len(name) for name in names)),
        "legend": [
            (LEFT, BEFORE_COLOUR, "before"),
            (LEFT + 80, AFTER_COLOUR, "after (DSC of each vertebra)"),
        ],
        "ticks": [(value, _y(value)) for value in (0.0, 0.25, 0.5, 0.75, 1.0)],
        "columns": columns,
    }
