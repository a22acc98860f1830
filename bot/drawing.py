"""Draws charts: ``python -m bot.drawing``, the child process of ``bot.charts.ChartWorker``.

The only place that imports matplotlib; nothing imports this module but its own tests. Charts are
read for what they say at a glance: direct labels instead of a legend, a light grid, colours that
are told apart with any kind of colour vision (after Okabe and Ito), text large enough when Slack
shows the picture 400 pixels wide.
"""

import gc
import io
import os
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

import matplotlib
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator

from bot.charts import (
    DRAWN,
    FAILED,
    LENGTH,
    BarChart,
    Chart,
    LineChart,
    Series,
    change,
    counted,
    day_name,
    decode,
    short,
)

WIDTH, HEIGHT, DPI = 8.0, 4.2, 200  # inches: 800 x 420 points of a screen, twice as sharp

_INK, _QUIET, _GRID, _PAPER = "#1d1c1d", "#616061", "#e8e8e8", "#ffffff"
_NOW, _BEFORE = "#0072b2", "#b9cfdd"
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#332288", "#767676")
_MOST_WITH_BEFORE = 3  # more lines than that, each drawn twice, are a tangle

_FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"


class Pen:
    """The fonts, and what they can draw."""

    def __init__(self) -> None:
        self._regular = _FONTS / "DejaVuSans.ttf"
        self._bold = _FONTS / "DejaVuSans-Bold.ttf"
        self._drawable = frozenset(FT2Font(str(self._bold)).get_charmap()) & frozenset(
            FT2Font(str(self._regular)).get_charmap()
        )

    def font(self, size: float, *, bold: bool = False) -> FontProperties:
        return FontProperties(fname=self._bold if bold else self._regular, size=size)

    def drawable(self, text: str, *, instead: str = "", longest: int = 90) -> str:
        """The text without what these fonts lack (emoji, CJK) and on one line; ``instead`` if
        no letter or digit is left."""
        kept = "".join(char for char in " ".join(text.split()) if ord(char) in self._drawable)
        kept = " ".join(kept.split())
        if not any(char.isalnum() for char in kept):
            kept = instead
        return kept if len(kept) <= longest else kept[: longest - 1].rstrip() + "…"

    def write(
        self,
        target: Any,
        x: float,
        y: float,
        text: str,
        *,
        size: float,
        bold: bool = False,
        **options: Any,
    ) -> Any:
        """Put text on a figure or axes. A "$" is a dollar, not mathematics."""
        options = {"color": _INK, "va": "center", "parse_math": False, **options}
        return target.text(x, y, text, fontproperties=self.font(size, bold=bold), **options)


def draw(chart: Chart, pen: Pen) -> bytes:
    """The chart as a PNG."""
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor=_PAPER)
    pen.write(figure, 0.03, 0.925, pen.drawable(chart.title, longest=60), size=16, bold=True)
    if isinstance(chart, BarChart):
        _bars(figure, chart, pen)
    else:
        _lines(figure, chart, pen)
    png = io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    return png.getvalue()


def _bars(figure: Figure, chart: BarChart, pen: Pen) -> None:
    """Two bars for each account, one above the other; the numbers stand beside them."""
    if not chart.bars:
        _nothing(figure, chart.unit, pen)
        return
    _key(figure, chart, pen)
    names = _names([bar.label for bar in chart.bars], pen, longest=26)
    widest = max(len(name) for name in names)
    left = min(0.36, 0.05 + 0.0125 * widest)
    axes = figure.add_axes((left, 0.06, 0.97 - left, 0.72))
    _bare(axes)
    largest = max(
        [1.0, *(bar.value for bar in chart.bars), *(bar.before or 0 for bar in chart.bars)]
    )
    raised = 0.13 if any(bar.before is not None for bar in chart.bars) else 0.0
    rows = max(len(chart.bars), 2)  # one account alone isn't a wall of colour
    axes.set_xlim(0, largest * 1.32)
    axes.set_ylim(rows - 0.45, -0.55)
    axes.axvline(0, color=_GRID, linewidth=1.5)
    size = 12 if len(chart.bars) <= 5 else 10.5
    for row, (bar, name) in enumerate(zip(chart.bars, names, strict=True)):
        middle = row - raised
        axes.barh(middle, bar.value, height=0.44, color=_NOW)
        if bar.before is not None:
            axes.barh(row + 0.25, bar.before, height=0.22, color=_BEFORE)
        pen.write(axes, -largest * 0.02, middle, name, size=size, ha="right")
        moved = change(bar.value, bar.before)
        number = pen.write(
            axes,
            bar.value + largest * 0.015,
            middle,
            short(bar.value),
            size=size,
            bold=True,
        )
        if moved:
            axes.annotate(
                moved,
                xy=(1, 0.5),
                xycoords=number,
                xytext=(7, 0),
                textcoords="offset points",
                va="center",
                color=_QUIET,
                fontproperties=pen.font(size - 1),
                parse_math=False,
            )


