"""Bluesky's answers as its servers word them, and what may come between; see test_bluesky_real.py
for the servers themselves."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import (
    Expired,
    NetworkError,
    RateLimited,
    Rejected,
    Unavailable,
    Uncertain,
    UserError,
)
from bot.networks.base import (
    Connected,
    Heard,
    Listens,
    Measures,
    Outgoing,
    Published,
    Publishes,
    Session,
    UploadsGone,
)
from bot.networks.bluesky import Bluesky
from bot.networks.http import make_client
from tests.networks.contract import (
    Clock,
    PublishingNetwork,
    Saved,
    a_picture,
    send_thread,
    session_of,
)

HOME = "https://home.example"
DID = "did:plc:abc"
KEY = "3kzzzzzzzzz22"
RECORD = {
    "record": {"$type": "app.bsky.feed.post", "text": "hi", "createdAt": "2026-05-04T09:00:00Z"}
}
LOGGED_IN = {"did": DID, "handle": "bakery.example", "accessJwt": "a1", "refreshJwt": "r1"}

Answer = httpx.Response | Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]


def error(status: int, code: str, message: str = "") -> httpx.Response:
    return httpx.Response(status, json={"error": code, "message": message or code})


def ok(**data: Any) -> httpx.Response:
    return httpx.Response(200, json=data)


@dataclass
class Script:
    """A server that answers each method as told; the last answer told stays."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)

    def on(self, method: str, *answers: Answer) -> None:
        self.answers[method] = list(answers)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        method = request.url.path.rpartition(".")[2]
        answers = self.answers.get(method)
        if not answers:
            return error(501, "MethodNotImplemented")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            made = answer(request)
            return await made if isinstance(made, Awaitable) else made
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def asked(self, method: str) -> list[httpx.Request]:
        return [each for each in self.requests if each.url.path.endswith(f".{method}")]


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 5, 4, 9, 0, tzinfo=UTC))


@pytest.fixture
def script() -> Script:
    script = Script()
    script.on("describeServer", ok(did="did:web:home.example", availableUserDomains=[]))
    script.on("createSession", ok(**LOGGED_IN))
    script.on("getRecord", error(400, "RecordNotFound"))
    return script


@pytest.fixture
async def client(script: Script) -> AsyncIterator[httpx.AsyncClient]:
    async with make_client(transport=httpx.MockTransport(script)) as client:
        yield client


@pytest.fixture
def bluesky(client: httpx.AsyncClient, clock: Clock) -> Bluesky:
    return Bluesky(client, {"BLUESKY_URL": HOME}, clock)


@pytest.fixture
def saved() -> Saved:
    return Saved()


@pytest.fixture
def session(bluesky: Bluesky, saved: Saved) -> Session:
    credentials = {"service": HOME, "access": "a1", "refresh": "r1"}
    connected = Connected(DID, "bakery.example", "Bakery", HOME, HOME, credentials, {})
    return session_of(bluesky, connected, saved)


def bearer(request: httpx.Request) -> str:
    return request.headers["authorization"].removeprefix("Bearer ")


def old_until(token: str, then: httpx.Response) -> Callable[[httpx.Request], httpx.Response]:
    """Too old for every token but this one."""

    def answer(request: httpx.Request) -> httpx.Response:
        return then if bearer(request) == token else error(400, "ExpiredToken", "Token has expired")

    return answer


def fresh(number: int) -> httpx.Response:
    return ok(**{**LOGGED_IN, "accessJwt": f"a{number}", "refreshJwt": f"r{number}"})


PUT = ok(uri=f"at://{DID}/app.bsky.feed.post/{KEY}", cid="bafy", validationStatus="valid")


def test_it_is_all_that_a_network_can_be(bluesky: Bluesky) -> None:
    for able in (Publishes, Listens, Measures):
        assert isinstance(bluesky, able)


