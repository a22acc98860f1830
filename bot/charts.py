"""Charts: what one shows, in words for those who don't see it, and a process that draws it.

matplotlib costs 80 MB and half a second to load, and is needed once a day: it is imported by
``bot/drawing.py`` alone, in a child process that is started for the first chart and ends when
none was asked for a while. The two speak over the child's stdin and stdout; when this process
dies, however it dies, the child reads the end of its input and ends too.
"""

import asyncio
import contextlib
import json
import os
import struct
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from bot.errors import SocialdeskError

MOST_SERIES = 8
LONGEST_ALT = 2_000  # characters, Slack's limit

LENGTH = struct.Struct(">I")  # of what follows, in bytes; requests and answers alike
DRAWN, FAILED = b"+", b"-"  # an answer's first byte

_IDLE_S = 60.0
_PATIENCE_S = 30.0
_DRAWING = (sys.executable, "-m", "bot.drawing")
_ROOT = Path(__file__).resolve().parent.parent  # from where the child finds this package
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME", "SYSTEMROOT")


class ChartFailed(SocialdeskError):
    """A chart could not be drawn: the message it belongs to goes out without it."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One account's number, beside that of the period before (None: not known)."""

    label: str
    value: float
    before: float | None = None


@dataclass(frozen=True, slots=True)
class BarChart:
    """A number for each account, this period beside the one before.

    ``unit`` says what is counted ("likes, reposts and replies"); ``period`` and ``before`` name
    the two periods ("this week", "the week before").
    """

    title: str
    unit: str
    period: str
    before: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """One account's number for each day (None: not known), and the same days' numbers of the
    period before, if they are known."""

    label: str
    values: tuple[float | None, ...]
    before: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class LineChart:
    """A number for each day and account.

    ``running`` numbers (followers) are a state: their axis needs no zero and the last one counts.
    Others (engagement) are a day's own: their axis starts at zero and their sum counts.
    """

    title: str
    unit: str
    days: tuple[date, ...]
    series: tuple[Series, ...]
    running: bool = False

    def __post_init__(self) -> None:
        for line in self.series:
            if len(line.values) != len(self.days) or len(line.before) not in (0, len(self.days)):
                raise ValueError(f"{line.label!r} needs a value for each of {len(self.days)} days")


Chart = BarChart | LineChart


def folded(chart: Chart) -> Chart:
    """The chart with no more than ``MOST_SERIES``: the smallest are added up as "others"."""
    if isinstance(chart, BarChart):
        bars = sorted(chart.bars, key=lambda bar: -bar.value)
        if len(bars) > MOST_SERIES:
            rest = bars[MOST_SERIES - 1 :]
            befores = [bar.before for bar in rest if bar.before is not None]
            before = sum(befores) if len(befores) == len(rest) else None
            others = Bar(f"{len(rest)} others", sum(bar.value for bar in rest), before)
            bars = [*bars[: MOST_SERIES - 1], others]
        return replace(chart, bars=tuple(bars))
    lines = sorted(chart.series, key=lambda line: -(counted(line.values, chart.running) or 0))
    if len(lines) > MOST_SERIES:
        rest_lines = lines[MOST_SERIES - 1 :]
        values = tuple(
            sum(known) if (known := [v for v in day if v is not None]) else None
            for day in zip(*(line.values for line in rest_lines), strict=True)
        )
        lines = [*lines[: MOST_SERIES - 1], Series(f"{len(rest_lines)} others", values)]
    return replace(chart, series=tuple(lines))


def counted(values: Sequence[float | None], running: bool) -> float | None:
    """What a period's values come to: the last for running numbers, else the sum."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return known[-1] if running else sum(known)


def change(value: float | None, before: float | None, *, up: str = "+", down: str = "−") -> str:
    """How a number moved, in percent ("+12 %", "±0 %", "×25"); empty where that says nothing."""
    if value is None or before is None or before < 1e-9:
        return ""
    percent = round(100 * (value - before) / before)
    if percent == 0:
        return "±0 %"
    if percent >= 1_000:
        return f"×{short(value / before)}"
    return f"{up if percent > 0 else down}{abs(percent)} %"


def short(number: float) -> str:
    """A number in four characters or so: 999, 1.2k, 12k, 3.4M."""
    size = abs(number)
    for limit, unit in ((999_500_000, "G"), (999_500, "M"), (999.5, "k")):
        if size >= limit:
            scaled = number / {"G": 1e9, "M": 1e6, "k": 1e3}[unit]
            text = f"{scaled:.1f}" if abs(scaled) < 9.95 else f"{scaled:,.0f}"
            return text.removesuffix(".0") + unit
    return f"{number:.1f}".removesuffix(".0") if size < 10 else f"{number:.0f}"


def day_name(day: date) -> str:
    """A day in English whatever the machine's locale is: "4 Nov"."""
    return f"{day.day} {_MONTHS[day.month - 1]}"


def alt_text(chart: Chart) -> str:
    """What the chart shows, in a sentence or two with its numbers."""
    chart = folded(chart)
    said = _bars_said(chart) if isinstance(chart, BarChart) else _lines_said(chart)
    text = " ".join(f"{chart.title}. {said}".split())
    return text if len(text) <= LONGEST_ALT else text[: LONGEST_ALT - 1] + "…"


def _bars_said(chart: BarChart) -> str:
    if not chart.bars:
        return f"No {chart.unit} to show."
    several = [
        f"{_name(bar.label)} {bar.value:,.0f}{_moved(bar.value, bar.before)}" for bar in chart.bars
    ]
    words = f"Bar chart of {chart.unit}, {chart.period} beside {chart.before}: "
    total = sum(bar.value for bar in chart.bars)
    befores = [bar.before for bar in chart.bars if bar.before is not None]
    moved = _moved(total, sum(befores)) if len(befores) == len(chart.bars) else ""
    ending = f". Together {total:,.0f}{moved}." if len(chart.bars) > 1 else "."
    return words + "; ".join(several) + ending


