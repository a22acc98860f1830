"""A small strict server with Mastodon's API, and the ways real servers differ from one another.

Written from Mastodon's documentation and from what was seen on GoToSocial, Takahe and Hollo. It
refuses what Mastodon refuses, counts by its own rule and has one account of ours and a stranger's.
"""

import html
import io
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import regex
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

DOMAIN = "social.example"
TOKEN = "ZA-Yj3aBD8U8Cm7lKUp-lm9O9BmDgdhHzDeqsY8tlL0"
ALL_SCOPES = frozenset(("read", "write"))
_MENTION = re.compile(r"(?<![\w@/])@(\w+)(?:@([\w.-]*\w))?")
_LINK = re.compile(r"https?://[^\s]+")
_MARKED = re.compile(
    r"(?P<link>https?://[^\s]+)|(?<![\w@/])@(?P<user>\w+)(?:@(?P<host>[\w.-]*\w))?"
    r"|(?<![\w&/])#(?P<tag>[^\W\d]\w*)|[&<>]"
)


@dataclass(frozen=True)
class Ways:
    """How one kind of software behaves."""

    version: str = "4.4.2"
    keeps_keys: bool = True
    takes_forms: bool = True  # False: a form is taken as an empty status
    heeds_since: bool = True
    longest: int | None = 500  # None: any
    bad_token: int = 401  # or 400, in plain text
    garbage: int = 422  # or 500
    second_version: bool = True  # has /api/v2
    tells_source: bool = True
    pages_by_time: bool = False
    cuts_links: bool = False  # a link's words are cut for good; its address is whole
    usually: str = "public"  # how visible a status is that doesn't say so itself
    new_id: Callable[[int], str] = lambda number: str(115_000_000_000_000_000 + number)


MASTODON = Ways()
GOTOSOCIAL = Ways(
    version="0.19.1 01e3765",
    keeps_keys=False,
    garbage=500,
    longest=5000,
    new_id=lambda number: f"01JD{number:022d}",
)
HOLLO = Ways(
    version="4.2.1 (compatible; Hollo 0.6.1)",
    takes_forms=False,
    heeds_since=False,
    longest=None,
    bad_token=400,
    tells_source=False,
    pages_by_time=True,
    new_id=lambda number: f"01934e5a-0000-7000-8000-{number:012d}",
)
TAKAHE = Ways(version="takahe/0.11.0", keeps_keys=False, second_version=False, tells_source=False)