# what a refusal means


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        (error(400, "InvalidToken", "Bad token"), Expired, "Bad token"),
        (error(401, "AuthMissing", "Authentication Required"), Expired, "Authentication"),
        (error(401, "AuthenticationRequired"), Expired, "login"),
        (error(401, "AccountTakedown"), Expired, "taken this account down"),
        (error(401, "AccountDeactivated"), Expired, "deactivated"),
        (error(400, "RepoDeactivated"), Expired, "deactivated"),
        (error(400, "InvalidRequest", "Record/text is too long"), Rejected, "Record/text"),
        (error(400, "BlobNotFound", "Could not find blob"), UploadsGone, "find blob"),
        (error(403, "Forbidden", "Not you"), Rejected, "Not you"),
        (error(413, "PayloadTooLarge", "request entity too large"), Rejected, "too large"),
        (error(429, "RateLimitExceeded", "Rate Limit Exceeded"), RateLimited, "wait"),
        (error(500, "InternalServerError"), Uncertain, "fault"),
        (error(502, "UpstreamFailure"), Uncertain, "fault"),
        (error(503, "NotEnoughResources"), Unavailable, "just now"),
        (error(504, "UpstreamTimeout"), Uncertain, "fault"),
        (ok(), Uncertain, "not that the post is out"),
        (ok(uri="at://did:plc:other/app.bsky.feed.post/x"), Uncertain, "not that the post is out"),
        (httpx.Response(200, text="<html>"), Uncertain, "not as Bluesky does"),
        (httpx.Response(400, html="<html>"), Rejected, "400"),
        (httpx.Response(400, json=["error"]), Rejected, "error"),
        (httpx.Response(400, json={"error": ["list"]}), Rejected, "list"),
    ],
)
async def test_each_answer_to_publishing_means_one_thing(
    bluesky: Bluesky,
    session: Session,
    script: Script,
    answer: httpx.Response,
    expected: type[NetworkError],
    words: str,
) -> None:
    script.on("putRecord", answer)
    with pytest.raises(expected, match=words) as caught:
        await bluesky.publish(session, KEY, RECORD)
    assert type(caught.value).__mro__.index(NetworkError) <= 2


async def test_a_rate_limit_without_retry_after_is_read_from_its_reset(
    bluesky: Bluesky, session: Session, script: Script, clock: Clock
) -> None:
    until = clock() + timedelta(seconds=240)
    headers = {"ratelimit-limit": "30", "ratelimit-reset": str(int(until.timestamp()))}
    script.on(
        "putRecord", httpx.Response(429, json={"error": "RateLimitExceeded"}, headers=headers)
    )
    with pytest.raises(RateLimited) as caught:
        await bluesky.publish(session, KEY, RECORD)
    assert caught.value.until == until


async def test_a_post_found_under_its_key_was_published(
    bluesky: Bluesky, session: Session, script: Script
) -> None:
    script.on("putRecord", error(400, "InvalidSwap", "Record was at bafy"))
    script.on("getRecord", ok(uri="at://x", cid="bafy", value=RECORD["record"]))
    published = await bluesky.publish(session, KEY, RECORD)
    uri = f"at://{DID}/app.bsky.feed.post/{KEY}"
    itself = {"uri": uri, "cid": "bafy"}
    assert published == Published(
        uri,
        f"https://bsky.app/profile/{DID}/post/{KEY}",
        {"root": itself, "parent": itself, "created_at": "2026-05-04T09:00:00Z"},
    )


