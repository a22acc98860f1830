"""The real Bluesky servers that the tests of the product stand on."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest
from atproto import exceptions, models

from tests.servers.bluesky import Bluesky, BlueskyAccount
from tests.servers.eventually import eventually

pytestmark = pytest.mark.bluesky

GIF = bytes.fromhex("47494638396101000100800000000000ffffff2c00000000010001000002024401003b")


async def test_the_server_answers_and_takes_any_email(pds: Bluesky) -> None:
    async with httpx.AsyncClient(base_url=pds.url) as client:
        described = (await client.get("/xrpc/com.atproto.server.describeServer")).json()
    assert described["availableUserDomains"] == [".test", ".example"]
    assert not described["inviteCodeRequired"]


async def test_a_post_of_the_independent_client_is_read_back_by_http(pds: Bluesky) -> None:
    author = await pds.create_account()
    sent = await pds.post(author, "Grüße 👋 an alle")
    async with httpx.AsyncClient(base_url=pds.url) as http:
        answer = await http.get(
            "/xrpc/com.atproto.repo.getRecord",
            params={
                "repo": author.did,
                "collection": "app.bsky.feed.post",
                "rkey": sent.uri.rpartition("/")[2],
            },
        )
    assert answer.status_code == 200
    assert answer.json()["value"]["text"] == "Grüße 👋 an alle"
    assert answer.json()["cid"] == sent.cid


async def test_a_post_sent_by_http_is_read_back_by_the_independent_client(pds: Bluesky) -> None:
    """As the product will be checked: facets by bytes, a picture by its own bytes."""
    author = await pds.create_account()
    async with httpx.AsyncClient(base_url=pds.url) as http:
        session = (
            await http.post(
                "/xrpc/com.atproto.server.createSession",
                json={"identifier": author.handle, "password": author.password},
            )
        ).json()
        http.headers["Authorization"] = f"Bearer {session['accessJwt']}"
        uploaded = await http.post(
            "/xrpc/com.atproto.repo.uploadBlob", content=GIF, headers={"Content-Type": "image/gif"}
        )
        text = "Ä #café"
        record = {
            "$type": "app.bsky.feed.post",
            "text": text,
            "createdAt": "2026-01-02T03:04:05.000Z",
            "facets": [
                {
                    "index": {"byteStart": 3, "byteEnd": len(text.encode())},
                    "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "café"}],
                }
            ],
            "embed": {
                "$type": "app.bsky.embed.images",
                "images": [{"alt": "one pixel", "image": uploaded.json()["blob"]}],
            },
        }
        created = await http.post(
            "/xrpc/com.atproto.repo.createRecord",
            json={"repo": author.did, "collection": "app.bsky.feed.post", "record": record},
        )
        assert created.status_code == 200, created.text

    [post] = await pds.posts(author)
    assert post.uri == created.json()["uri"]
    assert post.record.text == text
    assert post.record.facets is not None
    [facet] = post.record.facets
    assert text.encode()[facet.index.byte_start : facet.index.byte_end].decode() == "#café"
    assert isinstance(post.record.embed, models.AppBskyEmbedImages.Main)
    [picture] = post.record.embed.images
    assert picture.alt == "one pixel"
    assert await pds.blob(author, picture.image.cid.encode()) == GIF


async def test_a_wrong_password_is_refused(pds: Bluesky) -> None:
    author = await pds.create_account()
    wrong = BlueskyAccount(author.handle, author.did, "wrong")
    with pytest.raises(exceptions.UnauthorizedError):
        async with pds.client(wrong):
            pass


async def test_it_listens_on_this_machine_alone(pds: Bluesky) -> None:
    for url in (pds.url, pds.plc_url):
        listening = {
            c.laddr.ip
            for c in psutil.net_connections("tcp")
            if c.status == psutil.CONN_LISTEN and c.laddr.port == httpx.URL(url).port
        }
        assert listening == {"127.0.0.1"}


async def test_on_the_whole_network_a_mention_arrives_as_a_notification(
    bluesky_network: Bluesky,
) -> None:
    brand = await bluesky_network.create_account(bluesky_network.unused_handle("brand"))
    person = await bluesky_network.create_account()
    text = f"Hey @{brand.handle}, your app lost my order"
    mention = await bluesky_network.post(person, text, mentions=[brand])
    [notification] = await eventually(lambda: bluesky_network.notifications(brand))
    assert notification.reason == "mention"
    assert notification.uri == mention.uri
    assert notification.author.handle == person.handle
    assert isinstance(notification.record, models.AppBskyFeedPost.Record)
    assert notification.record.text == text


async def test_on_the_whole_network_a_reply_arrives_as_a_notification(
    bluesky_network: Bluesky,
) -> None:
    brand = await bluesky_network.create_account(bluesky_network.unused_handle("brand"))
    person = await bluesky_network.create_account()
    post = await bluesky_network.post(brand, "Our app is faster now.")
    reply = await bluesky_network.post(person, "It crashes faster, too.", reply_to=post)
    [notification] = await eventually(lambda: bluesky_network.notifications(brand))
    assert (notification.reason, notification.uri) == ("reply", reply.uri)


def test_the_servers_end_with_their_tests_even_if_these_are_killed(
    pds: Bluesky, tmp_path: Path
) -> None:
    """The tests are played by a small program that starts the servers, says so and waits."""
    del pds  # asked for because it skips, with words, where the servers can't be had
    tests = subprocess.Popen(
        [sys.executable, "-c", TESTS, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert tests.stdout is not None
    with tests, tests.stdout:
        server = psutil.Process(int(tests.stdout.readline()))
        port = int(tests.stdout.readline())
        socket.create_connection(("127.0.0.1", port)).close()
        assert list(tmp_path.glob("socialdesk-bluesky-*"))
        os.kill(tests.pid, signal.SIGKILL)
    assert server in psutil.wait_procs([server], timeout=30)[0]
    assert not list(tmp_path.glob("socialdesk-bluesky-*"))


TESTS = """
import sys, time
from pathlib import Path
from tests.servers.bluesky import started
server = started("pds", Path(sys.argv[1]))
print(server.pid, server.ready["pds"].rpartition(":")[2], sep="\\n", flush=True)
time.sleep(600)
"""