class Refusal(Exception):
    def __init__(self, status: int, error: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(error)
        self.response: Response = JSONResponse({"error": error}, status, headers)


@dataclass
class Medium:
    id: str
    description: str
    polls_left: int
    attached: bool = False


@dataclass
class Status:
    id: str
    author: str
    text: str
    created_at: datetime
    visibility: str
    in_reply_to: "Status | None"
    media: list[Medium]
    spoiler: str = ""
    likes: int = 0
    deleted: bool = False


@dataclass
class Notification:
    id: str
    type: str
    status: Status
    created_at: datetime


@dataclass
class MastodonServer:
    """:param now: the server's clock. Set ``slow_media``, ``rate`` and ``scopes`` as needed."""

    ways: Ways
    now: Callable[[], datetime]
    address: str = ""
    scopes: frozenset[str] = ALL_SCOPES
    token: str | None = TOKEN
    slow_media: int = 0  # how often a picture is still being processed when it is asked for
    calls_left: int | None = None
    statuses: list[Status] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)
    media: dict[str, Medium] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    _keys: dict[str, tuple[Status, datetime]] = field(default_factory=dict)
    _count: int = 0

    # for tests

    def app(self) -> Starlette:
        routes = [
            ("GET", "/api/v1/instance", self._instance_1, None),
            ("GET", "/api/v1/accounts/verify_credentials", self._me, "read"),
            ("GET", "/api/v1/accounts/{id}/statuses", self._own, "read"),
            ("POST", "/api/v1/media", self._upload, "write"),
            ("GET", "/api/v1/media/{id}", self._medium, "write"),
            ("POST", "/api/v1/statuses", self._publish, "write"),
            ("GET", "/api/v1/statuses/{id}", self._status, "read"),
            ("DELETE", "/api/v1/statuses/{id}", self._delete, "write"),
            ("GET", "/api/v1/notifications", self._notifications, "read"),
        ]
        if self.ways.second_version:
            routes.append(("GET", "/api/v2/instance", self._instance_2, None))
            routes.append(("POST", "/api/v2/media", self._upload, "write"))
        if self.ways.tells_source:
            routes.append(("GET", "/api/v1/statuses/{id}/source", self._source, "read"))
        return Starlette(
            routes=[
                Route(path, self._guarded(handler, scope), methods=[method])
                for method, path, handler, scope in routes
            ],
            exception_handlers={404: _not_found},
        )

    def say(
        self,
        text: str,
        *,
        answering: str | None = None,
        visibility: str = "public",
        spoiler: str = "",
    ) -> Status:
        """The stranger says something."""
        parent = self._find(answering) if answering else None
        return self._add("mia@other.example", text, visibility, parent, [], spoiler)

    def ours(self) -> list[Status]:
        return [each for each in self.statuses if each.author == "bakery" and not each.deleted]

    def like(self, status_id: str) -> None:
        self._find(status_id).likes += 1

    # around each call

    def _guarded(
        self, handler: Callable[[Request], Awaitable[Response]], scope: str | None
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            self.asked.append((request.method, request.url.path))
            try:
                self._count_call()
                if scope is not None:
                    self._check_token(request, scope)
                return await handler(request)
            except Refusal as refusal:
                return refusal.response

        return answer

    def _count_call(self) -> None:
        if self.calls_left is None:
            return
        if self.calls_left == 0:
            reset = (self.now() + timedelta(seconds=90)).isoformat().replace("+00:00", "Z")
            headers = {"X-RateLimit-Reset": reset, "X-RateLimit-Remaining": "0"}
            raise Refusal(429, "Too many requests", headers)
        self.calls_left -= 1

    def _check_token(self, request: Request, scope: str) -> None:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            refusal = Refusal(401, "The access token is invalid")
            if self.ways.bad_token == 400:
                refusal.response = PlainTextResponse("Malformed access token", 400)
            raise refusal
        if scope not in self.scopes:
            raise Refusal(403, "This action is outside the authorized scopes")

    # reading

    async def _instance_2(self, request: Request) -> Response:
        statuses: dict[str, Any] = {"max_media_attachments": 4, "characters_reserved_per_url": 23}
        statuses["max_characters"] = self.ways.longest or 10_000
        media = {"image_size_limit": 1_000_000, "description_limit": 1_500}
        return JSONResponse(
            {
                "domain": DOMAIN,
                "title": "A server",
                "version": self.ways.version,
                "configuration": {"statuses": statuses, "media_attachments": media},
            }
        )

    async def _instance_1(self, request: Request) -> Response:
        return JSONResponse(
            {"uri": f"https://{DOMAIN}", "version": self.ways.version, "max_toot_chars": 500}
        )

    async def _me(self, request: Request) -> Response:
        return JSONResponse(self._account_json("bakery"))

    async def _own(self, request: Request) -> Response:
        if request.path_params["id"] != "1":
            raise Refusal(404, "Record not found")
        return self._page(
            request, [(each.id, each.created_at, self._status_json(each)) for each in self.ours()]
        )

    async def _status(self, request: Request) -> Response:
        return JSONResponse(self._status_json(self._find(request.path_params["id"])))

    async def _source(self, request: Request) -> Response:
        status = self._find(request.path_params["id"])
        return JSONResponse({"id": status.id, "text": status.text, "spoiler_text": ""})

    async def _notifications(self, request: Request) -> Response:
        """The stranger is filtered: a notification policy hides them unless one asks."""
        types = request.query_params.getlist("types[]")
        filtered = request.query_params.get("include_filtered") == "true"
        listed = [
            each
            for each in self.notifications
            if filtered and not each.status.deleted and (not types or each.type in types)
        ]
        return self._page(
            request,
            [
                (
                    each.id,
                    each.created_at,
                    {
                        "id": each.id,
                        "type": each.type,
                        "created_at": _iso(each.created_at),
                        "account": self._account_json(each.status.author),
                        "status": self._status_json(each.status),
                    },
                )
                for each in listed
            ],
        )

    def _page(
        self, request: Request, entries: list[tuple[str, datetime, dict[str, Any]]]
    ) -> Response:
        """Newest first; what is older is named in a Link header."""
        query = request.query_params
        limit = min(int(query.get("limit", "20")), 40)
        names = [name for name, _, _ in entries]
        if self.ways.heeds_since and query.get("since_id") in names:
            entries = entries[names.index(query["since_id"]) + 1 :]
        if self.ways.pages_by_time:
            if "older_than" in query:
                entries = [
                    each
                    for each in entries
                    if f"{each[1].isoformat()}/{each[0]}" < query["older_than"]
                ]
        elif "max_id" in query:
            entries = [each for each in entries if each[0] < query["max_id"]]
        page = entries[::-1][:limit]
        headers = {}
        if len(page) == limit and page:
            name, at, _ = page[-1]
            following = request.url.include_query_params(
                **(
                    {"older_than": f"{at.isoformat()}/{name}"}
                    if self.ways.pages_by_time
                    else {"max_id": name}
                )
            )
            headers["Link"] = f'<{following}>; rel="next"'
        return JSONResponse([body for _, _, body in page], headers=headers)

    # writing

    async def _upload(self, request: Request) -> Response:
        async with request.form() as form:
            data = await form["file"].read()  # type: ignore[union-attr]  # a file, or it fails
            description = str(form.get("description", ""))
            unknown = set(form) - {"file", "description"}
        if unknown:
            raise Refusal(422, f"Unknown: {unknown}")
        try:
            with Image.open(io.BytesIO(data)) as picture:
                picture.verify()
        except (OSError, SyntaxError) as error:
            raise Refusal(self.ways.garbage, "Validation failed: File is invalid") from error
        if len(data) > 1_000_000:
            raise Refusal(422, "Validation failed: File file size must be less than 1 MB")
        if len(description) > 1500:
            raise Refusal(422, "Validation failed: Description is too long")
        medium = Medium(self._new_id(), description, self.slow_media)
        self.media[medium.id] = medium
        return JSONResponse(_medium_json(medium), 202 if medium.polls_left else 200)

    async def _medium(self, request: Request) -> Response:
        medium = self.media.get(request.path_params["id"])
        if medium is None:
            raise Refusal(404, "Record not found")
        medium.polls_left = max(0, medium.polls_left - 1)
        return JSONResponse(_medium_json(medium), 206 if medium.polls_left else 200)

    async def _publish(self, request: Request) -> Response:
        body: dict[str, Any] = {}
        if request.headers.get("content-type", "").startswith("application/json"):
            body = await request.json()
        elif self.ways.takes_forms:
            raise Refusal(422, "This test server wants JSON, which every server takes")
        unknown = set(body) - {"status", "media_ids", "in_reply_to_id", "visibility", "language"}
        if unknown:
            raise Refusal(422, f"Unknown: {unknown}")
        key = request.headers.get("idempotency-key", "")
        if self.ways.keeps_keys and key in self._keys:
            status, at = self._keys[key]
            if self.now() < at + timedelta(hours=1):
                return JSONResponse(self._status_json(status))
        status = self._checked(body)
        self._keys[key] = (status, self.now())
        return JSONResponse(self._status_json(status))

    def _checked(self, body: dict[str, Any]) -> Status:
        text = body.get("status", "").strip()
        media = [self.media.get(name) for name in body.get("media_ids", [])]
        if "status" in body and not text:
            raise Refusal(422, "Validation failed: Text can't be blank")
        if not text and not media:
            raise Refusal(422, "Validation failed: Text can't be blank")
        if self.ways.longest is not None and length(text) > self.ways.longest:
            raise Refusal(
                422, f"Validation failed: Text character limit of {self.ways.longest} exceeded"
            )
        if len(media) > 4:
            raise Refusal(422, "Cannot attach more than 4 files")
        ready = [each for each in media if each and not each.polls_left and not each.attached]
        if len(ready) != len(media):
            raise Refusal(422, "Cannot attach files that have not finished processing")
        parent = None
        if body.get("in_reply_to_id") is not None:
            parent = self._find(body["in_reply_to_id"])
        for each in ready:
            each.attached = True
        visibility = body.get("visibility", self.ways.usually)
        return self._add("bakery", text, visibility, parent, ready)

    async def _delete(self, request: Request) -> Response:
        status = self._find(request.path_params["id"])
        if status.author != "bakery":
            raise Refusal(404, "Record not found")
        status.deleted = True
        return JSONResponse({**self._status_json(status), "text": status.text})

    # inside

    def _new_id(self) -> str:
        self._count += 1
        return self.ways.new_id(self._count)

    def _find(self, status_id: str) -> Status:
        for status in self.statuses:
            if status.id == status_id and not status.deleted:
                return status
        raise Refusal(404, "Record not found")

    def _add(
        self,
        author: str,
        text: str,
        visibility: str,
        parent: Status | None,
        media: list[Medium],
        spoiler: str = "",
    ) -> Status:
        status = Status(
            self._new_id(), author, text, self.now(), visibility, parent, media, spoiler
        )
        self.statuses.append(status)
        named = {(user, host or DOMAIN) for user, host in _MENTION.findall(text)}
        if author != "bakery" and ("bakery", DOMAIN) in named:
            self.notifications.append(Notification(self._new_id(), "mention", status, self.now()))
        return status

    def told(self, user: str, host: str) -> list[Status]:
        """Our statuses that name somebody, so that they are told."""
        return [
            each
            for each in self.ours()
            if (user, host) in {(found, at or DOMAIN) for found, at in _MENTION.findall(each.text)}
        ]

    def _account_json(self, author: str) -> dict[str, Any]:
        user, _, host = author.partition("@")
        return {
            "id": "1" if author == "bakery" else "2",
            "username": user,
            "acct": author,
            "display_name": user.title(),
            "url": f"https://{host or DOMAIN}/@{user}",
            "followers_count": 12,
            "following_count": 3,
            "statuses_count": len([each for each in self.statuses if each.author == author]),
        }

    def _status_json(self, status: Status) -> dict[str, Any]:
        parent = status.in_reply_to
        return {
            "id": status.id,
            "created_at": _iso(status.created_at),
            "in_reply_to_id": parent.id if parent else None,
            "in_reply_to_account_id": self._account_json(parent.author)["id"] if parent else None,
            "spoiler_text": status.spoiler,
            "visibility": status.visibility,
            "uri": f"https://{DOMAIN}/statuses/{status.id}",
            "url": f"https://{DOMAIN}/@{status.author}/{status.id}",
            "replies_count": len(
                [each for each in self.statuses if each.in_reply_to is status and not each.deleted]
            ),
            "reblogs_count": 0,
            "favourites_count": status.likes,
            "content": markup(status.text, cuts_links=self.ways.cuts_links),
            "reblog": None,
            "account": self._account_json(status.author),
            "media_attachments": [_medium_json(each) for each in status.media],
        }


def length(text: str) -> int:
    """Mastodon's count: grapheme clusters, links as 23, mentions without their host."""
    short = _MENTION.sub(lambda found: f"@{found[1]}", _LINK.sub("x" * 23, text))
    return len(regex.findall(r"\X", short))


def markup(text: str, *, cuts_links: bool = False) -> str:
    """A status as HTML, the way Mastodon writes it."""

    def marked(found: re.Match[str]) -> str:
        if found["link"] and cuts_links:
            words = html.escape(found["link"].split("//", 1)[1][:30])
            return f'<a href="{html.escape(found["link"])}" rel="nofollow">{words}…</a>'
        if found["link"]:
            scheme, rest = html.escape(found["link"]).split("//", 1)
            return (
                f'<a href="{scheme}//{rest}" rel="nofollow noopener">'
                f'<span class="invisible">{scheme}//</span>'
                f'<span class="ellipsis">{rest[:30]}</span>'
                f'<span class="invisible">{rest[30:]}</span></a>'
            )
        if found["user"]:
            return (
                f'<span class="h-card"><a href="https://{found["host"] or DOMAIN}/@{found["user"]}"'
                f' class="u-url mention">@<span>{found["user"]}</span></a></span>'
            )
        if found["tag"]:
            return (
                f'<a href="https://{DOMAIN}/tags/{found["tag"]}" class="mention hashtag" '
                f'rel="tag">#<span>{found["tag"]}</span></a>'
            )
        return html.escape(found[0], quote=False)

    written = _MARKED.sub(marked, text)
    paragraphs = re.split(r"\n\n+", written)
    return "".join(f"<p>{each.replace(chr(10), '<br>')}</p>" for each in paragraphs if each)


def _medium_json(medium: Medium) -> dict[str, Any]:
    return {
        "id": medium.id,
        "type": "image",
        "url": None if medium.polls_left else f"https://{DOMAIN}/media/{medium.id}.png",
        "description": medium.description,
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def _not_found(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "Not Found"}, 404)
