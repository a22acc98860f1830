"""What a chart shows, in words and as a picture, and the process that draws it."""

import asyncio
import io
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot import charts
from bot.charts import (
    Bar,
    BarChart,
    Chart,
    ChartFailed,
    ChartWorker,
    LineChart,
    Series,
    alt_text,
    change,
    folded,
    short,
)
from bot.drawing import Pen, draw

WEEK = tuple(date(2026, 11, 2) + timedelta(days) for days in range(7))
BARS = BarChart(
    title="Engagement this week",
    unit="likes, reposts and replies",
    period="2 to 8 Nov",
    before="26 Oct to 1 Nov",
    bars=(Bar("@acme.bsky.social", 1_234, 1_100), Bar("@acme@mastodon.social", 310, 420)),
)
LINES = LineChart(
    title="Engagement this week",
    unit="likes",
    days=WEEK,
    series=(
        Series("Acme", (1, 2, 3, 40, 5, 6, 7), (1, 1, 1, 1, 1, 1, 1)),
        Series("Acme Support", (0, 0, None, 1, 0, 0, 0)),
    ),
)


def pixels(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


# In words


def test_bars_in_words() -> None:
    assert alt_text(BARS) == (
        "Engagement this week. Bar chart of likes, reposts and replies, 2 to 8 Nov beside "
        "26 Oct to 1 Nov: @acme.bsky.social 1,234 (up 12 %); @acme@mastodon.social 310 "
        "(down 26 %). Together 1,544 (up 2 %)."
    )


def test_lines_in_words() -> None:
    assert alt_text(LINES) == (
        "Engagement this week. Line chart of likes per day, 2 Nov to 8 Nov: "
        "Acme 64 (up 814 %), most on 5 Nov with 40; Acme Support 1, most on 5 Nov with 1."
    )


def test_running_numbers_in_words_are_from_and_to() -> None:
    followers = LineChart(
        "Followers",
        "followers",
        WEEK[:3],
        (Series("Acme", (100, None, 1_130)), Series("New", (None, None, None))),
        running=True,
    )
    assert alt_text(followers) == (
        "Followers. Line chart of followers per day, 2 Nov to 4 Nov: "
        "Acme from 100 to 1,130; New no numbers."
    )


@pytest.mark.parametrize(
    "chart", [BarChart("Nothing", "likes", "a", "b", ()), LineChart("Nothing", "likes", (), ())]
)
def test_a_chart_of_nothing_says_so(chart: Chart) -> None:
    assert alt_text(chart) == "Nothing. No likes to show."


@pytest.mark.parametrize(
    ("number", "text"),
    [
        *((0, "0"), (7, "7"), (9.5, "9.5"), (12.3, "12"), (999, "999"), (999.6, "1k")),
        *((1_000, "1k"), (1_234, "1.2k"), (9_949, "9.9k"), (9_950, "10k"), (12_345, "12k")),
        *((999_499, "999k"), (999_500, "1M"), (1_234_567, "1.2M"), (2_000_000_000, "2G")),
        *((-1_234, "-1.2k"), (5_000_000_000_000, "5,000G")),
    ],
)
def test_numbers_are_short(number: float, text: str) -> None:
    assert short(number) == text


@pytest.mark.parametrize(
    ("value", "before", "said"),
    [
        *((112, 100, "+12 %"), (50, 100, "−50 %"), (100, 100, "±0 %"), (0, 100, "−100 %")),
        *((5, 0, ""), (5, None, ""), (None, 5, ""), (500, 2, "×250"), (1_001, 1_000, "±0 %")),
    ],
)
def test_change_is_in_percent_where_that_says_something(
    value: float | None, before: float | None, said: str
) -> None:
    assert change(value, before) == said


def test_more_accounts_than_can_be_read_become_others() -> None:
    many = folded(BarChart("t", "u", "p", "b", tuple(Bar(f"a{n}", n, 1) for n in range(12))))
    assert isinstance(many, BarChart)
    names = [bar.label for bar in many.bars]
    assert names == ["a11", "a10", "a9", "a8", "a7", "a6", "a5", "5 others"]
    assert many.bars[-1] == Bar("5 others", 0 + 1 + 2 + 3 + 4, 5)
    series = tuple(Series(f"a{n}", (n, None)) for n in range(9))
    lines = folded(LineChart("t", "u", WEEK[:2], series))
    assert isinstance(lines, LineChart)
    assert lines.series[-1] == Series("2 others", (0 + 1, None))
    assert len(lines.series) == charts.MOST_SERIES


def test_a_series_without_a_value_for_each_day_is_refused() -> None:
    with pytest.raises(ValueError, match="7 days"):
        LineChart("t", "u", WEEK, (Series("a", (1, 2)),))
    with pytest.raises(ValueError, match="7 days"):
        LineChart("t", "u", WEEK, (Series("a", (1,) * 7, (1,)),))


@pytest.mark.parametrize("chart", [BARS, LINES])
def test_a_chart_survives_the_way_to_the_other_process(chart: Chart) -> None:
    assert charts.decode(charts.encode(chart)) == chart


# As a picture


@pytest.fixture(scope="module")
def pen() -> Pen:
    return Pen()


NAMES = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        ["アクメ公式", "🎉", "$ACME $$ \\frac{x}", "^_{}", "a\nb", "\x00", "شركة", "x" * 80]
    ),
)
VALUES = st.one_of(st.integers(0, 10**12), st.floats(0, 1e12), st.just(0))
SPARSE = st.lists(st.one_of(st.none(), VALUES), min_size=7, max_size=7).map(tuple)
CHARTS = st.one_of(
    st.builds(
        BarChart,
        *(NAMES, NAMES, NAMES, NAMES),
        st.lists(st.builds(Bar, NAMES, VALUES, st.one_of(st.none(), VALUES)), max_size=10).map(
            tuple
        ),
    ),
    st.builds(
        LineChart,
        *(NAMES, NAMES, st.just(WEEK)),
        st.lists(st.builds(Series, NAMES, SPARSE, st.one_of(st.just(()), SPARSE)), max_size=10).map(
            tuple
        ),
        st.booleans(),
    ),
)