@pytest.mark.parametrize(
    "moved", [timedelta(0), timedelta(hours=-1), timedelta(seconds=-0.001), timedelta(seconds=5)]
)
async def test_a_thread_is_in_the_order_of_its_times_whatever_the_clock_does(
    bluesky: Bluesky, session: Session, script: Script, clock: Clock, moved: timedelta
) -> None:
    def put(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        return ok(uri=f"at://{DID}/{body['collection']}/{body['rkey']}", cid="bafy")

    script.on("putRecord", put)
    out = await send_thread(cast(PublishingNetwork, bluesky), session, ["One"])
    for text in ("Two", "Three"):
        clock.move(moved)
        out += await send_thread(
            cast(PublishingNetwork, bluesky), session, [text], reply_to=out[-1].reply_to
        )
    records = [json.loads(each.content)["record"] for each in script.asked("putRecord")]
    times = [datetime.fromisoformat(record["createdAt"]) for record in records]
    assert times == sorted(set(times))
    if moved > timedelta(0):
        assert times[-1] == clock()
    assert [set(record.get("reply", {})) for record in records] == [
        set(),
        {"root", "parent"},
        {"root", "parent"},
    ]


async def test_an_answer_that_names_no_version_of_the_post_is_uncertain(
    bluesky: Bluesky, session: Session, script: Script
) -> None:
    script.on("putRecord", ok(uri=f"at://{DID}/app.bsky.feed.post/{KEY}"))
    with pytest.raises(Uncertain, match="cid"):
        await bluesky.publish(session, KEY, RECORD)


@pytest.mark.parametrize(
    "answer", [error(502, "UpstreamFailure"), httpx.Response(200, text="<html>")]
)
async def test_a_post_that_may_be_out_and_cannot_be_read_stays_uncertain(
    bluesky: Bluesky, session: Session, script: Script, answer: httpx.Response
) -> None:
    script.on("putRecord", error(400, "InvalidSwap"))
    script.on("getRecord", answer)
    with pytest.raises(Uncertain):
        await bluesky.publish(session, KEY, RECORD)


async def test_every_attempt_sends_the_same_bytes_and_only_creates(
    bluesky: Bluesky, session: Session, script: Script, clock: Clock
) -> None:
    script.on("putRecord", error(503, "NotEnoughResources"), PUT)
    prepared = await bluesky.prepare(session, Outgoing("hi", [], None, language="de"))
    stored = json.loads(json.dumps(prepared))
    with pytest.raises(Unavailable):
        await bluesky.publish(session, KEY, prepared)
    clock.move(timedelta(hours=1))
    await bluesky.publish(session, KEY, stored)
    first, second = script.asked("putRecord")
    assert first.content == second.content
    body = json.loads(first.content)
    assert body["swapRecord"] is None
    assert body["record"]["createdAt"] == "2026-05-04T09:00:00.000Z"
    assert body["record"]["langs"] == ["de"]


# sessions


async def test_an_old_access_is_refreshed_and_saved_before_it_is_used(
    bluesky: Bluesky, session: Session, script: Script, saved: Saved
) -> None:
    def put(request: httpx.Request) -> httpx.Response:
        if bearer(request) == "a2":
            assert [each["access"] for each in saved.credentials] == ["a2"]
            return PUT
        return error(400, "ExpiredToken")

    script.on("putRecord", put)
    script.on("refreshSession", fresh(2))
    await bluesky.publish(session, KEY, RECORD)
    (refresh,) = script.asked("refreshSession")
    assert bearer(refresh) == "r1"
    assert session.credentials == {"service": HOME, "access": "a2", "refresh": "r2"}
    assert saved.credentials == [session.credentials]


async def test_two_sessions_of_one_account_refresh_once(
    bluesky: Bluesky, session: Session, script: Script, saved: Saved
) -> None:
    refreshing, release = asyncio.Event(), asyncio.Event()

    async def slowly(request: httpx.Request) -> httpx.Response:
        refreshing.set()
        await release.wait()
        return fresh(2)

    script.on("putRecord", old_until("a2", PUT))
    script.on("refreshSession", slowly)
    twin = Session(session.account, dict(session.credentials), session.save)
    sending = [
        asyncio.create_task(bluesky.publish(each, KEY, RECORD))
        for each in (session, twin, session, twin)
    ]
    await refreshing.wait()
    release.set()
    await asyncio.gather(*sending)
    assert len(script.asked("refreshSession")) == len(saved.credentials) == 1
    assert twin.credentials == session.credentials


async def test_a_second_ageing_refreshes_again(
    bluesky: Bluesky, session: Session, script: Script, saved: Saved
) -> None:
    script.on("refreshSession", fresh(2), fresh(3))
    script.on("putRecord", old_until("a2", PUT))
    await bluesky.publish(session, KEY, RECORD)
    script.on("putRecord", old_until("a3", PUT))
    await bluesky.publish(session, KEY, RECORD)
    assert [each["access"] for each in saved.credentials] == ["a2", "a3"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (error(400, "ExpiredToken"), Expired),
        (error(400, "InvalidToken"), Expired),
        (error(401, "AccountTakedown"), Expired),
        (error(500, "InternalServerError"), Unavailable),
        (error(429, "RateLimitExceeded"), RateLimited),
        (ok(accessJwt="a2"), Unavailable),
        (httpx.Response(200, text="<html>"), Unavailable),
    ],
)
async def test_a_refresh_that_fails_leaves_the_session_as_it_was_and_nothing_out(
    bluesky: Bluesky,
    session: Session,
    script: Script,
    saved: Saved,
    answer: httpx.Response,
    expected: type[NetworkError],
) -> None:
    script.on("putRecord", old_until("never", PUT))
    script.on("refreshSession", answer)
    with pytest.raises(expected):
        await bluesky.publish(session, KEY, RECORD)
    assert saved.credentials == []
    assert session.credentials["refresh"] == "r1"