def _key(figure: Figure, chart: BarChart, pen: Pen) -> None:
    """What is counted, and which bar is which, in words of the bars' colours."""
    line = pen.write(
        figure,
        0.03,
        0.84,
        pen.drawable(chart.unit[:1].upper() + chart.unit[1:], longest=50),
        size=11.5,
        color=_QUIET,
    )
    for colour, words in ((_NOW, chart.period), (_BEFORE, chart.before)):
        for text, options in (
            ("■", {"color": colour, "xytext": (16, 0)}),
            (pen.drawable(words, longest=30), {"color": _QUIET, "xytext": (5, 0)}),
        ):
            line = _beside(figure, line, text, pen, options)


def _beside(figure: Figure, neighbour: Any, text: str, pen: Pen, options: dict[str, Any]) -> Any:
    note = Annotation(
        text,
        xy=(1, 0.5),
        xycoords=neighbour,
        textcoords="offset points",
        va="center",
        fontproperties=pen.font(11.5),
        parse_math=False,
        **options,
    )
    figure.add_artist(note)
    return note


def _lines(figure: Figure, chart: LineChart, pen: Pen) -> None:
    """A line for each account, named at its end; the period before is dashed."""
    known = [line for line in chart.series if any(value is not None for value in line.values)]
    if not known:
        _nothing(figure, chart.unit, pen)
        return
    with_before = len(known) <= _MOST_WITH_BEFORE and any(line.before for line in known)
    dashed = " · dashed: the period before" if with_before else ""
    unit = pen.drawable(chart.unit[:1].upper() + chart.unit[1:], longest=50)
    pen.write(
        figure,
        0.03,
        0.84,
        f"{unit} {'day by day' if chart.running else 'per day'}{dashed}",
        size=11.5,
        color=_QUIET,
    )
    axes = figure.add_axes((0.1, 0.12, 0.6, 0.65))
    _bare(axes)
    places = range(len(chart.days))
    for line, colour in zip(known, _COLOURS, strict=False):
        if with_before and line.before:
            before = _gaps(line.before)
            axes.plot(
                places,
                before,
                color=colour,
                linewidth=1.6,
                alpha=0.55,
                dashes=(3, 2),
                marker="o" if len(chart.days) == 1 else "",
            )
        axes.plot(
            places,
            _gaps(line.values),
            color=colour,
            linewidth=2.8,
            solid_capstyle="round",
            clip_on=False,  # a zero's dot lies half below the axis
            marker="o",
            markersize=4.5 if len(chart.days) <= 14 else 0,
        )
    _scales(axes, chart, pen)
    _name_lines(axes, chart, known, pen)