@given(CHARTS)
@settings(max_examples=15, deadline=None)  # each is drawn in full
def test_any_chart_is_drawn_without_a_warning(pen: Pen, chart: Chart) -> None:
    image = pixels(draw(folded(charts.decode(charts.encode(chart))), pen))
    assert image.size == (1_600, 840)
    assert 0 < len(alt_text(chart)) <= charts.LONGEST_ALT


@pytest.mark.parametrize("days", [1, 2, 8, 30, 366])
def test_any_number_of_days_is_drawn(pen: Pen, days: int) -> None:
    span = tuple(date(2026, 1, 1) + timedelta(day) for day in range(days))
    chart = LineChart("t", "u", span, (Series("a", tuple(range(days))),))
    assert pixels(draw(chart, pen)).size == (1_600, 840)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("kind", ["bars", "lines"])
def test_nothing_is_cut_off_at_the_edges(pen: Pen, kind: str, count: int) -> None:
    """The outermost pixels stay blank with one to eight accounts of long names."""
    labels = [f"{number} Acme Kitchen Deutschland GmbH" for number in range(count)]
    if kind == "bars":
        bars = tuple(Bar(label, 1_234_567, 2) for label in labels)
        chart: Chart = BarChart("t" * 200, "u" * 40, "p" * 10, "b" * 10, bars)
    else:
        lines = tuple(Series(label, (123_456_700 + 1,) * 7) for label in labels)
        chart = LineChart("t" * 200, "u" * 40, WEEK, lines, running=True)
    image = pixels(draw(chart, pen))
    edges = [(0, 0, 1_600, 8), (0, 832, 1_600, 840), (0, 0, 8, 840), (1_592, 0, 1_600, 840)]
    for edge in edges:
        assert image.crop(edge).getextrema() == ((255, 255),) * 3


def test_what_the_fonts_lack_is_left_out(pen: Pen) -> None:
    assert pen.drawable("Acme 🎉 Shop アクメ") == "Acme Shop"
    assert pen.drawable("アクメ公式", instead="account 3") == "account 3"
    assert pen.drawable("a\n\tb") == "a b"


def test_a_larger_number_has_a_longer_bar(pen: Pen) -> None:
    def blue(value: float) -> int:
        bars = (Bar("a", value), Bar("b", 100))
        image = pixels(draw(BarChart("t", "u", "p", "b", bars), pen))
        return sum(1 for pixel in image.get_flattened_data() if pixel == (0, 0x72, 0xB2))

    assert blue(10) < blue(50) < blue(90)


# The process that draws


@pytest.fixture
async def worker() -> AsyncIterator[ChartWorker]:
    made = ChartWorker()
    yield made
    await made.close()


def children() -> list[psutil.Process]:
    """Those that draw; servers that other tests have started are children of this process too."""
    return [child for child in psutil.Process().children() if draws(child)]


def draws(process: psutil.Process) -> bool:
    try:  # of a zombie there is no command line
        return "bot.drawing" in " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


async def until_no_children() -> None:
    async with asyncio.timeout(30):
        while children():  # noqa: ASYNC110 (a process's end is no event of this loop)
            await asyncio.sleep(0.01)


async def test_nothing_is_started_before_the_first_chart(worker: ChartWorker) -> None:
    assert children() == []
    png = await worker.draw(BARS)
    assert pixels(png).size == (1_600, 840)
    assert len(children()) == 1


async def test_charts_asked_for_at_once_are_drawn_in_turn_by_one_child(worker: ChartWorker) -> None:
    pictures = await asyncio.gather(*(worker.draw(chart) for chart in (BARS, LINES, BARS, LINES)))
    assert pictures[0] == pictures[2] != pictures[1] == pictures[3]
    assert len(children()) == 1


