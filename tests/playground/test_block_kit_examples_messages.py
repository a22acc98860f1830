"""The blocks that only messages take, in a minimal form after Slack's reference, are accepted.

The reference: https://docs.slack.dev/reference/block-kit/blocks
"""

from typing import Any

import pytest

from bot.playground.block_kit import check_message

Json = dict[str, Any]


def plain(text: str = "Hello") -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "*Hello*") -> Json:
    return {"type": "mrkdwn", "text": text}


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
LINK = {"type": "link", "url": "https://example.com", "text": "here"}
BUTTON = {"type": "button", "text": plain("Go")}


def xy(kind: str) -> Json:
    def line(name: str) -> Json:
        points = [{"label": "Mon", "value": 3}, {"label": "Tue", "value": -1.5}]
        return {"name": name, "data": points}

    axes = {"categories": ["Mon", "Tue"], "x_label": "Day", "y_label": "Posts"}
    return {"type": kind, "series": [line("now"), line("before")], "axis_config": axes}


CARD: Json = {
    "type": "card",
    "hero_image": PICTURE,
    "icon": PICTURE,
    "title": mrkdwn(),
    "subtitle": mrkdwn(),
    "body": mrkdwn(),
    "actions": [BUTTON],
}
TASK: Json = {
    "task_id": "t1",
    "title": "Looking",
    "status": "in_progress",
    "details": {"type": "rich_text", "elements": [words(TEXT)]},
    "sources": [{"type": "url", "url": "https://example.com", "text": "Example"}],
}

MESSAGES_ONLY: dict[str, Json] = {
    "markdown": {"type": "markdown", "text": "# Title\n**bold**"},
    "table": {
        "type": "table",
        "column_settings": [{"is_wrapped": True}, None, {"align": "right"}],
        "rows": [
            [{"type": "raw_text", "text": "Name"}, {"type": "raw_text", "text": "Count"}],
            [
                {"type": "raw_text", "text": "Ada"},
                {"type": "rich_text", "elements": [words(LINK)]},
            ],
        ],
    },
    "data table": {
        "type": "data_table",
        "caption": "Scores",
        "page_size": 5,
        "row_header_column_index": 0,
        "rows": [
            [{"type": "raw_text", "text": "Name"}, {"type": "raw_text", "text": "Score"}],
            [
                {"type": "raw_text", "text": "Ada"},
                {"type": "raw_number", "value": 42, "text": "42"},
            ],
        ],
    },
    **{
        f"{kind} chart": {"type": "data_visualization", "title": "Posts", "chart": xy(kind)}
        for kind in ("line", "bar", "area")
    },
    "pie chart": {
        "type": "data_visualization",
        "title": "Posts",
        "chart": {"type": "pie", "segments": [{"label": "Bluesky", "value": 12.5}]},
    },
    "file": {"type": "file", "external_id": "ABCD1", "source": "remote"},
    "feedback buttons": {
        "type": "context_actions",
        "elements": [
            {
                "type": "feedback_buttons",
                "action_id": "feedback",
                "positive_button": {"text": plain("Good"), "value": "good"},
                "negative_button": {
                    "text": plain("Bad"),
                    "value": "bad",
                    "accessibility_label": "This answer was bad",
                },
            }
        ],
    },
    "icon button": {
        "type": "context_actions",
        "elements": [
            {
                "type": "icon_button",
                "icon": "trash",
                "text": plain("Delete"),
                "action_id": "delete",
                "value": "1",
                "visible_to_user_ids": ["U1"],
                "confirm": CONFIRM,
            }
        ],
    },
    "card": CARD,
    "carousel": {"type": "carousel", "elements": [CARD, CARD]},
    "container": {
        "type": "container",
        "title": plain("Release"),
        "subtitle": mrkdwn(),
        "width": "full",
        "is_collapsible": True,
        "default_collapsed": True,
        "child_blocks": [{"type": "section", "text": mrkdwn()}, {"type": "divider"}],
    },
    "task card": {"type": "task_card", **TASK},
    "plan": {"type": "plan", "title": "Thinking", "tasks": [TASK, {"type": "task_card", **TASK}]},
}


@pytest.mark.parametrize("name", MESSAGES_ONLY)
def test_in_a_message(name: str) -> None:
    check_message([MESSAGES_ONLY[name]], text="Hello")