def _lines_said(chart: LineChart) -> str:
    several = [_line_said(line, chart) for line in chart.series]
    if not several or not chart.days:
        return f"No {chart.unit} to show."
    between = f"{day_name(chart.days[0])} to {day_name(chart.days[-1])}"
    return f"Line chart of {chart.unit} per day, {between}: {'; '.join(several)}."


def _line_said(line: Series, chart: LineChart) -> str:
    known = [(v, day) for v, day in zip(line.values, chart.days, strict=True) if v is not None]
    if not known:
        return f"{_name(line.label)} no numbers"
    end = counted(line.values, chart.running) or 0
    if chart.running:
        return f"{_name(line.label)} from {known[0][0]:,.0f} to {end:,.0f}"
    most, day = max(known, key=lambda pair: pair[0])
    peak = f", most on {day_name(day)} with {most:,.0f}" if most > 0 and len(known) > 1 else ""
    return f"{_name(line.label)} {end:,.0f}{_moved(end, counted(line.before, False))}{peak}"


def _moved(value: float, before: float | None) -> str:
    said = change(value, before, up="up ", down="down ")
    return f" ({'unchanged' if said == '±0 %' else said})" if said else ""


def _name(label: str) -> str:
    return label if len(label) <= 60 else label[:59] + "…"


def encode(chart: Chart) -> bytes:
    """A chart as the drawing process takes it."""
    kind = "bars" if isinstance(chart, BarChart) else "lines"
    return json.dumps({"kind": kind, **asdict(chart)}, default=date.isoformat).encode()


def decode(request: bytes) -> Chart:
    """The chart that :func:`encode` was given."""
    fields: dict[str, Any] = json.loads(request)
    if fields.pop("kind") == "bars":
        return BarChart(**{**fields, "bars": tuple(Bar(**bar) for bar in fields["bars"])})
    days = tuple(date.fromisoformat(day) for day in fields["days"])
    series = tuple(
        Series(line["label"], tuple(line["values"]), tuple(line["before"]))
        for line in fields["series"]
    )
    return LineChart(**{**fields, "days": days, "series": series})


class ChartWorker:
    """Draws charts in one child process, one after the other.

    :param idle_s: the child ends when nothing was asked for so long.
    :param patience_s: longest time for one chart, the child's start included.
    :param command: what is started; tests start worse things.
    """

    def __init__(
        self,
        *,
        idle_s: float = _IDLE_S,
        patience_s: float = _PATIENCE_S,
        command: Sequence[str] = _DRAWING,
    ) -> None:
        self._idle_s = idle_s
        self._patience_s = patience_s
        self._command = command
        self._turn = asyncio.Lock()
        self._child: asyncio.subprocess.Process | None = None
        self._idle: asyncio.TimerHandle | None = None

    async def draw(self, chart: Chart) -> bytes:
        """The chart as a PNG of 1600 x 840.

        A child that dies over it is replaced once; one that takes too long is killed.

        :raises ChartFailed: there is no picture.
        """
        request = encode(folded(chart))
        async with self._turn:
            self._stop_idling()
            try:
                async with asyncio.timeout(self._patience_s):
                    answer = await self._ask(request)
            except TimeoutError as error:
                await self._kill()
                raise ChartFailed(f"A chart took over {self._patience_s:g} s.") from error
            except BaseException:  # cancelled in the middle, say: the rest of an answer is owed
                await self._kill()
                raise
            loop = asyncio.get_running_loop()
            self._idle = loop.call_later(self._idle_s, self._dismiss)
        if answer[:1] != DRAWN:
            raise ChartFailed(answer[1:].decode("utf-8", "replace"))
        return answer[1:]

    async def close(self) -> None:
        """End the child, after the chart it is at. Drawing again would start another."""
        async with self._turn:
            self._stop_idling()
            self._dismiss()
            if self._child is not None:
                try:
                    await asyncio.wait_for(self._child.wait(), timeout=5)
                except TimeoutError:
                    await self._kill()
                self._child = None

    async def _ask(self, request: bytes) -> bytes:
        """The child's answer; asked of a second child if the first one died."""
        try:
            return await self._ask_once(request)
        except (ConnectionError, asyncio.IncompleteReadError):
            await self._kill()
        try:
            return await self._ask_once(request)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            raise ChartFailed("The drawing process died twice over a chart.") from error

    async def _ask_once(self, request: bytes) -> bytes:
        child = await self._started()
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(LENGTH.pack(len(request)) + request)
        await child.stdin.drain()
        [length] = LENGTH.unpack(await child.stdout.readexactly(LENGTH.size))
        return await child.stdout.readexactly(length)

    async def _started(self) -> asyncio.subprocess.Process:
        if self._child is not None and (
            self._child.returncode is not None
            or self._child.stdin is None
            or self._child.stdin.is_closing()
        ):
            await self._child.wait()
            self._child = None
        if self._child is None:
            known = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
            self._child = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=_ROOT,
                # no secrets; one thread, whose buffers are a third of the child's memory
                env={**known, "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg"},
                start_new_session=True,  # Ctrl-C is for the parent; the child ends with its input
            )
        return self._child

    def _dismiss(self) -> None:
        """Close the child's input: it ends by itself, and is reaped by the event loop."""
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()

    def _stop_idling(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    async def _kill(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
