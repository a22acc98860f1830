"""Every kind of block, element and object of Slack's reference, in a minimal form, is accepted.

The reference: https://docs.slack.dev/reference/block-kit
"""

from typing import Any

import pytest

from bot.playground.block_kit import check_message, check_view

Json = dict[str, Any]


def plain(text: str = "Hello") -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "*Hello*") -> Json:
    return {"type": "mrkdwn", "text": text}


def option(value: str, **more: Any) -> Json:
    return {"text": plain(value), "value": value, **more}


def words(*inline: Json) -> Json:
    return {"type": "rich_text_section", "elements": list(inline)}


TEXT = {"type": "text", "text": "Hello"}
PICTURE = {
    "type": "image",
    "image_url": "https://assets.example.com/cat.png",
    "alt_text": "A cat asleep",
}
CONFIRM = {
    "title": plain("Are you sure?"),
    "text": mrkdwn("This *can't* be undone."),
    "confirm": plain("Do it"),
    "deny": plain("Stop"),
    "style": "danger",
}
GROUPS = [
    {"label": plain("Fruit"), "options": [option("apple"), option("pear")]},
    {"label": plain("Roots"), "options": [option("carrot")]},
]
ON_ENTER = {"trigger_actions_on": ["on_enter_pressed", "on_character_entered"]}

BUTTONS: dict[str, Json] = {
    "button": {"type": "button", "text": {**plain("Go"), "emoji": True}},
    "button with everything": {
        "type": "button",
        "text": plain("Open"),
        "action_id": "open",
        "value": "1",
        "url": "https://example.com/a?b=c#d",
        "style": "primary",
        "confirm": CONFIRM,
        "accessibility_label": "Opens the report in the browser",
    },
    "workflow button": {
        "type": "workflow_button",
        "text": plain("Run"),
        "workflow": {
            "trigger": {
                "url": "https://slack.com/shortcuts/Ft0123/xyz",
                "customizable_input_parameters": [{"name": "who", "value": "Ada"}],
            }
        },
    },
    "overflow": {
        "type": "overflow",
        "action_id": "more",
        "options": [option("edit"), option("read", url="https://example.com", description=plain())],
        "confirm": CONFIRM,
    },
}

MENUS: dict[str, Json] = {
    "static select": {
        "type": "static_select",
        "placeholder": {**plain("Choose"), "emoji": True},
        "options": [option("a", description=plain("the first")), option("b")],
        "initial_option": option("b"),
        "confirm": CONFIRM,
        "focus_on_load": True,
    },
    "static select in groups": {
        "type": "static_select",
        "option_groups": GROUPS,
        "initial_option": option("carrot"),
    },
    "external select": {
        "type": "external_select",
        "placeholder": plain("Search"),
        "min_query_length": 3,
        "initial_option": option("a"),
    },
    "users select": {"type": "users_select", "initial_user": "U0123ABCD"},
    "conversations select": {
        "type": "conversations_select",
        "default_to_current_conversation": True,
        "initial_conversation": "C0123ABCD",
        "response_url_enabled": True,
        "filter": {
            "include": ["public", "mpim"],
            "exclude_bot_users": True,
            "exclude_external_shared_channels": True,
        },
    },
    "channels select": {"type": "channels_select", "initial_channel": "C0123ABCD"},
}

MULTI_MENUS: dict[str, Json] = {
    "multi static select": {
        "type": "multi_static_select",
        "options": [option("a"), option("b")],
        "initial_options": [option("a"), option("b")],
        "max_selected_items": 2,
    },
    "multi static select in groups": {
        "type": "multi_static_select",
        "option_groups": GROUPS,
        "initial_options": [option("pear"), option("carrot")],
    },
    "multi external select": {"type": "multi_external_select", "min_query_length": 0},
    "multi users select": {"type": "multi_users_select", "initial_users": ["U1", "U2"]},
    "multi conversations select": {
        "type": "multi_conversations_select",
        "initial_conversations": ["C1"],
        "filter": {"include": ["im"]},
    },
    "multi channels select": {"type": "multi_channels_select", "initial_channels": ["C1"]},
}

CHOICES: dict[str, Json] = {
    "checkboxes": {
        "type": "checkboxes",
        "options": [
            {"text": mrkdwn("*bold*"), "value": "a", "description": mrkdwn("_why_")},
            option("b"),
        ],
        "initial_options": [option("b")],
    },
    "radio buttons": {
        "type": "radio_buttons",
        "options": [option("a"), option("b")],
        "initial_option": option("a"),
    },
    "datepicker": {
        "type": "datepicker",
        "initial_date": "2028-02-29",
        "placeholder": plain("A day"),
    },
    "timepicker": {
        "type": "timepicker",
        "initial_time": "23:59",
        "timezone": "America/Argentina/Buenos_Aires",
        "placeholder": plain("A time"),
    },
}

DATE_TIME: dict[str, Json] = {
    "datetimepicker": {"type": "datetimepicker", "initial_date_time": 1628633820}
}

RICH_INPUT: dict[str, Json] = {
    "rich text input": {
        "type": "rich_text_input",
        "initial_value": {"type": "rich_text", "elements": [words(TEXT)]},
        "dispatch_action_config": ON_ENTER,
        "placeholder": plain("Write"),
        "min_lines": 2,
        "max_lines": 20,
    },
}

FIELDS: dict[str, Json] = {
    "plain text input": {
        "type": "plain_text_input",
        "multiline": True,
        "min_length": 0,
        "max_length": 3000,
        "initial_value": "",
        "placeholder": plain("Write"),
        "dispatch_action_config": ON_ENTER,
    },
    "email input": {"type": "email_text_input", "initial_value": "ada@example.com"},
    "url input": {"type": "url_text_input", "placeholder": plain("https://")},
    "number input": {
        "type": "number_input",
        "is_decimal_allowed": True,
        "initial_value": "0.25",
        "min_value": "-10",
        "max_value": "5.5",
    },
}

