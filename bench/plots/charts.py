"""Small charts as inline SVG: means with intervals, and curves. Colours come from the page."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LEFT, RIGHT, ROW = 460, 130, 24, 26  # pixels
CURVE_WIDTH, CURVE_HEIGHT, CURVE_LEFT, CURVE_BOTTOM, KEY = 680, 260, 44, 34, 120

Place = Callable[[float], float]


@dataclass(frozen=True)
class Point:
    """A labelled mean with its bounds, in display units; `colour` indexes the page's palette."""

    label: str
    value: float
    low: float | None
    high: float | None
    colour: int
    hollow: bool = False


def dots(points: Sequence[Point], decimals: int, title: str) -> str:
    """A row per point: its mean as a dot, its interval as a line; published ones are hollow."""
    ends = [x for p in points for x in (p.value, p.low, p.high) if x is not None]
    # At least half of the last digit that is printed, so that rounding errors do not spread.
    pad = max(0.08 * (max(ends) - min(ends)), 0.5 * 10.0**-decimals)
    low, high = min(ends) - pad, max(ends) + pad

    def place(value: float) -> float:
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    height = ROW * len(points) + 28
    parts = []
    for tick in _ticks(low, high):
        parts.append(_line("grid", place(tick), 4, place(tick), height - 20))
        parts.append(_text(place(tick), height - 5, f"{tick:g}", "middle"))
    for row, point in enumerate(points):
        parts += _dot(point, 14 + row * ROW, place, decimals)
    return _svg(WIDTH, height, title, parts)


def curves(
    lines: Mapping[str, Sequence[float]], x_title: str, y_title: str, mark: float | None
) -> str:
    """Lines over x = 1, 2, ...; a dashed vertical line at `mark`, if any."""
    values = [v for line in lines.values() for v in line]
    low, high, length = min(values), max(values), max(len(line) for line in lines.values())
    right, floor = CURVE_WIDTH - KEY, CURVE_HEIGHT - CURVE_BOTTOM

    def across(x: float) -> float:
        return CURVE_LEFT + (x - 1) / max(1, length - 1) * (right - CURVE_LEFT)

    def up(y: float) -> float:
        return 12 + (high - y) / ((high - low) or 1) * (floor - 12)

    parts = [] if mark is None else [_line("mark", across(mark), 8, across(mark), floor)]
    for tick in _ticks(low, high):
        parts.append(_line("grid", CURVE_LEFT, up(tick), right, up(tick)))
        parts.append(_text(CURVE_LEFT - 6, up(tick) + 4, f"{tick:g}", "end"))
    named = (1, length) if mark is None else (1, round(mark), length)
    parts += [_text(across(x), floor + 16, str(x), "middle") for x in named]
    for index, (name, line) in enumerate(lines.items()):
        path = " ".join(f"{across(i + 1):.1f},{up(v):.1f}" for i, v in enumerate(line))
        parts.append(f'<polyline class="c{index % 7}" points="{path}"/>')
        parts.append(_line(f"c{index % 7}", right + 12, 20 + 18 * index, right + 30))
        parts.append(_text(right + 36, 24 + 18 * index, name, "start"))
    parts.append(_text((right + CURVE_LEFT) / 2, CURVE_HEIGHT - 3, x_title, "middle"))
    return _svg(CURVE_WIDTH, CURVE_HEIGHT, y_title, parts)


def _dot(point: Point, y: float, place: Place, decimals: int) -> list[str]:
    parts = [_text(LEFT - 10, y + 4, point.label, "end")]
    told = f"{point.label}: {point.value:.{decimals}f}"
    if point.low is not None and point.high is not None:
        parts.append(_line(f"c{point.colour}", place(point.low), y, place(point.high)))
        told += f" [{point.low:.{decimals}f}, {point.high:.{decimals}f}]"
    kind = f"c{point.colour} hollow" if point.hollow else f"c{point.colour}"
    centre = f'cx="{place(point.value):.1f}" cy="{y:.1f}" r="4.5"'
    return [*parts, f'<circle class="{kind}" {centre}><title>{escape(told)}</title></circle>']


def _svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    box = f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}"'
    return f"<svg {box}>{''.join(parts)}</svg>"


def _line(kind: str, x1: float, y1: float, x2: float, y2: float | None = None) -> str:
    y2 = y1 if y2 is None else y2
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, content: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(content)}</text>'


def _ticks(low: float, high: float) -> list[float]:
    """At most seven round numbers between the ends."""
    span = (high - low) or 1.0
    step = 10.0 ** math.floor(math.log10(span / 4))
    step *= next(m for m in (1, 2, 5, 10) if span / (step * m) <= 6)
    return [round(i * step, 10) for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
