"""Sandbox's server: what its API refuses, what it remembers, and what its page shows."""

import io
import itertools
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Mount

from bot.playground.sandbox import Sandbox, create_sandbox
from bot.playground.sandbox_api import RATE_LIMIT
from bot.playground.sandbox_faults import Fault, FaultKind
from bot.playground.sandbox_page import ago, rich
from bot.playground.sandbox_records import PICTURE_BYTES, Refused, graphemes, readers
from bot.playground.sandbox_seed import (
    ANGRY_REPLIES,
    BRAND,
    COMPLAINTS,
    HISTORY,
    PEOPLE,
    PRAISES,
    QUESTIONS,
)
from bot.sentiment import EnglishClassifier, Thresholds, urgency
from storage.records import Urgency

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PASSWORDS = {person.handle: person.password for person in PEOPLE}


class Clock:
    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(tmp_path: Path, clock: Clock) -> Iterator[Sandbox]:
    made = create_sandbox(tmp_path, clock)
    yield made
    made.close()


@pytest.fixture
async def web(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[Mount("/sandbox", routes=sandbox.routes)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://play/sandbox") as client:
        yield client


@pytest.fixture
async def brand(web: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same client with the brand's token."""
    answer = await web.post("/api/login", json={"handle": BRAND, "password": PASSWORDS[BRAND]})
    web.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    return web


def a_png(size: tuple[int, int] = (8, 6)) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, "red").save(data, "PNG")
    return data.getvalue()


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# The API


@pytest.mark.parametrize("path", ["/api/me", "/api/posts", "/api/notifications"])
async def test_nothing_is_read_without_a_token(web: httpx.AsyncClient, path: str) -> None:
    assert code(await web.get(path)) == (401, "no_token")
    wrong = await web.get(path, headers={"Authorization": "Bearer nonsense"})
    assert code(wrong) == (401, "invalid_token")


async def test_a_token_ends_when_it_says(brand: httpx.AsyncClient, clock: Clock) -> None:
    login = {"handle": "@Acorn", "password": PASSWORDS[BRAND]}
    ends = datetime.fromisoformat((await brand.post("/api/login", json=login)).json()["expires_at"])
    clock.time = ends - timedelta(seconds=1)
    assert (await brand.get("/api/me")).status_code == 200
    clock.time = ends
    assert code(await brand.get("/api/me")) == (401, "expired_token")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"text": "a" * 301}, (422, "text_too_long")),
        ({"text": "  \n"}, (422, "empty")),
        ({"text": 7}, (422, "invalid_field")),
        ({}, (422, "invalid_field")),
        ([], (422, "invalid_json")),
        ({"text": "hi", "mood": "good"}, (422, "unknown_field")),
        ({"text": "hi", "pictures": "one"}, (422, "invalid_field")),
        ({"text": "hi", "pictures": ["none"]}, (422, "unknown_picture")),
        ({"text": "hi", "pictures": ["a", "b", "c", "d", "e"]}, (422, "too_many_pictures")),
        ({"text": "hi", "reply_to": "9999"}, (422, "reply_to_gone")),
        ({"text": "hi", "reply_to": "1; DROP TABLE post"}, (404, "not_found")),
    ],
)
async def test_a_post_that_breaks_a_rule_is_refused_by_name(
    brand: httpx.AsyncClient, sandbox: Sandbox, body: object, expected: tuple[int, str]
) -> None:
    before = sandbox.state.posts_of(BRAND)
    assert code(await brand.post("/api/posts", json=body)) == expected
    assert sandbox.state.posts_of(BRAND) == before


async def test_only_json_is_taken(brand: httpx.AsyncClient) -> None:
    assert code(await brand.post("/api/posts", data={"text": "hi"})) == (415, "not_json")
    broken = await brand.post(
        "/api/posts", content=b'{"text": ', headers={"Content-Type": "application/json"}
    )
    assert code(broken) == (400, "invalid_json")