INLINE: dict[str, Json] = {
    "text": {"type": "text", "text": "x", "style": {"bold": True, "italic": False, "code": True}},
    "link": {"type": "link", "url": "https://example.com", "text": "here", "style": {"bold": True}},
    "mail link": {"type": "link", "url": "mailto:ada@example.com"},
    "user": {"type": "user", "user_id": "U0123ABCD", "style": {"highlight": True}},
    "user group": {"type": "usergroup", "usergroup_id": "S0123ABCD"},
    "channel": {"type": "channel", "channel_id": "C0123ABCD"},
    "team": {"type": "team", "team_id": "T0123ABCD"},
    "emoji": {"type": "emoji", "name": "wave::skin-tone-2", "unicode": "1f44b-1f3fb"},
    "broadcast": {"type": "broadcast", "range": "everyone"},
    "date": {
        "type": "date",
        "timestamp": 1720710212,
        "format": "{date_num} at {time}",
        "url": "https://example.com",
        "fallback": "then",
    },
    "colour": {"type": "color", "value": "#F405B3"},
}

RICH_PARTS: dict[str, Json] = {
    "an empty section": words(),
    "a list": {
        "type": "rich_text_list",
        "style": "ordered",
        "indent": 1,
        "offset": 4,
        "border": 1,
        "elements": [words(TEXT), words()],
    },
    "a quote": {"type": "rich_text_quote", "border": 0, "elements": [TEXT]},
    "code": {"type": "rich_text_preformatted", "border": 0, "elements": [TEXT]},
}

EVERYWHERE: dict[str, Json] = {
    "section": {"type": "section", "block_id": "s1", "text": mrkdwn()},
    "section of fields": {"type": "section", "fields": [mrkdwn(), plain()], "expand": True},
    "section with a picture": {"type": "section", "text": plain(), "accessory": PICTURE},
    "header": {"type": "header", "text": {**plain(), "emoji": True}},
    "divider": {"type": "divider"},
    "image": {**PICTURE, "title": plain("Please rest")},
    "image of a Slack file": {"type": "image", "alt_text": "a", "slack_file": {"id": "F1"}},
    "image of a Slack address": {
        "type": "image",
        "alt_text": "a",
        "slack_file": {"url": "https://files.slack.com/files-pri/T1-F1/a.png"},
    },
    "context": {"type": "context", "elements": [PICTURE, {**mrkdwn(), "verbatim": True}, plain()]},
    "video": {
        "type": "video",
        "title": plain("How to"),
        "title_url": "https://video.example.com/watch?v=1",
        "video_url": "https://video.example.com/embed/1",
        "thumbnail_url": "https://video.example.com/1.jpg",
        "alt_text": "How to",
        "description": plain("A short film"),
        "author_name": "Ada",
        "provider_name": "Example",
        "provider_icon_url": "https://video.example.com/icon.png",
    },
    **{
        f"section with {name}": {"type": "section", "text": plain(), "accessory": element}
        for name, element in {**BUTTONS, **MENUS, **MULTI_MENUS, **CHOICES}.items()
    },
    **{
        f"actions with {name}": {"type": "actions", "elements": [element]}
        for name, element in {**BUTTONS, **MENUS, **CHOICES, **DATE_TIME, **RICH_INPUT}.items()
    },
    **{
        f"input of {name}": {
            "type": "input",
            "label": plain("Label"),
            "hint": plain("Hint"),
            "optional": True,
            "dispatch_action": True,
            "element": element,
        }
        for name, element in {
            **MENUS,
            **MULTI_MENUS,
            **CHOICES,
            **DATE_TIME,
            **RICH_INPUT,
            **FIELDS,
        }.items()
    },
    **{
        f"rich text with {name}": {"type": "rich_text", "elements": [words(inline)]}
        for name, inline in INLINE.items()
    },
    **{
        f"rich text with {name}": {"type": "rich_text", "elements": [part]}
        for name, part in RICH_PARTS.items()
    },
}


MODALS_ONLY: dict[str, Json] = {
    "alert": {"type": "alert", "text": mrkdwn(), "level": "warning"},
    "file input": {
        "type": "input",
        "label": plain("Pictures"),
        "element": {"type": "file_input", "filetypes": ["jpg", "png"], "max_files": 5},
    },
}


@pytest.mark.parametrize("name", EVERYWHERE)
def test_in_a_message(name: str) -> None:
    check_message([EVERYWHERE[name]], text="Hello")


@pytest.mark.parametrize("name", [*EVERYWHERE, *MODALS_ONLY])
def test_in_a_modal(name: str) -> None:
    check_view(
        {
            "type": "modal",
            "title": plain("Title"),
            "submit": plain("Submit"),
            "close": plain("Cancel"),
            "private_metadata": '{"post": 1}',
            "callback_id": "form",
            "external_id": "form-1",
            "clear_on_close": True,
            "notify_on_close": True,
            "blocks": [{**EVERYWHERE, **MODALS_ONLY}[name]],
        }
    )


@pytest.mark.parametrize("name", EVERYWHERE)
def test_on_a_home_tab(name: str) -> None:
    check_view(
        {
            "type": "home",
            "private_metadata": "",
            "callback_id": "",
            "external_id": "home-1",
            "blocks": [EVERYWHERE[name]],
        }
    )


def test_a_modal_without_inputs_needs_no_submit() -> None:
    check_view({"type": "modal", "title": plain(), "blocks": [EVERYWHERE["section"]]})
