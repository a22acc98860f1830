"""A Bolt app just large enough to press everything the playground's page can show."""

from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncApp

Json = dict[str, Any]
Ack = Callable[..., Awaitable[None]]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def option(name: str) -> Json:
    return {"text": plain(name), "value": name.lower()}


def button(action_id: str, name: str, **more: Any) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain(name), **more}


def field(block_id: str, label: str, element: Json, **more: Any) -> Json:
    element = {"action_id": block_id, **element}
    return {
        "type": "input", "block_id": block_id, "label": plain(label), "element": element, **more
    }  # fmt: skip


def form(note: str = "Nothing checked yet.", text: str = "") -> Json:
    """A form with every kind of thing that can go wrong in it."""
    accounts = {
        "type": "multi_static_select",
        "options": [option("Sandbox"), option("Bluesky"), option("Mastodon")],
        "initial_options": [option("Sandbox")],
    }
    when = {
        "type": "radio_buttons",
        "options": [option("Now"), option("Later")],
        "initial_option": option("Now"),
    }
    initial = {"initial_value": text} if text else {}
    return {
        "type": "modal",
        "callback_id": "form",
        "title": plain("New post"),
        "submit": plain("Next"),
        "close": plain("Cancel"),
        "notify_on_close": True,
        "blocks": [
            {"type": "section", "block_id": "note", "text": mrkdwn(note)},
            field(
                "text",
                "Text",
                {"type": "plain_text_input", "multiline": True, "max_length": 40, **initial},
                hint=plain("Say it once."),
            ),
            field("accounts", "Accounts", accounts, dispatch_action=True),
            field("pictures", "Pictures", {"type": "file_input", "max_files": 2}, optional=True),
            field("when", "When", when),
            field("at", "Date and time", {"type": "datetimepicker"}, optional=True),
            field("who", "Ask", {"type": "users_select"}, optional=True),
            {
                "type": "actions",
                "block_id": "more",
                "elements": [button("check", "Check"), button("push", "Advanced")],
            },
        ],
    }


def advanced() -> Json:
    live = {
        "type": "plain_text_input",
        "dispatch_action_config": {"trigger_actions_on": ["on_character_entered"]},
    }
    return {
        "type": "modal",
        "title": plain("Advanced"),
        "submit": plain("Done"),
        "close": plain("Back"),
        "blocks": [
            {"type": "section", "block_id": "echo", "text": mrkdwn("Nothing typed.")},
            field("live", "Live", live, dispatch_action=True),
            {"type": "actions", "block_id": "deeper", "elements": [button("push", "Deeper")]},
        ],
    }


def card() -> list[Json]:
    confirm = {
        "title": plain("Take it down?"),
        "text": mrkdwn("It is deleted *everywhere*."),
        "confirm": plain("Take down"),
        "deny": plain("Keep it"),
    }
    menu = {
        "type": "overflow",
        "action_id": "menu",
        "options": [option("Reject"), option("Edit"), option("Reschedule")],
    }
    return [
        {"type": "section", "block_id": "text", "text": mrkdwn("*A post*"), "accessory": menu},
        {
            "type": "actions",
            "block_id": "decide",
            "elements": [
                button("approve", "Approve", style="primary", value="1"),
                button("take_down", "Take down", style="danger", confirm=confirm),
            ],
        },
    ]


def home(user: str, pressed: int = 0) -> Json:
    return {
        "type": "home",
        "blocks": [
            {"type": "header", "text": plain("Your desk")},
            {"type": "section", "text": mrkdwn(f"Hello <@{user}>, pressed {pressed} times.")},
            {"type": "actions", "elements": [button("count", "Count", value=str(pressed + 1))]},
        ],
    }


def tiny_app(token: str, base_url: str, heard: list[Json]) -> AsyncApp:
    """The app; what people did lands in `heard` as Bolt got it."""
    app = AsyncApp(token=token, signing_secret="only sockets are used here")
    app.client.base_url = f"{base_url}/api/"

    @app.middleware
    async def note(body: Json, next: Callable[[], Awaitable[None]]) -> None:
        heard.append(body)
        await next()

    @app.command("/social")
    async def command(ack: Ack, command: Json, client: Any, respond: Any) -> None:
        await ack()
        word, _, rest = command["text"].partition(" ")
        if word == "draft":
            await client.views_open(trigger_id=command["trigger_id"], view=form(text=rest))
        elif word == "card":
            await client.chat_postMessage(
                channel=command["channel_id"], text="A post", blocks=card()
            )
        else:
            await respond(f"You said *{command['text']}*.")

    @app.command("/silent")
    async def silent(ack: Ack, client: Any, command: Json) -> None:
        raise RuntimeError("this app never answers")

    @app.action("check")
    async def check(ack: Ack, body: Json, client: Any) -> None:
        await ack()
        view = body["view"]
        text = view["state"]["values"]["text"]["text"]["value"] or ""
        checked = form(f"Checked {len(text)} characters.")
        await client.views_update(view_id=view["id"], hash=view["hash"], view=checked)

    @app.action("push")
    async def push(ack: Ack, body: Json, client: Any) -> None:
        await ack()
        await client.views_push(trigger_id=body["trigger_id"], view=advanced())

    @app.action("live")
    async def live(ack: Ack, body: Json, client: Any, action: Json) -> None:
        await ack()
        view = advanced()
        view["blocks"][0]["text"]["text"] = f"You typed {action['value']}."
        await client.views_update(view_id=body["view"]["id"], view=view)

    @app.view("form")
    async def submitted(ack: Ack, view: Json, body: Json, client: Any) -> None:
        values = view["state"]["values"]
        text = values["text"]["text"]["value"]
        if "wrong" in text:
            await ack(response_action="errors", errors={"text": "This text is wrong."})
            return
        await ack()
        files = [file["name"] for file in values["pictures"]["pictures"]["files"]]
        await client.chat_postMessage(
            channel="C0APPROVAL1",
            text=f"{text} with {', '.join(files) or 'no picture'}",
            thread_ts=None,
        )

    @app.action("approve")
    async def approve(ack: Ack, body: Json, client: Any) -> None:
        await ack()
        done = [{"type": "section", "text": mrkdwn(f"Approved by <@{body['user']['id']}>")}]
        await client.chat_update(
            channel=body["channel"]["id"], ts=body["message"]["ts"], text="done", blocks=done
        )

    @app.action("count")
    async def count(ack: Ack, body: Json, action: Json, client: Any) -> None:
        await ack()
        user = body["user"]["id"]
        await client.views_publish(user_id=user, view=home(user, int(action["value"])))

    @app.event("app_home_opened")
    async def opened(event: Json, client: Any) -> None:
        if event["tab"] == "home":
            await client.views_publish(user_id=event["user"], view=home(event["user"]))

    @app.shortcut("make")
    async def make(ack: Ack, body: Json, client: Any) -> None:
        await ack()
        text = body["message"]["text"]
        await client.views_open(trigger_id=body["trigger_id"], view=form(text=text))

    async def acknowledge(ack: Ack) -> None:
        await ack()

    for action_id in ("accounts", "menu", "take_down"):
        app.action(action_id)(acknowledge)
    app.view_closed("form")(acknowledge)
    for event in ("message", "member_joined_channel"):
        app.event(event)(acknowledge)
    return app
