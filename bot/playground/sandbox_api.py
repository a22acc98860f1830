"""Sandbox's API: JSON over HTTP, under ``/api``; for tests and play, ``/control``.

    POST   /api/login            {handle, password} -> {token, expires_at, person}
    GET    /api/me               -> person
    POST   /api/pictures         multipart: file, alt -> picture
    POST   /api/posts            {text, pictures, reply_to}, Idempotency-Key -> 201 post, 200 again
    GET    /api/posts            ?ids=1,2 or ?key= -> {posts}: the caller's own; else the newest 50
    GET    /api/posts/{id}       -> post
    DELETE /api/posts/{id}       -> 204
    GET    /api/notifications    ?after=, since=, limit= -> {notifications, cursor}

Errors are ``{"error": {"code", "message"}}``. Times are ISO 8601 in UTC, ids are strings.
"""

import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.playground.sandbox_faults import Dropped, Fault, FaultKind, Faults
from bot.playground.sandbox_records import PICTURE_BYTES, Person, Picture, Post, Refused
from bot.playground.sandbox_state import State

RATE_LIMIT = 300
RATE_PERIOD = timedelta(minutes=5)
KEY_LENGTH = 200

Handler = Callable[[Request, str], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class _Body:
    """A JSON object whose fields are read one by one, strictly."""

    fields: dict[str, Any]

    def text(self, name: str) -> str:
        value = self.fields.pop(name, None)
        if not isinstance(value, str):
            raise Refused(422, "invalid_field", f"{name} must be a text.")
        return value

    def texts(self, name: str) -> list[str]:
        value = self.fields.pop(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise Refused(422, "invalid_field", f"{name} must be a list of texts.")
        return value

    def post_id(self, name: str) -> int | None:
        value = self.fields.pop(name, None)
        return None if value is None else _post_id(value)

    def end(self) -> None:
        """:raises Refused: there are fields that nobody reads."""
        if self.fields:
            raise Refused(422, "unknown_field", f"Unknown: {', '.join(sorted(self.fields))}.")


class Api:
    """The API over one state.

    :param now: the clock (UTC), for the rate limit.
    """

    def __init__(self, state: State, faults: Faults, now: Callable[[], datetime]) -> None:
        self._state = state
        self._faults = faults
        self._now = now
        self._calls: dict[str, deque[datetime]] = {}

    def routes(self) -> list[Route]:
        return [
            Route("/api/login", self._guarded(self._login, public=True), methods=["POST"]),
            Route("/api/me", self._guarded(self._me)),
            Route("/api/pictures", self._guarded(self._upload), methods=["POST"]),
            Route("/api/posts", self._guarded(self._publish), methods=["POST"]),
            Route("/api/posts", self._guarded(self._own_posts)),
            Route("/api/posts/{id}", self._guarded(self._delete), methods=["DELETE"]),
            Route("/api/posts/{id}", self._guarded(self._post)),
            Route("/api/notifications", self._guarded(self._notifications)),
            Route("/control/faults", self._order_fault, methods=["POST"]),
            Route("/control/faults", self._clear_faults, methods=["DELETE"]),
            Route("/control/expire-tokens", self._expire_tokens, methods=["POST"]),
        ]

    def _guarded(
        self, handler: Handler, *, public: bool = False
    ) -> Callable[[Request], Awaitable[Response]]:
        """Faults, the token, the rate limit and refusals, around a handler."""

        async def answer(request: Request) -> Response:
            path = request.url.path.removeprefix(request.scope.get("root_path", ""))
            fault = self._faults.take(request.method, path)
            if fault not in (None, FaultKind.DROP_AFTER_ACCEPT):
                return await self._faults.answer(fault, request)
            try:
                person = "" if public else self._state.people.who(_bearer(request))
                headers = {} if public else self._count_call(person)
                response = await handler(request, person)
            except Refused as refused:
                return _refusal(refused)
            response.headers.update(headers)
            return Dropped() if fault is FaultKind.DROP_AFTER_ACCEPT else response

        return answer

    async def _login(self, request: Request, _person: str) -> Response:
        body = await _json(request)
        handle, password = body.text("handle"), body.text("password")
        body.end()
        handle = handle.strip().removeprefix("@").lower()
        token, expires_at = self._state.people.log_in(handle, password)
        person = _person_json(self._state.people.person(handle), request)
        answer = {"token": token, "expires_at": expires_at.isoformat(), "person": person}
        return JSONResponse(answer)

    async def _me(self, request: Request, person: str) -> Response:
        return JSONResponse(_person_json(self._state.people.person(person), request))

    async def _upload(self, request: Request, person: str) -> Response:
        if int(request.headers.get("content-length", "0")) > PICTURE_BYTES + 20_000:
            raise Refused(413, "picture_too_large", "A picture may have 5 MB at most.")
        async with request.form() as form:
            file, alt = form.get("file"), form.get("alt", "")
            if not isinstance(file, UploadFile) or not isinstance(alt, str):
                raise Refused(422, "invalid_field", "file must be a file and alt a text.")
            picture = self._state.add_picture(person, await file.read(), alt)
        return JSONResponse(_picture_json(picture, request), 201)

    async def _publish(self, request: Request, person: str) -> Response:
        key = request.headers.get("idempotency-key")
        if key is not None and not 0 < len(key) <= KEY_LENGTH:
            raise Refused(422, "invalid_key", "An idempotency key has 1 to 200 characters.")
        body = await _json(request)
        text, pictures = body.text("text"), body.texts("pictures")
        reply_to = body.post_id("reply_to")
        body.end()
        post, new = self._state.publish(person, text, reply_to=reply_to, pictures=pictures, key=key)
        return JSONResponse(post_json(post, request), 201 if new else 200)

    async def _own_posts(self, request: Request, person: str) -> Response:
        posts = self._state.posts_of(person)
        if (key := request.query_params.get("key")) is not None:
            posts = self._state.made_with(person, key)
        elif (ids := request.query_params.get("ids")) is not None:
            posts = self._state.own_posts(
                person, [_post_id(each) for each in ids.split(",") if each]
            )
        return JSONResponse({"posts": [post_json(post, request) for post in posts]})

    async def _post(self, request: Request, _person: str) -> Response:
        post = self._state.post(_post_id(request.path_params["id"]))
        return JSONResponse(post_json(post, request))

    async def _delete(self, request: Request, person: str) -> Response:
        self._state.delete(person, _post_id(request.path_params["id"]))
        return Response(status_code=204)

    async def _notifications(self, request: Request, person: str) -> Response:
        query = request.query_params
        after = _number(query.get("after", "0"), "after")
        limit = min(max(_number(query.get("limit", "50"), "limit"), 1), 100)
        since = _time(query["since"]) if "since" in query else None
        heard = self._state.notifications(person, after=after, since=since, limit=limit)
        cursor = heard[-1].id if heard else max(after, self._state.newest_notification(person))
        listed = [
            {
                "id": str(each.id),
                "kind": each.kind,
                "post": post_json(each.post, request),
                "author": _person_json(self._state.people.person(each.post.author), request),
            }
            for each in heard
        ]
        return JSONResponse({"notifications": listed, "cursor": str(cursor)})

    async def _order_fault(self, request: Request) -> Response:
        try:
            body = await _json(request)
            fault = Fault(
                kind=FaultKind(body.text("kind")),
                method=str(body.fields.pop("method", "")).upper(),
                path=str(body.fields.pop("path", "")),
                times=int(body.fields.pop("times", 1)),
            )
            body.end()
        except Refused as refused:
            return _refusal(refused)
        except (ValueError, TypeError) as error:
            return _refusal(Refused(422, "invalid_field", str(error)))
        self._faults.add(fault)
        return Response(status_code=204)

    async def _clear_faults(self, _request: Request) -> Response:
        self._faults.clear()
        return Response(status_code=204)

    async def _expire_tokens(self, _request: Request) -> Response:
        self._state.people.expire_tokens()
        return Response(status_code=204)

    def _count_call(self, person: str) -> dict[str, str]:
        """The rate limit's headers; the window slides.

        :raises Refused: too many calls.
        """
        now = self._now()
        calls = self._calls.setdefault(person, deque())
        while calls and calls[0] <= now - RATE_PERIOD:
            calls.popleft()
        if len(calls) >= RATE_LIMIT:
            wait = (calls[0] + RATE_PERIOD - now).total_seconds()
            raise Refused(
                429, "rate_limited", f"Too many requests. Wait {wait:.0f} seconds.", int(wait) + 1
            )
        calls.append(now)
        return {
            "X-RateLimit-Limit": str(RATE_LIMIT),
            "X-RateLimit-Remaining": str(RATE_LIMIT - len(calls)),
        }


def address(request: Request, path: str) -> str:
    """The full address of a path of Sandbox, as the caller reaches it."""
    root = request.scope.get("root_path", "")
    return f"{request.url.scheme}://{request.url.netloc}{root}{path}"


def post_json(post: Post, request: Request) -> dict[str, Any]:
    return {
        "id": str(post.id),
        "author": post.author,
        "text": post.text,
        "reply_to": None if post.reply_to is None else str(post.reply_to),
        "pictures": [_picture_json(picture, request) for picture in post.pictures],
        "url": address(request, f"/@{post.author}/{post.id}"),
        "created_at": post.created_at.isoformat(),
        "likes": post.likes,
        "reposts": post.reposts,
        "replies": post.replies,
        "reads": post.reads,
    }


def _person_json(person: Person, request: Request) -> dict[str, Any]:
    return {
        "handle": person.handle,
        "name": person.name,
        "bio": person.bio,
        "url": address(request, f"/@{person.handle}"),
        "followers": person.followers,
        "following": person.following,
        "posts": person.posts,
    }


def _picture_json(picture: Picture, request: Request) -> dict[str, Any]:
    return {
        "id": picture.id,
        "url": address(request, f"/pictures/{picture.id}"),
        "alt": picture.alt,
        "width": picture.width,
        "height": picture.height,
    }


def _refusal(refused: Refused) -> Response:
    headers = {} if refused.wait_s is None else {"Retry-After": str(refused.wait_s)}
    answer = {"error": {"code": refused.code, "message": refused.message}}
    return JSONResponse(answer, refused.status, headers)


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused(401, "no_token", "This needs a token: Authorization: Bearer <token>.")
    return token


async def _json(request: Request) -> _Body:
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Refused(415, "not_json", "Send JSON (Content-Type: application/json).")
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise Refused(400, "invalid_json", "This is not JSON.") from error
    if not isinstance(body, dict):
        raise Refused(422, "invalid_json", "Send a JSON object.")
    return _Body(body)


def _post_id(value: object) -> int:
    if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > 18:
        raise Refused(404, "not_found", "This post isn't there (any more).")
    return int(value)


def _number(value: str, name: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 18:
        raise Refused(422, "invalid_field", f"{name} must be a number.")
    return int(value)


def _time(value: str) -> datetime:
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError as error:
        raise Refused(422, "invalid_field", "since must be a time in ISO 8601.") from error
    if parsed.tzinfo is None:
        raise Refused(422, "invalid_field", "since needs a time zone.")
    return parsed