async def test_three_hundred_graphemes_fit_however_many_bytes(brand: httpx.AsyncClient) -> None:
    family = "👨‍👩‍👧‍👦"
    assert (await brand.post("/api/posts", json={"text": family * 300})).status_code == 201
    assert code(await brand.post("/api/posts", json={"text": family * 301}))[0] == 422


async def test_the_same_key_gives_the_same_post_and_other_content_is_refused(
    brand: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    before = len(sandbox.state.posts_of(BRAND))
    headers = {"Idempotency-Key": "one"}
    first = await brand.post("/api/posts", json={"text": "Once"}, headers=headers)
    again = await brand.post("/api/posts", json={"text": "Once"}, headers=headers)
    other = await brand.post("/api/posts", json={"text": "Twice"}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert code(other) == (422, "key_reused")
    assert len(sandbox.state.posts_of(BRAND)) == before + 1


async def test_a_key_is_its_owners_alone(sandbox: Sandbox) -> None:
    mine, _ = sandbox.state.publish("mia", "Hello", key="k")
    theirs, new = sandbox.state.publish("tom", "Hello", key="k")
    assert new
    assert mine.id != theirs.id


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"not a picture", (422, "no_picture")),
        (b"", (422, "no_picture")),
        (b"\x00" * (PICTURE_BYTES + 1), (413, "picture_too_large")),
        (a_png()[:40], (422, "no_picture")),
    ],
    ids=["text", "empty", "too large", "cut"],
)
async def test_what_is_no_picture_is_refused(
    brand: httpx.AsyncClient, data: bytes, expected: tuple[int, str]
) -> None:
    answer = await brand.post("/api/pictures", files={"file": ("a.png", data, "image/png")})
    assert code(answer) == expected


async def test_a_kind_that_isnt_taken_is_refused(brand: httpx.AsyncClient) -> None:
    data = io.BytesIO()
    Image.new("RGB", (4, 4)).save(data, "BMP")
    files = {"file": ("a.png", data.getvalue(), "image/png")}
    assert code(await brand.post("/api/pictures", files=files)) == (422, "picture_kind")


async def test_a_picture_belongs_to_its_uploader_and_to_one_post(
    brand: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    foreign = sandbox.state.add_picture("mia", a_png(), "Mine")
    body = {"text": "Stolen", "pictures": [foreign.id]}
    assert code(await brand.post("/api/posts", json=body)) == (422, "unknown_picture")
    upload = await brand.post(
        "/api/pictures", files={"file": ("a.png", a_png(), "image/png")}, data={"alt": "Red"}
    )
    body = {"text": "Ours", "pictures": [upload.json()["id"]]}
    assert (await brand.post("/api/posts", json=body)).status_code == 201
    assert code(await brand.post("/api/posts", json=body)) == (422, "unknown_picture")
    del brand.headers["Authorization"]
    assert (await brand.get(upload.json()["url"])).content == a_png()


async def test_only_the_author_deletes_and_a_deleted_post_is_gone_everywhere(
    brand: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    before = len(sandbox.state.notifications(BRAND))
    foreign, _ = sandbox.state.publish("mia", "@acorn mine")
    assert code(await brand.delete(f"/api/posts/{foreign.id}")) == (403, "not_yours")
    assert len((await brand.get("/api/notifications")).json()["notifications"]) == before + 1
    sandbox.state.delete("mia", foreign.id)
    assert code(await brand.get(f"/api/posts/{foreign.id}")) == (404, "not_found")
    assert code(await brand.delete(f"/api/posts/{foreign.id}")) == (404, "not_found")
    assert len((await brand.get("/api/notifications")).json()["notifications"]) == before


async def test_a_reply_that_also_mentions_is_told_once(sandbox: Sandbox) -> None:
    ours, _ = sandbox.state.publish(BRAND, "Fresh")
    since = sandbox.state.newest_notification(BRAND)
    sandbox.state.publish("mia", "@acorn @ACORN @nobody no it isn't", reply_to=ours.id)
    sandbox.state.publish(BRAND, "@acorn talking to ourselves")
    (heard,) = sandbox.state.notifications(BRAND, after=since)
    assert heard.kind == "reply"


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("hey @acorn!", True),
        ("(@Acorn)", True),
        ("mail@acorn", False),
        ("https://else.example/@acorn", False),
        ("@acorns", False),
    ],
)
async def test_what_counts_as_a_mention(sandbox: Sandbox, text: str, heard: bool) -> None:
    since = sandbox.state.newest_notification(BRAND)
    sandbox.state.publish("mia", text)
    assert bool(sandbox.state.notifications(BRAND, after=since)) is heard