async def test_a_new_access_that_is_too_old_at_once_is_given_up(
    bluesky: Bluesky, session: Session, script: Script
) -> None:
    script.on("putRecord", old_until("never", PUT))
    script.on("refreshSession", fresh(2))
    with pytest.raises(Expired):
        await bluesky.publish(session, KEY, RECORD)
    assert len(script.asked("refreshSession")) == 1


# connecting

TYPED = {"handle": "bakery.example", "password": "abcd-efgh-ijkl-mnop", "server": ""}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"handle": "bakery"}, r"bakery\.bsky\.social"),
        ({"handle": " @ "}, "handle"),
        ({"password": "  "}, "app password"),
        ({"server": "http://pds.example"}, "https://"),
        ({"server": "https://127.0.0.1:8080"}, "public"),
        ({"server": "not a server"}, "address"),
    ],
)
async def test_what_is_typed_wrong_is_said_before_anything_is_asked(
    bluesky: Bluesky, script: Script, fields: Mapping[str, str], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        await bluesky.connect({**TYPED, **fields})
    assert script.requests == []


async def test_a_handle_is_taken_as_people_copy_it(bluesky: Bluesky, script: Script) -> None:
    await bluesky.connect({**TYPED, "handle": "‪@Bakery.Example‬ "})
    (asked,) = script.asked("createSession")
    assert json.loads(asked.content)["identifier"] == "bakery.example"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error(401, "AuthenticationRequired", "Invalid identifier or password"), "Invalid ident"),
        (error(401, "AuthFactorTokenRequired", "A sign in code was sent"), "app password"),
        (error(401, "AccountTakedown", "gone"), "taken this account down"),
        (error(400, "InvalidRequest", "Input/identifier"), "Input/identifier"),
        (ok(**LOGGED_IN, active=False, status="deactivated"), "deactivated"),
        (ok(hello="world"), "did"),
    ],
)
async def test_a_login_refused_says_what_came_back(
    bluesky: Bluesky, script: Script, answer: httpx.Response, words: str
) -> None:
    script.on("createSession", answer)
    with pytest.raises(UserError, match=words) as caught:
        await bluesky.connect(TYPED)
    assert TYPED["password"] not in str(caught.value)


async def test_too_many_logins_are_told_as_such(bluesky: Bluesky, script: Script) -> None:
    script.on("createSession", error(429, "RateLimitExceeded"))
    with pytest.raises(RateLimited):
        await bluesky.connect(TYPED)


async def test_a_password_goes_to_no_server_that_has_not_said_what_it_is(
    bluesky: Bluesky, script: Script
) -> None:
    script.on("describeServer", ok(hello="world"))
    with pytest.raises(UserError, match=r"https://pds\.example\.org"):
        await bluesky.connect({**TYPED, "server": "pds.example.org"})
    assert all(b"abcd" not in request.content for request in script.requests)


