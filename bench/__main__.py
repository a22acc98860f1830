"""`make bench`: everything that is measured, side by side with its peers in the same run.

`python -m bench on-time` runs one (start, on-time, scale, replicas, answering, home); `--quick`
runs small sizes once, `--write` puts what was measured into docs/benchmarks.md.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable

from bench import answering, home, on_time, replicas, scale, starting
from bench.page import Section, keep, machine

RUNS = 5
BENCHMARKS: dict[str, Callable[[int, bool], Awaitable[Section]]] = {
    "start": lambda runs, quick: starting.measure(runs, 50 if quick else starting.MENTIONS),
    "on-time": lambda runs, quick: on_time.measure(runs, (200,) if quick else on_time.SIZES),
    "scale": lambda runs, quick: scale.measure(runs, (1_000, 10_000) if quick else scale.SIZES),
    "replicas": lambda runs, quick: replicas.measure(runs, 200 if quick else replicas.POSTS),
    "answering": lambda runs, quick: answering.measure(
        runs, {1: 20, 64: 100} if quick else answering.AT_ONCE
    ),
    "home": lambda runs, quick: home.measure(runs, (300, 1_000) if quick else home.SIZES),
}


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("benchmarks", nargs="*", choices=[*BENCHMARKS, []], metavar="benchmark")
    parser.add_argument("--runs", type=int, help=f"medians of so many ({RUNS})")
    parser.add_argument("--quick", action="store_true", help="small sizes, once")
    parser.add_argument("--write", action="store_true", help="keep them in docs/benchmarks.md")
    chosen = parser.parse_args()
    runs = chosen.runs or (1 if chosen.quick else RUNS)
    print(machine(runs), flush=True)
    begun = time.monotonic()
    for name in chosen.benchmarks or BENCHMARKS:
        section = await BENCHMARKS[name](runs, chosen.quick)
        print(f"\n{section}", flush=True)
        if chosen.write:
            keep(section, runs)
        print(f"({time.monotonic() - begun:.0f} s so far)", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