def _scales(axes: Any, chart: LineChart, pen: Pen) -> None:
    low, high = axes.get_ylim() if chart.running else (0.0, axes.get_ylim()[1])
    if high - low < 1:  # nothing moved: a flat line, not noise made large
        low, high = (low - 2, high + 2) if chart.running else (0.0, 4.0)
    high += (high - low) * 0.06
    ticks = MaxNLocator(nbins=4, integer=True).tick_values(low, high)
    ticks = [tick for tick in ticks if low <= tick <= high]
    labels = [short(tick) for tick in ticks]
    if len(set(labels)) < len(labels):  # 120,100 and 120,200 are both 120k
        labels = [f"{tick:,.0f}" for tick in ticks]
    axes.set_ylim(low, high)
    axes.set_yticks(ticks, labels=labels)
    axes.grid(axis="y", color=_GRID, linewidth=1.2)
    left = 0.045 + 0.0125 * max(len(label) for label in (*labels, "000"))
    axes.set_position((left, 0.12, 0.695 - left, 0.65))
    last = len(chart.days) - 1
    shown = range(last % (last // 7 + 1), last + 1, last // 7 + 1)  # about seven, the last one too
    axes.set_xlim(-0.25, last + 0.25)
    axes.set_xticks(shown, labels=[_tick(chart.days[place], last + 1) for place in shown])
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set(fontproperties=pen.font(10.5), color=_QUIET, parse_math=False)


def _tick(day: date, count: int) -> str:
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    return f"{names[day.weekday()]} {day.day}" if count <= 7 else day_name(day)


def _name_lines(axes: Any, chart: LineChart, known: Sequence[Series], pen: Pen) -> None:
    """Each line's name and number at its end, moved apart where ends are close."""
    low, high = axes.get_ylim()
    heights = [(_known(line)[-1] - low) / (high - low) for line in known]
    names = _names([line.label for line in known], pen, longest=22)
    beside = {"transform": axes.transAxes}
    for line, name, colour, end, place in zip(
        known, names, _COLOURS, heights, _apart(heights), strict=False
    ):
        leader = {"color": colour, "linewidth": 1.8, "clip_on": False, **beside}
        axes.plot((1.005, 1.035), (end, place), **leader)
        pen.write(axes, 1.045, place + 0.026, name, size=10.5, bold=True, **beside)
        said = _counted_said(line, chart.running)
        pen.write(axes, 1.045, place - 0.034, said, size=10, color=_QUIET, **beside)


def _counted_said(line: Series, running: bool) -> str:
    """What a line comes to: a running number and its gain, or a sum beside the one before."""
    number = counted(line.values, running) or 0
    if running:
        gain = number - _known(line)[0]
        return f"{number:,.0f}  {'±' if gain == 0 else '+' if gain > 0 else '−'}{abs(gain):,.0f}"
    return f"{short(number)}  {change(number, counted(line.before, running))}".rstrip()


def _known(line: Series) -> list[float]:
    return [value for value in line.values if value is not None]


def _apart(heights: Sequence[float]) -> list[float]:
    """Places near the heights and in their order, with room for a label each."""
    room = 0.135
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    places = [min(max(heights[index], 0.02), 1.0) for index in order]
    for _ in range(200):
        for lower in range(len(places) - 1):
            overlap = room - (places[lower + 1] - places[lower])
            if overlap > 0:
                places[lower] -= overlap / 2
                places[lower + 1] += overlap / 2
        lift = max(0.0, -0.02 - places[0])
        places = [place + lift for place in places] if lift else places
        sink = max(0.0, places[-1] - 1.05)
        places = [place - sink for place in places] if sink else places
    found = [0.0] * len(heights)
    for place, index in zip(places, order, strict=True):
        found[index] = place
    return found


def _names(labels: Sequence[str], pen: Pen, *, longest: int) -> list[str]:
    return [
        pen.drawable(label, instead=f"account {number}", longest=longest)
        for number, label in enumerate(labels, start=1)
    ]


def _gaps(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def _bare(axes: Any) -> None:
    axes.set_facecolor(_PAPER)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, pad=6)
    axes.set_xticks([])
    axes.set_yticks([])


def _nothing(figure: Figure, unit: str, pen: Pen) -> None:
    words = f"No {pen.drawable(unit, instead='numbers', longest=50)} yet"
    pen.write(figure, 0.5, 0.45, words, size=14, color=_QUIET, ha="center")


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Draw what is asked for until the requests end. What can't be drawn is answered in words."""
    pen = Pen()
    while header := requests.read(LENGTH.size):
        [length] = LENGTH.unpack(header)
        try:
            answer = DRAWN + draw(decode(requests.read(length)), pen)
        except Exception as error:  # the asker waits for an answer, whatever went wrong here
            answer = FAILED + f"{type(error).__name__}: {error}".encode()
        gc.collect()  # a figure is full of cycles: without this 34 charts took 70 MB more
        answers.write(LENGTH.pack(len(answer)) + answer)
        answers.flush()


def main() -> None:
    """Serve stdin and stdout; whatever a library prints goes to stderr instead."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