@pytest.mark.parametrize(
    ("endpoint", "service"),
    [
        ("https://oyster.host.example", "https://oyster.host.example"),
        ("http://127.0.0.1:6379", HOME),
        ("https://169.254.169.254", HOME),
        ("nonsense", HOME),
        (None, HOME),
    ],
)
async def test_the_account_is_used_at_the_server_its_document_names(
    bluesky: Bluesky, script: Script, endpoint: str | None, service: str
) -> None:
    document = {"service": [{"id": "#atproto_pds", "serviceEndpoint": endpoint}]}
    script.on("createSession", ok(**LOGGED_IN, didDoc=document))
    connected = await bluesky.connect(TYPED)
    assert connected.server == connected.credentials["service"] == service


async def test_a_server_on_this_machine_speaks_for_itself(
    client: httpx.AsyncClient, clock: Clock, script: Script
) -> None:
    local = Bluesky(client, {"BLUESKY_URL": "http://127.0.0.1:2583"}, clock)
    document = {"service": [{"id": "#atproto_pds", "serviceEndpoint": "https://pds.example.org"}]}
    script.on("createSession", ok(**LOGGED_IN, didDoc=document))
    connected = await local.connect(TYPED)
    assert connected.server == "http://127.0.0.1:2583"


async def test_the_app_password_is_not_kept(bluesky: Bluesky) -> None:
    connected = await bluesky.connect(TYPED)
    assert TYPED["password"] not in json.dumps(dict(connected.credentials))


# texts


async def test_a_handle_that_nobody_has_stays_text(
    bluesky: Bluesky, session: Session, script: Script
) -> None:
    def resolve(request: httpx.Request) -> httpx.Response:
        if parse_qs(request.url.query.decode())["handle"] == ["there.test"]:
            return ok(did="did:plc:there")
        return error(400, "InvalidRequest", "Unable to resolve handle")

    script.on("resolveHandle", resolve)
    post = Outgoing("é @there.test @gone.test", [], None)
    prepared = await bluesky.prepare(session, post)
    (facet,) = prepared["record"]["facets"]
    assert facet["index"] == {"byteStart": 3, "byteEnd": 14}
    assert facet["features"] == [
        {"$type": "app.bsky.richtext.facet#mention", "did": "did:plc:there"}
    ]


async def test_a_handle_that_cannot_be_looked_up_now_is_looked_up_later(
    bluesky: Bluesky, session: Session, script: Script
) -> None:
    script.on("resolveHandle", error(502, "UpstreamFailure"))
    with pytest.raises(Unavailable):
        await bluesky.prepare(session, Outgoing("@there.test", [], None))


async def test_the_documents_own_example_is_marked_as_there(
    bluesky: Bluesky, session: Session, script: Script
) -> None:
    script.on("resolveHandle", ok(did="did:plc:atproto"))
    text = (
        "✨ example mentioning @atproto.com to share the URL 👨‍❤️‍👨 "
        "https://en.wikipedia.org/wiki/CBOR."
    )
    prepared = await bluesky.prepare(session, Outgoing(text, [], None))
    spans = [tuple(each["index"].values()) for each in prepared["record"]["facets"]]
    assert spans == [(23, 35), (74, 108)]


def test_a_text_too_long_says_by_how_much(bluesky: Bluesky) -> None:
    assert bluesky.text_problems("x" * 300, bluesky.limits) == []
    assert bluesky.text_problems("x" * 303, bluesky.limits) == ["3 over Bluesky's limit of 300."]
    assert bluesky.text_problems("👨‍👩‍👧‍👦" * 124, bluesky.limits) == [
        "100 bytes over Bluesky's limit of 3,000 bytes."
    ]


async def test_a_tag_of_too_many_bytes_stays_text(bluesky: Bluesky, session: Session) -> None:
    accented = "#" + "e" + "\u0301" * 400
    prepared = await bluesky.prepare(session, Outgoing(f"{accented} #fine", [], None))
    assert [each["features"][0]["tag"] for each in prepared["record"]["facets"]] == ["fine"]