async def test_the_child_ends_when_idle_and_another_follows() -> None:
    worker = ChartWorker(idle_s=0.05)
    await worker.draw(BARS)
    await until_no_children()
    assert pixels(await worker.draw(LINES)).size == (1_600, 840)
    await worker.close()
    assert children() == []


async def test_a_child_killed_between_charts_is_replaced(worker: ChartWorker) -> None:
    await worker.draw(BARS)
    [child] = children()
    child.kill()
    assert pixels(await worker.draw(BARS)).size == (1_600, 840)


def misbehaving(how: str, tmp_path: Path, times: int) -> tuple[str, ...]:
    """A child that misbehaves the first times it is started and then draws."""
    code = (
        "import pathlib, runpy, sys, time\n"
        "starts = pathlib.Path(sys.argv[1])\n"
        "starts.open('a').write('x')\n"
        f"if len(starts.read_text()) <= {times}:\n"
        "    sys.stdin.buffer.read(4)\n"
        f"    {how}\n"
        "    sys.exit(1)\n"
        "runpy.run_module('bot.drawing', run_name='__main__')\n"
    )
    return (sys.executable, "-c", code, str(tmp_path / "starts"))


DIE_IN_MID_ANSWER = "sys.stdout.buffer.write(b'\\0\\0\\1\\0+half'); sys.stdout.flush()"


async def test_a_child_that_dies_over_a_chart_is_replaced_once(tmp_path: Path) -> None:
    worker = ChartWorker(command=misbehaving(DIE_IN_MID_ANSWER, tmp_path, times=1))
    assert pixels(await worker.draw(BARS)).size == (1_600, 840)
    assert (tmp_path / "starts").read_text() == "xx"
    await worker.close()


async def test_a_chart_that_kills_every_child_fails_and_the_next_one_is_drawn(
    tmp_path: Path,
) -> None:
    worker = ChartWorker(command=misbehaving("pass", tmp_path, times=2))
    with pytest.raises(ChartFailed, match="died twice"):
        await worker.draw(BARS)
    assert pixels(await worker.draw(BARS)).size == (1_600, 840)
    assert (tmp_path / "starts").read_text() == "xxx"
    await worker.close()


async def test_a_child_that_hangs_is_killed(tmp_path: Path) -> None:
    worker = ChartWorker(command=misbehaving("time.sleep(60)", tmp_path, times=9), patience_s=0.5)
    with pytest.raises(ChartFailed, match=r"over 0\.5 s"):
        await worker.draw(BARS)
    assert children() == []
    await worker.close()


async def test_a_chart_nobody_waits_for_any_more_does_not_answer_the_next(tmp_path: Path) -> None:
    hanging = misbehaving("time.sleep(600)", tmp_path, times=1)
    worker = ChartWorker(command=hanging, patience_s=120)  # a busy machine starts a child slowly
    drawing = asyncio.create_task(worker.draw(BARS))
    while not (tmp_path / "starts").exists():  # noqa: ASYNC110 (the same)
        await asyncio.sleep(0.01)
    drawing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drawing
    assert children() == []
    assert pixels(await worker.draw(LINES)).size == (1_600, 840)
    await worker.close()


async def test_what_the_child_cannot_draw_is_said_and_it_goes_on(worker: ChartWorker) -> None:
    endless = BarChart("t", "u", "p", "b", (Bar("a", float("inf")),))
    with pytest.raises(ChartFailed):
        await worker.draw(endless)
    assert pixels(await worker.draw(BARS)).size == (1_600, 840)


async def test_closing_twice_or_without_a_child_does_nothing() -> None:
    worker = ChartWorker()
    await worker.close()
    await worker.draw(BARS)
    await worker.close()
    await worker.close()
    assert children() == []


PARENT = """
import asyncio, os, signal, sys
import psutil
from bot.charts import Bar, BarChart, ChartWorker

async def main():
    worker = ChartWorker()
    before = psutil.Process().memory_info().rss
    for _ in range(3):
        await worker.draw(BarChart("t", "u", "p", "b", (Bar("a", 1),)))
    grown = psutil.Process().memory_info().rss - before
    loaded = sorted({"matplotlib", "numpy", "PIL"} & set(sys.modules))
    [child] = psutil.Process().children()
    print(child.pid, grown, loaded, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def test_the_parent_loads_no_chart_library_and_the_child_dies_with_it() -> None:
    """SIGKILL leaves the parent no chance to say goodbye."""
    parent = subprocess.run(
        [sys.executable, "-c", PARENT], capture_output=True, text=True, check=False
    )
    pid, grown, loaded = parent.stdout.strip().split(" ", 2)
    assert loaded == "[]"
    assert int(grown) < 10_000_000
    deadline = time.monotonic() + 30
    while psutil.pid_exists(int(pid)) and time.monotonic() < deadline:
        if psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE:
            break  # dead, and nobody here to reap it
        time.sleep(0.01)
    else:
        assert not psutil.pid_exists(int(pid))
