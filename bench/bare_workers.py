"""The floor: bare httpx worker loops that post as fast as their connections allow.

``python -m bench.bare_workers ADDRESS POSTS DUE CONNECTIONS``: as many loops as connections begin
at DUE (a Unix time); prints ``ready`` before.
"""

import asyncio
import sys
import time
from collections.abc import Iterator

import httpx


async def main() -> None:
    address, posts, due, connections = sys.argv[1:]
    limits = httpx.Limits(
        max_connections=int(connections), max_keepalive_connections=int(connections)
    )
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=30) as client:
        print("ready", flush=True)
        await asyncio.sleep(float(due) - time.time())
        numbers = iter(range(int(posts)))
        await asyncio.gather(*(_work(client, numbers) for _ in range(int(connections))))
    print("done", flush=True)


async def _work(client: httpx.AsyncClient, numbers: Iterator[int]) -> None:
    for number in numbers:
        answer = await client.post(
            "/api/posts",
            json={"text": f"Post {number}", "pictures": [], "reply_to": None},
            headers={"Authorization": "Bearer token", "Idempotency-Key": f"key-{number}"},
        )
        answer.raise_for_status()
        answer.json()


if __name__ == "__main__":
    asyncio.run(main())