@settings(deadline=None)
@given(st.integers(1_600_000_000, 4_000_000_000))
def test_a_key_is_a_tid_and_keys_sort_by_time(seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    client = make_client(transport=httpx.MockTransport(Script()))
    bluesky = Bluesky(client, {"BLUESKY_URL": HOME}, Clock(moment))
    earlier, later = (bluesky.new_key(moment + timedelta(seconds=s)) for s in (0, 1))
    for key in (earlier, later):
        assert re.fullmatch("[234567a-j][234567a-z]{12}", key)
    assert earlier < later


async def test_an_upload_without_a_blob_is_no_upload(
    bluesky: Bluesky, session: Session, script: Script
) -> None:
    script.on("uploadBlob", ok(hello="world"))
    with pytest.raises(Unavailable):
        await bluesky.upload(session, a_picture())


# listening


def notification(number: int, at: datetime, **changes: Any) -> dict[str, Any]:
    return {
        "uri": f"at://did:plc:them/app.bsky.feed.post/{number}",
        "cid": f"cid{number}",
        "author": {"did": "did:plc:them", "handle": "them.example", "displayName": "Them"},
        "reason": "mention",
        "record": {"text": f"text {number}", "createdAt": at.isoformat()},
        "isRead": False,
        "indexedAt": at.isoformat().replace("+00:00", "Z"),
        **changes,
    }


def inbox(*notifications: Any, page: int = 3) -> Callable[[httpx.Request], httpx.Response]:
    """Pages as the server gives them, newest first as listed."""

    def answer(request: httpx.Request) -> httpx.Response:
        start = int(parse_qs(request.url.query.decode()).get("cursor", ["0"])[0])
        after = start + page
        more = {"cursor": str(after)} if after < len(notifications) else {}
        return ok(notifications=notifications[start:after], **more)

    return answer


def texts(heard: Heard) -> list[str]:
    return [mention.text for mention in heard.mentions]


async def test_pages_are_read_until_the_mark_and_no_further(
    bluesky: Bluesky, session: Session, script: Script, clock: Clock
) -> None:
    minutes = [clock() - timedelta(minutes=number) for number in range(200)]
    everything = [notification(number, at) for number, at in enumerate(minutes)]
    script.on("listNotifications", inbox(*everything[100:]))
    first = await bluesky.listen(session, None)
    assert texts(first) == [f"text {number}" for number in range(199, 99, -1)]
    script.requests.clear()
    script.on("listNotifications", inbox(*everything))
    second = await bluesky.listen(session, first.cursor)
    assert texts(second) == [f"text {number}" for number in range(99, -1, -1)]
    assert len(script.requests) == (100 + 60) // 3 + 1  # what is new, the hour before, and done


async def test_older_than_a_day_is_not_heard_at_first(
    bluesky: Bluesky, session: Session, script: Script, clock: Clock
) -> None:
    old = notification(2, clock() - timedelta(hours=25))
    script.on("listNotifications", inbox(notification(1, clock()), old))
    assert texts(await bluesky.listen(session, None)) == ["text 1"]


async def test_one_post_for_two_reasons_is_heard_once(
    bluesky: Bluesky, session: Session, script: Script, clock: Clock
) -> None:
    twice = [notification(1, clock()), notification(1, clock(), reason="reply")]
    script.on("listNotifications", inbox(*twice))
    assert len((await bluesky.listen(session, None)).mentions) == 1


async def test_odd_entries_do_not_hide_the_others(
    bluesky: Bluesky, session: Session, script: Script, clock: Clock
) -> None:
    odd: list[Any] = [
        None,
        {},
        {"indexedAt": 7},
        notification(1, clock(), indexedAt="yesterday"),
        notification(2, clock(), author=None),
        notification(3, clock(), record="text"),
        notification(4, clock(), uri=None),
        notification(5, clock(), reason="starterpack-joined"),
        notification(6, clock(), record={"text": "bad root", "reply": {"root": 3}}),
        notification(7, clock(), record={"text": None}),
        notification(8, clock(), author={"did": "did:plc:x", "handle": "handle.invalid"}),
    ]
    script.on("listNotifications", inbox(*odd, notification(9, clock())))
    heard = await bluesky.listen(session, None)
    assert texts(heard) == ["text 9", "text 8", ""]
    assert heard.mentions[1].author == "did:plc:x"


async def test_notifications_without_an_end_are_an_error_and_no_loop(
    bluesky: Bluesky, session: Session, script: Script, clock: Clock
) -> None:
    script.on(
        "listNotifications",
        lambda request: ok(
            notifications=[notification(1, clock())], cursor=str(len(script.requests))
        ),
    )
    with pytest.raises(Unavailable, match="end"):
        await bluesky.listen(session, None)


async def test_a_cursor_that_stands_still_ends_the_reading(
    bluesky: Bluesky, session: Session, script: Script, clock: Clock
) -> None:
    script.on("listNotifications", ok(notifications=[notification(1, clock())], cursor="same"))
    assert texts(await bluesky.listen(session, None)) == ["text 1"]


async def test_a_failure_on_a_later_page_gives_nothing_rather_than_a_part(
    bluesky: Bluesky, session: Session, script: Script, clock: Clock
) -> None:
    page = ok(notifications=[notification(1, clock())], cursor="2")
    script.on("listNotifications", page, error(502, "UpstreamFailure"))
    with pytest.raises(Unavailable):
        await bluesky.listen(session, None)


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.integers(0, 3600), max_size=6).map(lambda ages: sorted(set(ages))),
        max_size=5,
    )
)
def test_whatever_arrives_late_by_less_than_the_overlap_is_heard_once(
    rounds: list[list[int]],
) -> None:
    """Each round, posts arrive that say they were written up to an hour ago."""

    async def listen_all() -> None:
        script, clock = Script(), Clock(datetime(2026, 5, 4, 9, 0, tzinfo=UTC))
        async with make_client(transport=httpx.MockTransport(script)) as client:
            bluesky = Bluesky(client, {"BLUESKY_URL": HOME}, clock)
            credentials = {"service": HOME, "access": "a1", "refresh": "r1"}
            connected = Connected(DID, "bakery.example", "Bakery", HOME, HOME, credentials, {})
            session = session_of(bluesky, connected)
            there: list[tuple[datetime, dict[str, Any]]] = []
            heard: list[str] = []
            cursor = None
            for ages in rounds:
                clock.move(timedelta(minutes=2))
                for age in ages:
                    at = clock() - timedelta(seconds=age)
                    there.append((at, notification(len(there), at)))
                newest_first = sorted(there, key=lambda each: each[0], reverse=True)
                script.on("listNotifications", inbox(*(each for _, each in newest_first)))
                answer = await bluesky.listen(session, cursor)
                cursor = answer.cursor
                heard += [mention.remote_id for mention in answer.mentions]
            assert sorted(heard) == sorted(each["uri"] for _, each in there)

    asyncio.run(listen_all())


# measuring


async def test_posts_are_measured_by_25_and_missing_ones_left_out(
    bluesky: Bluesky, session: Session, script: Script
) -> None:
    script.on("getProfile", ok(did=DID, followersCount=5, followsCount=2, postsCount=60))

    def posts(request: httpx.Request) -> httpx.Response:
        uris = parse_qs(request.url.query.decode())["uris"]
        assert len(uris) <= 25
        return ok(posts=[{"uri": uri, "likeCount": 1} for uri in uris if not uri.endswith("0")])

    script.on("getPosts", posts)
    uris = [f"at://{DID}/app.bsky.feed.post/{number}" for number in range(60)]
    measured = await bluesky.measure(session, uris)
    assert measured.account == {"followers": 5, "following": 2, "posts": 60}
    assert len(measured.posts) == 54
    assert measured.posts[uris[1]] == {"likes": 1, "reposts": 0, "replies": 0}
    assert len(script.asked("getPosts")) == 3


async def test_without_the_appview_measuring_can_be_tried_again(
    bluesky: Bluesky, session: Session, script: Script
) -> None:
    script.on("getProfile", error(502, "UpstreamFailure"))
    with pytest.raises(Unavailable):
        await bluesky.measure(session, [])
