"""Slack's side: sends signed requests and times the answers.

``python -m bench.presses ADDRESS AT_ONCE PAUSE``: each line of the input is the JSON of a request's
form fields; AT_ONCE are under way, and whoever sends waits PAUSE seconds after each answer. Prints
in JSON the seconds of each, those of all together, and when it began (a Unix time).
"""

import asyncio
import hashlib
import hmac
import json
import sys
import time
import urllib.parse
from collections.abc import Iterator

import aiohttp

from bench.stage import SECRET


async def main() -> None:
    address, at_once, pause = sys.argv[1:]
    bodies = iter([urllib.parse.urlencode(json.loads(line)).encode() for line in sys.stdin])
    taken: list[float] = []
    connector = aiohttp.TCPConnector(limit=int(at_once))
    async with aiohttp.ClientSession(connector=connector) as session:
        begun_at, begun = time.time(), time.perf_counter()
        await asyncio.gather(
            *(_send(session, address, bodies, float(pause), taken) for _ in range(int(at_once)))
        )
        whole = time.perf_counter() - begun
    print(json.dumps({"taken": taken, "whole": whole, "begun_at": begun_at}), flush=True)


async def _send(
    session: aiohttp.ClientSession,
    address: str,
    bodies: Iterator[bytes],
    pause: float,
    taken: list[float],
) -> None:
    for body in bodies:
        headers = _signed(body)
        begun = time.perf_counter()
        async with session.post(address, data=body, headers=headers) as answer:
            await answer.read()
        taken.append(time.perf_counter() - begun)
        if answer.status != 200:
            raise RuntimeError(f"The answer was {answer.status}.")
        await asyncio.sleep(pause)


def _signed(body: bytes) -> dict[str, str]:
    at = str(int(time.time()))
    signature = hmac.new(SECRET.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": f"v0={signature}",
    }


if __name__ == "__main__":
    asyncio.run(main())
