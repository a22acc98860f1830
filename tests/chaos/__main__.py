"""`make chaos`: the chaos test by hand, as long and as rough as one likes.

Prints the seed first, so that a run can be had again, and everything about what went wrong last.
"""

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.harness import Chaos, staged
from tests.chaos.plan import Plan, make_plan
from tests.servers.postgres import PROGRAM, PostgreSQL
from tests.servers.process import ServerProcess

ON_POSTGRESQL = 3  # processes


async def main() -> int:
    """Run on both databases; 0 if every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("-n", type=int, default=500, help="deliveries (500)")
    parser.add_argument("--kills", type=int, default=12, help="how often a process is killed (12)")
    parser.add_argument("--seconds", type=float, help="how long it lasts (from the two above)")
    parser.add_argument("--seed", default="", help="of an earlier run (a new one)")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only this one")
    chosen = parser.parse_args()
    seed = chosen.seed or secrets.token_hex(4)
    databases = [chosen.database] if chosen.database else ["sqlite", "postgresql"]
    kept = True
    for database in databases:
        processes = 1 if database == "sqlite" else ON_POSTGRESQL
        # A start takes about two seconds; a process should live now and then.
        lasting_s = chosen.seconds or max(20, chosen.n / 25, 4 * chosen.kills / processes)
        plan = make_plan(
            seed, posts=chosen.n, kills=chosen.kills, processes=processes, lasting_s=lasting_s
        )
        print(
            f"{database}: seed {seed}, {chosen.n} deliveries in {lasting_s:.0f} s, "
            f"{len(plan.incidents)} incidents on {processes} process(es)",
            flush=True,
        )
        kept &= await _run(database, plan, processes)
    return 0 if kept else 1


async def _run(database: str, plan: Plan, processes: int) -> bool:
    folder = Path(tempfile.mkdtemp(prefix="socialdesk-chaos-"))
    begun = time.monotonic()
    if database == "sqlite":
        url = f"sqlite:///{folder / 'socialdesk.db'}"
        async with staged(plan, url, folder, processes=processes) as chaos:
            kept = await _judged(chaos)
    else:
        with (
            ServerProcess([sys.executable, PROGRAM, "embedded"], folder=folder / "pg") as server,
            PostgreSQL(server.ready["url"]).new_database() as url,
        ):
            async with staged(plan, url, folder, processes=processes) as chaos:
                kept = await _judged(chaos)
    print(f"  {time.monotonic() - begun:.0f} s", flush=True)
    if kept:
        shutil.rmtree(folder)
    return kept


async def _judged(chaos: Chaos) -> bool:
    await chaos.happen()
    verdict = await chaos.verdict()
    deaths = sum((bot.deaths for bot in chaos.bots[1:]), chaos.bots[0].deaths)
    print(f"  ended: {dict(sorted(verdict.states.items()))}")
    print(f"  lives ended with: {dict(deaths)}; stops: {len(chaos.stops)}")
    print(f"  excused (stopped in the window that nobody can close): {len(verdict.excused)}")
    if not verdict.is_kept:
        print(await chaos.report(verdict))
    return verdict.is_kept


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
