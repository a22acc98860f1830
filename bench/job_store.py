"""The peer: APScheduler 3.11 with its SQLAlchemyJobStore on the same database, posting the same.

``python -m bench.job_store DATABASE_URL ADDRESS POSTS DUE CONNECTIONS``: a date job for each post,
all at DUE (a Unix time), put into the store at once before the scheduler starts, which is quicker
than adding them one by one. Jobs wait for a free connection in a semaphore: thousands waiting in
httpx's own pool would make it slower. Prints ``ready``, and ``done`` when all have run.
"""

import asyncio
import pickle
import sys
from datetime import UTC, datetime

import httpx
from apscheduler.job import Job
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.util import datetime_to_utc_timestamp


class Poster:
    """What the jobs use; one for the process, because a job in a store must be picklable."""

    client: httpx.AsyncClient
    free: asyncio.Semaphore
    left: int
    done: asyncio.Event


async def post(number: int) -> None:
    async with Poster.free:
        answer = await Poster.client.post(
            "/api/posts",
            json={"text": f"Post {number}", "pictures": [], "reply_to": None},
            headers={"Authorization": "Bearer token", "Idempotency-Key": f"key-{number}"},
        )
    answer.raise_for_status()
    answer.json()
    Poster.left -= 1
    if Poster.left == 0:
        Poster.done.set()


async def main() -> None:
    url, address, posts, due, connections = sys.argv[1:]
    size = int(connections)
    limits = httpx.Limits(max_connections=size, max_keepalive_connections=size)
    Poster.free, Poster.done = asyncio.Semaphore(size), asyncio.Event()
    Poster.left = int(posts)
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=30) as Poster.client:
        store = SQLAlchemyJobStore(url)
        scheduler = AsyncIOScheduler(
            jobstores={"default": store},
            job_defaults={"misfire_grace_time": None},
            timezone=UTC,
        )
        scheduler.start(paused=True)
        _fill(scheduler, store, int(posts), datetime.fromtimestamp(float(due), UTC))
        scheduler.resume()
        print("ready", flush=True)
        await Poster.done.wait()
        print("done", flush=True)
        scheduler.shutdown(wait=False)


def _fill(
    scheduler: AsyncIOScheduler, store: SQLAlchemyJobStore, posts: int, due: datetime
) -> None:
    """The rows that ``add_job`` makes, in one transaction."""
    first: Job = scheduler.add_job(post, "date", run_date=due, args=[0], id="0")
    rows = []
    for number in range(1, posts):
        state = {**first.__getstate__(), "id": str(number), "args": (number,)}
        rows.append(
            {
                "id": str(number),
                "next_run_time": datetime_to_utc_timestamp(due),
                "job_state": pickle.dumps(state, pickle.HIGHEST_PROTOCOL),
            }
        )
    with store.engine.begin() as connection:
        connection.execute(store.jobs_t.insert(), rows)


if __name__ == "__main__":
    asyncio.run(main())
