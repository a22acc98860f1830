"""The playground's Slack in the browser: addresses, what people do there, the live stream.

A page belongs to one person (`/w/<user>/<place>`), so each tab can be somebody else. Its scripts
hear from the stream *that* something changed and fetch that part again as HTML.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.playground.errors import SlackError
from bot.playground.live import Live
from bot.playground.page_forms import entered_value, entered_values
from bot.playground.people import People
from bot.playground.records import Channel, Message, User, View
from bot.playground.rendering import environment
from bot.playground.screen import Screen
from bot.playground.workspace import Workspace

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        " img-src 'self' data: blob: http://127.0.0.1:* http://localhost:*; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
FILE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
PERSON_COOKIE = "playground_person"
UPLOAD_BYTES = 100_000_000
FIRST_CHANNEL = "social"
CHANGED_MEANWHILE = "This changed a moment ago. Look at it again, then try once more."

_SHOWN_INLINE = {"image/png", "image/jpeg", "image/gif", "image/webp"}
Action = Callable[[User, Mapping[str, Any]], Awaitable[str]]


class NotHere(Exception):
    """An address that leads to nothing this person may see."""


class Page:
    """The pages over one workspace.

    `is_app_there` says whether the app would get what people do.
    """

    def __init__(
        self, workspace: Workspace, people: People, is_app_there: Callable[[], bool]
    ) -> None:
        self._workspace = workspace
        self._people = people
        self._is_app_there = is_app_there
        self._started = f"{workspace.now():.6f}"
        self._read: dict[tuple[str, str], str] = {}
        self._live = Live(workspace, is_app_there)

    def routes(self) -> list[BaseRoute]:
        """Everything under `/w`, and the addresses that lead there."""
        actions: dict[str, Action] = {
            "send": self._send,
            "press": self._press,
            "submit": self._submit,
            "close": self._close_view,
            "typed": self._typed,
            "shortcut": self._shortcut,
        }
        person = "/w/{user}"
        return [
            Route("/", self._start),
            Route("/archives/{channel}/{message}", self._permalink),
            Mount("/static", StaticFiles(packages=[("bot.playground", "static")])),
            *(
                Route(f"{person}/{name}", self._action(action), methods=["POST"])
                for name, action in actions.items()
            ),
            Route(f"{person}/upload", self._shown(self._upload), methods=["POST"]),
            Route(f"{person}/files/{{file}}", self._shown(self._file)),
            Route(f"{person}/stream", self._shown(self._stream)),
            Route(f"{person}/sidebar", self._shown(self._sidebar)),
            Route(f"{person}/modal", self._shown(self._modal)),
            Route(f"{person}/home-view", self._shown(self._home_view)),
            Route(f"{person}/home", self._shown(self._home)),
            Route(f"{person}/messages", self._shown(self._app_messages)),
            Route(f"{person}/{{channel}}", self._shown(self._channel)),
            Route(f"{person}/{{channel}}/messages", self._shown(self._messages)),
            Route(f"{person}/{{channel}}/thread/{{ts}}", self._shown(self._thread)),
        ]

    def close(self) -> None:
        """End the live streams, which a stopping server would wait for."""
        self._live.close()

    # Pages and their parts

    async def _start(self, request: Request) -> Response:
        user = self._person(request)
        channels = self._workspace.channels_of(user.id)
        names = {channel.name: channel.id for channel in channels}
        place = names.get(FIRST_CHANNEL) or next(iter(names.values()), "home")
        return RedirectResponse(f"/w/{user.id}/{place}")

    async def _permalink(self, request: Request) -> Response:
        digits = request.path_params["message"].removeprefix("p")
        ts = f"{digits[:-6]}.{digits[-6:]}"
        query = f"message={ts}"
        if thread := request.query_params.get("thread_ts"):
            query += f"&thread={thread}"
        user = self._person(request)
        return RedirectResponse(f"/w/{user.id}/{request.path_params['channel']}?{query}")

    async def _channel(self, request: Request, user: User) -> Response:
        channel = self._visible_channel(request, user)
        if channel.is_im:
            self._people.open_home(user.id, "messages")
        self._mark_read(user, channel)
        query = request.query_params
        html = self._screen(user).page(
            channel, thread_ts=query.get("thread", ""), since=query.get("from", "")
        )
        return self._remembered(HTMLResponse(html, headers=HEADERS), user)

    async def _home(self, _request: Request, user: User) -> Response:
        channel = self._people.open_home(user.id, "home")
        html = self._screen(user).page(channel, home=True)
        return self._remembered(HTMLResponse(html, headers=HEADERS), user)

    async def _app_messages(self, _request: Request, user: User) -> Response:
        return RedirectResponse(f"/w/{user.id}/{self._workspace.im_with_app(user.id).id}")

    async def _messages(self, request: Request, user: User) -> Response:
        channel = self._visible_channel(request, user)
        query = request.query_params
        html = self._screen(user).messages(
            channel,
            thread_ts=query.get("thread", ""),
            only=query.getlist("ts"),
            since=query.get("from", ""),
        )
        return HTMLResponse(html, headers=HEADERS)

    async def _thread(self, request: Request, user: User) -> Response:
        channel = self._visible_channel(request, user)
        html = self._screen(user).thread(channel, request.path_params["ts"])
        return HTMLResponse(html, headers=HEADERS)

    async def _sidebar(self, request: Request, user: User) -> Response:
        here = request.query_params.get("here", "")
        home = here == "home"
        channel = self._workspace.channels.get(here) or self._workspace.im_with_app(user.id)
        html = self._screen(user).sidebar(channel, home=home)
        return HTMLResponse(html, headers=HEADERS)

    async def _modal(self, _request: Request, user: User) -> Response:
        return HTMLResponse(self._screen(user).modal(), headers=HEADERS)

    async def _home_view(self, _request: Request, user: User) -> Response:
        return HTMLResponse(self._screen(user).home(), headers=HEADERS)

    async def _file(self, request: Request, user: User) -> Response:
        files = self._workspace.files
        try:
            file = files.get(request.path_params["file"])
        except SlackError as missing:
            raise NotHere from missing
        mine = file.user in (user.id, self._workspace.app.bot_user_id)
        channels = {channel.id for channel in self._workspace.channels_of(user.id)}
        direct = self._workspace.im_with_app(user.id).id
        if not (mine or channels.union({direct}).intersection(file.channels)):
            raise NotHere
        shown = file.mimetype in _SHOWN_INLINE
        return FileResponse(
            files.content_path(file.id),
            media_type=file.mimetype if shown else "application/octet-stream",
            filename=file.name,
            content_disposition_type="inline" if shown else "attachment",
            headers=FILE_HEADERS,
        )

    # What people do

    async def _send(self, user: User, body: Mapping[str, Any]) -> str:
        channel, text = str(body["channel"]), str(body["text"])
        thread_ts = body.get("thread_ts")
        files = [str(file) for file in body.get("files") or ()]
        if files:
            self._people.post_message(user.id, channel, text, thread_ts, files)
            return ""
        outcome = await self._people.send(user.id, channel, text, thread_ts)
        # Slackbot says in the channel why a command failed.
        return "" if text.startswith("/") else outcome.problem

    async def _press(self, user: User, body: Mapping[str, Any]) -> str:
        place = self._pressed_place(user, body)
        zone = self._screen(user).zone
        blocks, block_id, action_id = place.blocks, body["block_id"], body["action_id"]
        outcome = await self._people.press(
            user.id,
            place,
            action_id,
            block_id=block_id,
            choice=entered_value(blocks, block_id, action_id, body.get("value"), zone),
            values=entered_values(blocks, body["values"], zone),
        )
        return outcome.problem

    async def _submit(self, user: User, body: Mapping[str, Any]) -> str:
        view = self._own_view(user, body)
        values = entered_values(view.blocks, body["values"], self._screen(user).zone)
        return (await self._people.submit_view(user.id, view.id, values)).problem

    async def _close_view(self, user: User, body: Mapping[str, Any]) -> str:
        view = self._own_view(user, body)
        everything = bool(body["everything"])
        return (await self._people.close_view(user.id, view.id, everything=everything)).problem

    async def _typed(self, user: User, body: Mapping[str, Any]) -> str:
        view = self._own_view(user, body)
        values = entered_values(view.blocks, body["values"], self._screen(user).zone)
        self._people.type_into(view.id, values)
        return ""

    async def _shortcut(self, user: User, body: Mapping[str, Any]) -> str:
        outcome = await self._people.message_shortcut(
            user.id, body["channel"], body["ts"], body["callback_id"]
        )
        return outcome.problem

    async def _upload(self, request: Request, user: User) -> Response:
        async with request.form(max_files=1, max_part_size=UPLOAD_BYTES) as form:
            upload = form.get("file")
            if upload is None or isinstance(upload, str):
                return JSONResponse({"problem": "No file arrived. Choose it again."})
            if (upload.size or 0) > UPLOAD_BYTES:
                return JSONResponse({"problem": "This file is larger than 100 MB."})
            content = await upload.read()
            file = self._people.upload_file(user.id, upload.filename or "file", content)
        shown = self._screen(user).file(file.id)
        return JSONResponse({"id": file.id, "picture": shown.url if shown.is_picture else None})

    def _pressed_place(self, user: User, body: Mapping[str, Any]) -> Message | View:
        if "view" in body:
            return self._own_view(user, body)
        message = self._workspace.message(body["channel"], body["ts"])
        member = user.id in self._workspace.channel(message.channel).members
        if not member or message.ephemeral_to not in (None, user.id):
            raise SlackError("message_not_found")
        return message

    def _own_view(self, user: User, body: Mapping[str, Any]) -> View:
        view = self._workspace.views.get(body["view"])
        if view.user != user.id:
            raise SlackError("not_found")
        return view

    def _action(self, action: Action) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request, user: User) -> Response:
            body = await request.json()
            try:
                problem = await action(user, body)
            except SlackError as refusal:
                problem = _REFUSALS.get(refusal.error, CHANGED_MEANWHILE)
            except LookupError:
                problem = CHANGED_MEANWHILE
            return JSONResponse({"problem": problem})

        return self._shown(answer)

    async def _stream(self, request: Request, user: User) -> Response:
        here = request.query_params.get("here", "")

        def seen(channel: Channel) -> None:
            if channel.id == here:
                self._mark_read(user, channel)

        events = self._live.events(user, seen)
        return StreamingResponse(events, media_type="text/event-stream", headers=HEADERS)

    # Who sees what

    def _shown(
        self, handler: Callable[[Request, User], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """The handler for the person in the address; 404 where there is nothing for them."""

        async def answer(request: Request) -> Response:
            user = self._workspace.users.get(request.path_params["user"])
            try:
                if user is None or user.is_bot or user.deleted:
                    raise NotHere
                return await handler(request, user)
            except NotHere:
                template = environment().get_template("not_here.html")
                return HTMLResponse(template.render(), status_code=404, headers=HEADERS)

        return answer

    def _visible_channel(self, request: Request, user: User) -> Channel:
        channel = self._workspace.channels.get(request.path_params["channel"])
        if channel is None or user.id not in channel.members:
            raise NotHere
        return channel

    def _person(self, request: Request) -> User:
        """Who was at the page last in this browser, else the first of the workspace."""
        people = self._workspace.people()
        last = request.cookies.get(PERSON_COOKIE)
        return next((person for person in people if person.id == last), people[0])

    def _remembered(self, response: Response, user: User) -> Response:
        response.set_cookie(PERSON_COOKIE, user.id, samesite="strict", httponly=True)
        return response

    def _screen(self, user: User) -> Screen:
        last_read = {
            channel: self._read.get((user.id, channel), self._started)
            for channel in self._workspace.channels
        }
        return Screen(
            self._workspace,
            user,
            last_read=last_read,
            app_connected=self._is_app_there(),
        )

    def _mark_read(self, user: User, channel: Channel) -> None:
        timeline = self._workspace.timeline(channel.id, user.id)
        if timeline:
            self._read[user.id, channel.id] = timeline[-1].ts


_REFUSALS = {
    "not_in_channel": "You are not in this channel. Join it to write here.",
    "is_archived": "This channel has been archived.",
    "messages_tab_disabled": "Sending messages to this app has been turned off.",
    "no_text": "Write something first.",
    "file_not_found": "That file is gone. Choose it again.",
}
