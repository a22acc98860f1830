"""Sandbox's page: the timeline, people and conversations, written on the server.

The page asks every second or so for its list of posts again (answered 304 while nothing changed),
so that it needs no connection of its own that a stopping server would wait for.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import regex
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.playground.sandbox_records import MENTION, TEXT_LIMIT, Person, Post, Refused
from bot.playground.sandbox_seed import ANGRY_REPLIES, BRAND, COMPLAINTS, PRAISES, QUESTIONS
from bot.playground.sandbox_state import State

if TYPE_CHECKING:
    from jinja2 import Environment

PERSON_COOKIE = "sandbox_person"
NUMBERS_REFRESH_S = 10
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_HERE = Path(__file__).parent
_EXAMPLES = {
    "complaint": COMPLAINTS,
    "praise": PRAISES,
    "question": QUESTIONS,
    "angry": ANGRY_REPLIES,
}
_SPECIAL = regex.compile(
    rf"(?P<link>https?://[^\s<>\"]+[^\s<>\".,;:!?)'])|(?P<mention>{MENTION.pattern})"
    r"|(?P<tag>(?<![\w#])#\w+)",
    regex.IGNORECASE,
)


class Page:
    """The page over one state.

    :param now: the clock (UTC).
    """

    def __init__(self, state: State, now: Callable[[], datetime]) -> None:
        self._state = state
        self._now = now

    @cached_property
    def _templates(self) -> "Environment":
        from jinja2 import Environment, FileSystemLoader, select_autoescape

        templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=select_autoescape(),
            trim_blocks=True,
            lstrip_blocks=True,
        )
        templates.filters["ago"] = lambda at: ago(at, self._now())
        return templates

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self._shown(self._home)),
            Route("/say", self._shown(self._say), methods=["POST"]),
            Route("/posts/{id:int}/{kind}", self._shown(self._react), methods=["POST"]),
            Route("/pictures/{id}", self._shown(self._picture)),
            Route("/@{handle}", self._shown(self._profile)),
            Route("/@{handle}/{id:int}", self._shown(self._conversation)),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ]

    def _shown(
        self, handler: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Refusals as words, and the headers, around a handler."""

        async def answer(request: Request) -> Response:
            try:
                if request.method == "POST":
                    _check_origin(request)
                response = await handler(request)
            except Refused as refused:
                response = self._refusal(request, refused)
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        return answer

    async def _home(self, request: Request) -> Response:
        return self._timeline(request, self._state.threads, title="Home")

    async def _profile(self, request: Request) -> Response:
        person = self._state.people.person(request.path_params["handle"])

        def threads() -> list[list[Post]]:
            return [[post] for post in self._state.posts_of(person.handle)]

        return self._timeline(request, threads, title=person.name, profile=person.handle)

    async def _conversation(self, request: Request) -> Response:
        post = self._state.post(request.path_params["id"])
        if post.author != request.path_params["handle"].lower():
            raise Refused(404, "not_found", "This post isn't there (any more).")
        title = f"A post by @{post.author}"
        return self._timeline(
            request, lambda: [self._state.thread(post.root)], title=title, alone=True
        )

    async def _picture(self, request: Request) -> Response:
        mime, data = self._state.picture(request.path_params["id"])
        return Response(data, media_type=mime, headers={"Cache-Control": "max-age=31536000"})

    async def _say(self, request: Request) -> Response:
        async with request.form() as form:
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
        person = self._actor(request, fields)
        text = fields.get("text", "").replace("\r\n", "\n").strip()
        if example := fields.get("example"):
            text = self._example(example, person)
        reply_to = fields.get("reply_to", "")
        post, _ = self._state.publish(
            person.handle, text, reply_to=int(reply_to) if reply_to.isdecimal() else None
        )
        return self._done(request, person, f"#post-{post.id}")

    async def _react(self, request: Request) -> Response:
        async with request.form() as form:
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
        person = self._actor(request, fields)
        post_id = request.path_params["id"]
        self._state.toggle(person.handle, post_id, request.path_params["kind"])
        return self._done(request, person, f"#post-{post_id}")

    def _timeline(
        self,
        request: Request,
        threads: Callable[[], list[list[Post]]],
        *,
        title: str,
        profile: str = "",
        alone: bool = False,
    ) -> Response:
        """The whole page, or with ``?fragment=1`` its list of posts alone."""
        person = self._actor(request, {})
        fragment = "fragment" in request.query_params
        bucket = int(self._now().timestamp()) // NUMBERS_REFRESH_S
        tag = f'"{self._state.revision}-{bucket}-{person.handle}"'
        if fragment and request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        everybody = self._state.people.everybody()
        by_handle = {each.handle: each for each in everybody}
        values: dict[str, Any] = {
            "title": title,
            "root": request.scope.get("root_path", ""),
            "here": request.url.path,
            "threads": threads(),
            "people": by_handle,
            "everybody": everybody,
            "person": person,
            "profile": by_handle.get(profile),
            "alone": alone,
            "brand": BRAND,
            "mine": self._state.reactions_of(person.handle),
            "limit": TEXT_LIMIT,
            "rich": lambda text: rich(text, request.scope.get("root_path", ""), set(by_handle)),
        }
        name = "sandbox_timeline.html" if fragment else "sandbox.html"
        html = self._templates.get_template(name).render(values)
        return HTMLResponse(html, headers={"ETag": tag})

    def _refusal(self, request: Request, refused: Refused) -> Response:
        if _from_script(request):
            return PlainTextResponse(refused.message, refused.status)
        html = self._templates.get_template("sandbox_refusal.html").render(
            root=request.scope.get("root_path", ""), message=refused.message
        )
        return HTMLResponse(html, refused.status)

    def _actor(self, request: Request, fields: dict[str, str]) -> Person:
        """Who acts: the form's person, else the cookie's, else the first who isn't the brand."""
        people = [each for each in self._state.people.everybody() if each.handle != BRAND]
        wanted = fields.get("person", request.cookies.get(PERSON_COOKIE))
        return next((each for each in people if each.handle == wanted), people[0])

    def _example(self, kind: str, person: Person) -> str:
        if kind not in _EXAMPLES:
            raise Refused(422, "unknown_example", "There is no such example.")
        texts = _EXAMPLES[kind]
        return texts[person.posts % len(texts)].format(brand=BRAND)

    def _done(self, request: Request, person: Person, anchor: str) -> Response:
        root = request.scope.get("root_path", "")
        response: Response = (
            Response(status_code=204)
            if _from_script(request)
            else RedirectResponse(f"{root}/{anchor}", 303)
        )
        response.set_cookie(PERSON_COOKIE, person.handle, path=f"{root}/", samesite="strict")
        return response