@pytest.mark.parametrize("query", ["after=x", "after=-1", "since=yesterday", "since=2026-11-22"])
async def test_a_cursor_that_is_none_is_refused(brand: httpx.AsyncClient, query: str) -> None:
    assert code(await brand.get(f"/api/notifications?{query}")) == (422, "invalid_field")


async def test_the_rate_limit_says_how_long_and_then_lets_go(
    brand: httpx.AsyncClient, clock: Clock
) -> None:
    for left in range(RATE_LIMIT - 1, -1, -1):
        answer = await brand.get("/api/me")
        assert answer.headers["X-RateLimit-Remaining"] == str(left)
    refused = await brand.get("/api/me")
    assert code(refused) == (429, "rate_limited")
    clock.time += timedelta(seconds=int(refused.headers["Retry-After"]))
    assert (await brand.get("/api/me")).status_code == 200


# Faults


async def test_a_fault_hits_the_call_it_names_as_often_as_it_says(
    brand: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    order = {"kind": "500", "method": "get", "path": "/api/me", "times": 2}
    assert (await brand.post("/control/faults", json=order)).status_code == 204
    assert (await brand.get("/api/posts")).status_code == 200
    assert [(await brand.get("/api/me")).status_code for _ in range(3)] == [500, 500, 200]


@pytest.mark.parametrize(
    "order", [{"kind": "earthquake"}, {}, {"kind": "500", "times": []}, {"kind": "500", "x": 1}]
)
async def test_an_unknown_fault_is_refused(brand: httpx.AsyncClient, order: object) -> None:
    assert (await brand.post("/control/faults", json=order)).status_code == 422


async def test_faults_can_be_forgotten_and_tokens_ended(
    brand: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault(FaultKind.BROKEN, times=9))
    await brand.delete("/control/faults")
    assert (await brand.get("/api/me")).status_code == 200
    await brand.post("/control/expire-tokens")
    assert code(await brand.get("/api/me")) == (401, "expired_token")


# What it remembers


async def test_a_second_start_finds_everything_again(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "play"
    folder.mkdir()
    first = create_sandbox(folder, clock)
    token, _ = first.state.people.log_in(BRAND, PASSWORDS[BRAND])
    post, _ = first.state.publish(BRAND, "Kept", key="k")
    first.state.toggle("mia", post.id, "like")
    kept = first.state.post(post.id)
    first.close()
    second = create_sandbox(folder, clock)
    assert second.state.post(post.id) == kept
    assert second.state.publish(BRAND, "Kept", key="k") == (kept, False)
    assert second.state.people.who(token) == BRAND
    assert len(second.state.people.everybody()) == len(PEOPLE)
    second.close()


def test_nothing_seeded_about_the_brand_is_younger_than_a_day() -> None:
    for post in HISTORY:
        answers_brand = post.answers is not None and HISTORY[post.answers].author == BRAND
        if post.author != BRAND and (f"@{BRAND}" in post.text or answers_brand):
            assert post.hours_ago > 24


def test_history_is_written_by_people_in_order() -> None:
    handles = {person.handle for person in PEOPLE}
    assert {post.author for post in HISTORY} <= handles
    assert [post.hours_ago for post in HISTORY] == sorted(
        (post.hours_ago for post in HISTORY), reverse=True
    )


@pytest.mark.parametrize("text", [*COMPLAINTS, *ANGRY_REPLIES, *PRAISES, *QUESTIONS])
def test_every_example_fits(text: str) -> None:
    assert graphemes(text.format(brand=BRAND)) <= 300


def test_the_examples_do_what_their_buttons_say() -> None:
    classifier = EnglishClassifier()

    def urgencies(texts: Iterable[str]) -> set[Urgency]:
        judged = (classifier.judge(text.format(brand=BRAND)) for text in texts)
        return {urgency(judgement, Thresholds()) for judgement in judged}

    assert urgencies((*COMPLAINTS, *ANGRY_REPLIES)) == {Urgency.ALERT}
    assert urgencies((*PRAISES, *QUESTIONS)) == {Urgency.NONE}


def test_numbers_only_grow_and_are_the_same_each_time() -> None:
    ages = [timedelta(minutes=minutes) for minutes in range(0, 600, 7)]
    for post_id in range(1, 30):
        reads = [readers(post_id, BRAND, age) for age in ages]
        assert reads == [readers(post_id, BRAND, age) for age in ages]
        assert reads[0] == (0, 0, 0)
        assert all(
            a <= b
            for early, late in itertools.pairwise(reads)
            for a, b in zip(early, late, strict=True)
        )
        assert reads[-1][1] >= 4


async def test_liking_twice_takes_it_back(sandbox: Sandbox) -> None:
    post, _ = sandbox.state.publish(BRAND, "Like me")
    sandbox.state.toggle("mia", post.id, "like")
    assert sandbox.state.post(post.id).likes == 1
    sandbox.state.toggle("mia", post.id, "like")
    assert sandbox.state.post(post.id).likes == 0
    with pytest.raises(Refused):
        sandbox.state.toggle("mia", post.id, "shout")


# The page


async def test_the_page_loads_nothing_from_outside(web: httpx.AsyncClient) -> None:
    page = await web.get("/")
    assert page.status_code == 200
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "unsafe" not in policy
    for asset in ("sandbox.css", "sandbox.js", "sandbox.svg"):
        assert f'"/sandbox/static/{asset}"' in page.text
        assert (await web.get(f"/static/{asset}")).status_code == 200


async def test_what_people_write_stays_text(web: httpx.AsyncClient, sandbox: Sandbox) -> None:
    nasty = '<script>alert(1)</script> " onload=x & https://x.example/"><b>'
    picture = sandbox.state.add_picture("mia", a_png(), '"><img src=x>')
    post, _ = sandbox.state.publish("mia", nasty, pictures=[picture.id])
    for path in ("/", "/@mia", f"/@mia/{post.id}"):
        page = (await web.get(path)).text
        assert "<script>alert" not in page
        assert "<b>" not in page.partition('id="timeline"')[2].partition("</main>")[0]
        assert "<img src=x" not in page


@given(st.text(max_size=300))
def test_marked_text_never_makes_tags_of_its_own(text: str) -> None:
    html = str(rich(text, "/sandbox", {BRAND}))
    plain = html
    for mark in ('<span class="tag">', "</span>", "</a>"):
        plain = plain.replace(mark, "")
    while '<a href="' in plain:
        before, _, rest = plain.partition('<a href="')
        plain = before + rest.partition(">")[2]
    assert "<" not in plain
    assert '"' not in plain


async def test_links_people_and_tags_are_marked() -> None:
    html = rich("See https://a.example/x?y=1&z=2. @acorn @nobody #tea", "/sandbox", {BRAND})
    assert 'href="https://a.example/x?y=1&amp;z=2"' in html
    assert '<a href="/sandbox/@acorn">@acorn</a> @nobody' in html
    assert '<span class="tag">#tea</span>' in html


@pytest.mark.parametrize(
    ("example", "texts"),
    [("complaint", COMPLAINTS), ("praise", PRAISES), ("question", QUESTIONS)],
)
async def test_one_click_posts_an_example_that_the_brand_hears(
    web: httpx.AsyncClient, sandbox: Sandbox, example: str, texts: tuple[str, ...]
) -> None:
    since = sandbox.state.newest_notification(BRAND)
    for _ in range(2):
        answer = await web.post("/say", data={"person": "tom", "text": "", "example": example})
        assert answer.status_code == 303
    first, second = sandbox.state.notifications(BRAND, after=since)
    assert {first.post.text, second.post.text} <= {text.format(brand=BRAND) for text in texts}
    assert first.post.text != second.post.text
    assert first.post.author == "tom"


async def test_a_reply_from_the_page_hangs_under_its_post(
    web: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    ours, _ = sandbox.state.publish(BRAND, "Fresh")
    await web.post("/say", data={"person": "lea", "text": "Stale!", "reply_to": str(ours.id)})
    assert [post.text for post in sandbox.state.thread(ours.root)] == ["Fresh", "Stale!"]
    assert "replying to" in (await web.get(f"/@acorn/{ours.id}")).text


async def test_nobody_can_post_as_the_brand_from_the_page(
    web: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    before = sandbox.state.posts_of(BRAND)
    await web.post("/say", data={"person": BRAND, "text": "We are closing"})
    assert sandbox.state.posts_of(BRAND) == before


async def test_a_refused_post_says_why(web: httpx.AsyncClient) -> None:
    page = await web.post("/say", data={"text": "a" * 301})
    assert page.status_code == 422
    assert "1 over the limit of 300" in page.text
    words = await web.post("/say", data={"text": ""}, headers={"X-Requested-By": "sandbox"})
    assert words.text == "A post needs a text or a picture."


async def test_a_form_on_another_site_is_refused(web: httpx.AsyncClient, sandbox: Sandbox) -> None:
    data = {"person": "tom", "text": "@acorn forged"}
    foreign = await web.post("/say", data=data, headers={"Origin": "https://evil.example"})
    own = await web.post("/say", data=data, headers={"Origin": "http://play"})
    assert (foreign.status_code, own.status_code) == (403, 303)


async def test_the_list_is_sent_again_only_when_something_changed(
    web: httpx.AsyncClient, sandbox: Sandbox, clock: Clock
) -> None:
    first = await web.get("/?fragment=1")
    assert "<html" not in first.text
    known = {"If-None-Match": first.headers["ETag"]}
    assert (await web.get("/?fragment=1", headers=known)).status_code == 304
    sandbox.state.publish(BRAND, "Something new")
    assert "Something new" in (await web.get("/?fragment=1", headers=known)).text
    clock.time += timedelta(seconds=11)
    assert (await web.get("/?fragment=1", headers=known)).status_code == 200


@pytest.mark.parametrize("path", ["/@nobody", "/@acorn/99999", "/@mia/1", "/pictures/none"])
async def test_what_isnt_there_is_said_in_words(web: httpx.AsyncClient, path: str) -> None:
    page = await web.get(path)
    assert page.status_code == 404
    assert "Back to Sandbox" in page.text


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=-5), "now"),
        (timedelta(seconds=59), "now"),
        (timedelta(minutes=4, seconds=50), "4 min"),
        (timedelta(hours=23, minutes=59), "23 h"),
        (timedelta(days=2), "2 d"),
    ],
)
def test_ages_in_a_word(age: timedelta, words: str) -> None:
    assert ago(START - age, START) == words


async def test_api_answers_are_whole(brand: httpx.AsyncClient) -> None:
    made = (await brand.post("/api/posts", json={"text": "Whole"})).json()
    read = (await brand.get(f"/api/posts/{made['id']}")).json()
    assert read == made
    assert read["url"] == f"http://play/sandbox/@acorn/{made['id']}"
