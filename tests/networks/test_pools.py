"""Several small pools: a request goes where the fewest are under way."""

import httpx
import pytest

from bot.networks.pools import Pools


class Pool(httpx.AsyncBaseTransport):
    """Counts what it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return httpx.Response(200, stream=httpx.ByteStream(b"content"))

    async def aclose(self) -> None:
        self.is_closed = True


async def begun(client: httpx.AsyncClient) -> httpx.Response:
    return await client.send(client.build_request("GET", "http://there/"), stream=True)


async def test_requests_side_by_side_are_spread() -> None:
    pools = Pool(), Pool(), Pool()
    async with httpx.AsyncClient(transport=Pools(*pools)) as client:
        under_way = [await begun(client) for _ in range(6)]
        assert [pool.asked for pool in pools] == [2, 2, 2]
        for response in under_way:
            await response.aclose()
    assert all(pool.is_closed for pool in pools)


async def test_one_after_the_other_uses_one_pool() -> None:
    pools = Pool(), Pool()
    async with httpx.AsyncClient(transport=Pools(*pools)) as client:
        for _ in range(4):
            assert (await client.get("http://there/")).text == "content"
    assert [pool.asked for pool in pools] == [4, 0]


async def test_a_request_that_failed_is_no_longer_under_way() -> None:
    broken, sound = Pool(), Pool()
    broken.error = httpx.ConnectError("not there")
    async with httpx.AsyncClient(transport=Pools(broken, sound)) as client:
        for _ in range(3):
            with pytest.raises(httpx.ConnectError):
                await client.get("http://there/")
    assert [broken.asked, sound.asked] == [3, 0]


async def test_closing_a_response_twice_counts_once() -> None:
    first, second = Pool(), Pool()
    async with httpx.AsyncClient(transport=Pools(first, second)) as client:
        response = await begun(client)
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        await stream.aclose()
        await stream.aclose()
        kept = [await begun(client) for _ in range(2)]
        assert [first.asked, second.asked] == [2, 1]
        for each in kept:
            await each.aclose()


async def test_a_pool_that_gives_no_connection_in_time_comes_last() -> None:
    stuck, sound = Pool(), Pool()
    stuck.error = httpx.PoolTimeout("none is free")
    async with httpx.AsyncClient(transport=Pools(stuck, sound)) as client:
        with pytest.raises(httpx.PoolTimeout):
            await client.get("http://there/")
        for _ in range(3):
            assert (await client.get("http://there/")).text == "content"
    assert [stuck.asked, sound.asked] == [1, 3]