def rich(text: str, root: str, handles: set[str]) -> Markup:
    """Text as HTML, with links, people and tags marked."""
    parts: list[Markup] = []
    end = 0
    for match in _SPECIAL.finditer(text):
        parts.append(escape(text[end : match.start()]))
        parts.append(_marked(match, root, handles))
        end = match.end()
    parts.append(escape(text[end:]))
    return Markup("").join(parts)


def _marked(match: regex.Match[str], root: str, handles: set[str]) -> Markup:
    found = match.group()
    if match["link"]:
        return Markup('<a href="{}" rel="nofollow noopener noreferrer">{}</a>').format(found, found)
    if match["tag"]:
        return Markup('<span class="tag">{}</span>').format(found)
    handle = found[1:].lower()
    if handle not in handles:
        return escape(found)
    return Markup('<a href="{}/@{}">{}</a>').format(root, handle, found)


def ago(at: datetime, now: datetime) -> str:
    """How long ago, in a word: "now", "4 min", "3 h", "2 d"."""
    age = max(now - at, timedelta(0))
    if age < timedelta(minutes=1):
        return "now"
    if age < timedelta(hours=1):
        return f"{age // timedelta(minutes=1)} min"
    if age < timedelta(days=1):
        return f"{age // timedelta(hours=1)} h"
    return f"{age.days} d"


def _from_script(request: Request) -> bool:
    return request.headers.get("x-requested-by") == "sandbox"


def _check_origin(request: Request) -> None:
    """A form on another site must not speak for the person who plays."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Refused(403, "foreign_origin", "This form came from another site.")
