"""Slack's JSON becomes HTML that says the same, and never more."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.playground.mrkdwn import Reader, emoji_character, mrkdwn, plain
from bot.playground.rendering import Choices, Renderer

NOW = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
READER = Reader(
    zone=BERLIN,
    now=NOW,
    users={"U1": "Ana <script>", "U2": "Ben"},
    channels={"C1": "social"},
    file_url=lambda file: f"/files/{file}" if file == "F1" else None,
    channel_url=lambda channel: f"/w/U1/{channel}",
    me="U2",
)
RENDERER = Renderer(
    READER,
    Choices(people=(("U1", "Ana"), ("U2", "Ben")), channels=(("C1", "social"),)),
)
SPECIAL = st.lists(
    st.sampled_from([*"<>&\"'`*_~|:!@#^/= \n\\{}", "script", "onload=", "javascript:", "&lt;"])
    | st.characters(exclude_categories=["Cs"])
).map("".join)


def words(text: str) -> set[str]:
    return set(text.split())


TAGS = words("""
    strong em s u code pre blockquote br a span time div p h1 h2 h3 h4 h5 h6 ul ol li table thead
    tbody tr th td figure figcaption fieldset legend label hr del button input textarea select
    option optgroup img svg path g circle template
""")
ATTRIBUTES = words("""
    class href target rel title role aria-label aria-hidden aria-haspopup aria-expanded id type
    value name for hidden tabindex alt src checked selected multiple rows placeholder autocomplete
    inputmode accept start aria-describedby aria-live label width height viewbox focusable d fill
    stroke cx cy r stroke-width stroke-linecap stroke-linejoin
""")


class Outline(HTMLParser):
    """What a browser would make of the HTML: tags, attributes and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(str(html))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data!r}")

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def assert_harmless(html: str) -> None:
    for tag, attributes in Outline(html).tags:
        assert tag in TAGS
        for name, value in attributes.items():
            assert name in ATTRIBUTES or name.startswith("data-")
            if name in {"href", "src"}:
                assert (value or "").startswith(
                    ("http://", "https://", "mailto:", "tel:", "/", "#")
                ) or value.startswith(("HTTP", "MAILTO", "TEL")), value


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold*", "<strong>bold</strong>"),
        ("_italic_ and ~gone~", "<em>italic</em> and <s>gone</s>"),
        ("*_both_*", "<strong><em>both</em></strong>"),
        ("`*code* &amp; <b>`", "<code>*code* &amp; &lt;b&gt;</code>"),
        ("```\na *b*\n```", "<pre>a *b*</pre>"),
        ("snake_case_name and 2*3*4", "snake_case_name and 2*3*4"),
        ("* not bold * and **", "* not bold * and **"),
        ("a *bold\nover lines*", "a *bold<br>over lines*"),
        ("(*bold*), really", "(<strong>bold</strong>), really"),
        ("*open _crossed* over_", "<strong>open _crossed</strong> over_"),
        ("> quoted\n> twice\nafter", "<blockquote>quoted<br>twice</blockquote>after"),
        ("&gt; quoted", "<blockquote>quoted</blockquote>"),
        (">>> all\nof it", "<blockquote>all<br>of it</blockquote>"),
        ("a &lt;b&gt; &amp;amp;", "a &lt;b&gt; &amp;amp;"),
        ("<b>x</b> <javascript:alert(1)|y>", "&lt;b&gt;x&lt;/b&gt; &lt;javascript:alert(1)|y&gt;"),
        ("<@U2>", '<span class="mention mention-me">@Ben</span>'),
        ("<@U1>", '<span class="mention">@Ana &lt;script&gt;</span>'),
        ("<@U9|nora>", '<span class="mention">@nora</span>'),
        ("<#C1>", '<a class="mention" href="/w/U1/C1">#social</a>'),
        ("<#C9|secret>", '<span class="mention">#secret</span>'),
        ("<!here> <!subteam^S1|@care>", None),
        ("see :nonsense_name: 10:30:45", "see :nonsense_name: 10:30:45"),
    ],
)
def test_mrkdwn_means_what_it_means_in_slack(text: str, html: str | None) -> None:
    shown = mrkdwn(text, READER)
    if html is None:
        assert Outline(shown).text == "@here @care"
    else:
        assert shown == html


@pytest.mark.parametrize(
    ("text", "href", "label"),
    [
        (
            "<https://a.example/?x=1&amp;y=2|the &lt;label&gt;>",
            "https://a.example/?x=1&y=2",
            "the <label>",
        ),
        ("<https://a.example>", "https://a.example", "https://a.example"),
        ("<mailto:a@b.example|write>", "mailto:a@b.example", "write"),
        ("see https://a.example/b_c_d.", "https://a.example/b_c_d", "https://a.example/b_c_d"),
        ("*https://a.example*", "https://a.example", "https://a.example"),
    ],
)
def test_links_lead_where_they_say_and_open_beside_the_page(
    text: str, href: str, label: str
) -> None:
    outline = Outline(mrkdwn(text, READER))
    [anchor] = outline.all("a")
    assert anchor["href"] == href
    assert anchor["target"] == "_blank"
    assert "noopener" in (anchor["rel"] or "")
    assert label in outline.text


def test_a_quote_mark_cannot_leave_a_links_address() -> None:
    [anchor] = Outline(mrkdwn('<https://a.example/" onclick="x>', READER)).all("a")
    assert set(anchor) == {"href", "target", "rel"}


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("{date_num} {time}", "2026-03-29 3:30 AM"),
        ("{date} at {time}", "March 29th at 3:30 AM"),
        ("{date_short}", "Mar 29, 2026"),
        ("{date_long}", "Sunday, March 29th, 2026"),
        ("{date_pretty}", "Tomorrow"),
        ("due {date_short_pretty} {time_secs}", "due tomorrow 3:30:00 AM"),
        ("{ago}", "in 13 hours"),
        ("{unknown}", "{unknown}"),
    ],
)
def test_dates_are_in_the_readers_zone_across_the_change_of_clocks(
    template: str, shown: str
) -> None:
    at = int(datetime(2026, 3, 29, 1, 30, tzinfo=UTC).timestamp())
    assert Outline(mrkdwn(f"<!date^{at}^{template}|fallback>", READER)).text == shown


def test_a_far_date_names_its_year() -> None:
    at = int(datetime(2027, 3, 29, 1, 30, tzinfo=UTC).timestamp())
    assert "March 29th, 2027" in mrkdwn(f"<!date^{at}^{{date}}|x>", READER)


@pytest.mark.parametrize("at", ["soon", "99999999999999999", ""])
def test_a_date_that_is_none_shows_its_fallback(at: str) -> None:
    assert mrkdwn(f"<!date^{at}^{{date}}|on &lt;Friday&gt;>", READER) == "on &lt;Friday&gt;"


def test_a_date_can_be_a_link() -> None:
    outline = Outline(mrkdwn("<!date^0^{date_num}^https://a.example|then>", READER))
    assert outline.all("a")[0]["href"] == "https://a.example"
    assert outline.text == "1970-01-01"


def test_emoji_become_characters_with_their_names_read_aloud() -> None:
    outline = Outline(mrkdwn("well done :tada: :wave::skin-tone-3:", READER))
    assert outline.text == "well done 🎉 👋🏼"
    assert [span["aria-label"] for span in outline.all("span")] == ["tada", "wave"]


@pytest.mark.parametrize(
    "name", ["+1", "white_check_mark", "octagonal_sign", "slightly_smiling_face"]
)
def test_slacks_names_of_emoji_are_known(name: str) -> None:
    assert emoji_character(name)


def test_plain_text_means_nothing_but_emoji_and_lines() -> None:
    assert Outline(plain("*a* <@U1>\n:tada: &amp;")).text == "*a* <@U1>🎉 &amp;"


@given(SPECIAL)
def test_no_text_becomes_a_tag_or_attribute_of_its_own(text: str) -> None:
    assert_harmless(mrkdwn(text, READER))
    assert_harmless(plain(text))
    assert_harmless(
        mrkdwn(f"*{text}* <https://x.example/{text}|{text}> <!date^1^{text}|{text}>", READER)
    )


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<>&`*_~:\n/")))
def test_text_without_marks_is_kept_letter_for_letter(text: str) -> None:
    assert (
        Outline(f"<p>{mrkdwn(text, READER)}</p>").text == text.replace("\r", "\n") or "\r" in text
    )


def test_a_long_line_of_open_marks_is_text() -> None:
    text = "*a " * 13_000
    assert Outline(mrkdwn(text, READER)).text == text


def text_object(text: str, kind: str = "plain_text") -> dict[str, str]:
    return {"type": kind, "text": text}


def option(text: str) -> dict[str, object]:
    return {"text": text_object(text), "value": text, "description": text_object(text)}


def every_element(text: str) -> list[dict[str, object]]:
    options = [option(text), option("other")]
    confirm = {
        "title": text_object(text),
        "text": text_object(text, "mrkdwn"),
        "confirm": text_object(text),
        "deny": text_object(text),
    }
    button = {"type": "button", "text": text_object(text), "action_id": text, "value": text}
    return [
        {**button, "style": "danger", "confirm": confirm, "accessibility_label": text},
        {**button, "url": f"https://a.example/{text}"},
        {**button, "url": text},
        {
            "type": "overflow",
            "action_id": text,
            "options": [*options, {**option("u"), "url": text}],
        },
        {
            "type": "static_select",
            "action_id": text,
            "options": options,
            "initial_option": options[0],
        },
        {
            "type": "multi_static_select",
            "action_id": text,
            "option_groups": [{"label": text_object(text), "options": options}],
            "placeholder": text_object(text),
        },
        {"type": "users_select", "action_id": text, "initial_user": "U1"},
        {"type": "multi_users_select", "action_id": text, "initial_users": ["U1", text]},
        {"type": "conversations_select", "action_id": text},
        {"type": "channels_select", "action_id": text, "initial_channel": "C1"},
        {
            "type": "checkboxes",
            "action_id": text,
            "options": options,
            "initial_options": options[:1],
        },
        {
            "type": "radio_buttons",
            "action_id": text,
            "options": options,
            "initial_option": options[0],
        },
        {"type": "datepicker", "action_id": text, "initial_date": text},
        {"type": "timepicker", "action_id": text, "initial_time": text},
        {"type": "datetimepicker", "action_id": text, "initial_date_time": 1774751400},
        {"type": "plain_text_input", "action_id": text, "initial_value": text, "max_length": 30},
        {"type": "plain_text_input", "action_id": text, "multiline": True, "initial_value": text},
        {"type": "url_text_input", "action_id": text, "initial_value": text},
        {"type": "email_text_input", "action_id": text, "placeholder": text_object(text)},
        {"type": "number_input", "action_id": text, "is_decimal_allowed": True},
        {"type": "file_input", "action_id": text, "filetypes": ["png", text]},
        {"type": "image", "image_url": text, "alt_text": text},
        {"type": text},
    ]


def every_block(text: str) -> list[dict[str, object]]:
    rich = {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [
                    {"type": "text", "text": text, "style": {"bold": True, "code": True}},
                    {"type": "link", "url": text, "text": text},
                    {"type": "link", "url": f"https://a.example/{text}"},
                    {"type": "user", "user_id": text},
                    {"type": "channel", "channel_id": text},
                    {"type": "usergroup", "usergroup_id": text},
                    {"type": "broadcast", "range": text},
                    {"type": "emoji", "name": text},
                    {"type": "date", "timestamp": 1, "format": text, "fallback": text, "url": text},
                    {"type": "color", "value": text},
                ],
            },
            {"type": "rich_text_quote", "elements": [{"type": "text", "text": text}]},
            {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]},
            {
                "type": "rich_text_list",
                "style": "ordered",
                "indent": 1,
                "elements": [
                    {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
                ],
            },
        ],
    }
    elements = every_element(text)
    return [
        {"type": "header", "text": text_object(text)},
        {"type": "divider"},
        {
            "type": "context",
            "elements": [text_object(text, "mrkdwn"), {"type": "image", "image_url": text}],
        },
        {"type": "section", "text": text_object(text, "mrkdwn"), "fields": [text_object(text)]},
        {"type": "actions", "block_id": text, "elements": elements[:11]},
        *(
            {"type": "section", "text": text_object(text), "accessory": element}
            for element in elements
        ),
        *(
            {
                "type": "input",
                "block_id": text,
                "label": text_object(text),
                "hint": text_object(text),
                "element": e,
            }
            for e in elements[4:]
        ),
        {"type": "image", "image_url": text, "alt_text": text, "title": text_object(text)},
        {"type": "image", "slack_file": {"id": "F1"}, "alt_text": text},
        rich,
        {"type": "markdown", "text": text},
        {"type": "table", "rows": [[{"type": "raw_text", "text": text}], [rich]]},
        {"type": text},
    ]


@given(SPECIAL)
def test_nothing_in_a_block_becomes_a_tag_or_attribute_of_its_own(text: str) -> None:
    assert_harmless(RENDERER.blocks(every_block(text), "m1"))


def test_every_id_in_a_page_is_there_once() -> None:
    ids = [a["id"] for _, a in Outline(RENDERER.blocks(every_block("x"), "m1")).tags if "id" in a]
    assert len(ids) == len(set(ids))


def test_every_field_is_named_by_its_label() -> None:
    blocks = [
        {"type": "input", "block_id": "b", "label": text_object("Text"), "element": element}
        for element in every_element("x")[4:21]
        if element["type"] not in {"checkboxes", "radio_buttons"}
    ]
    outline = Outline(RENDERER.blocks(blocks, "v"))
    labelled = {label["for"] for label in outline.all("label") if "for" in label}
    fields = {
        a["id"] for tag, a in outline.tags if tag in {"input", "textarea", "select"} and "id" in a
    }
    assert fields == labelled
    assert len(fields) == len(blocks)


def test_a_select_knows_what_was_chosen_before_and_slacks_own_options() -> None:
    [block] = [
        {
            "type": "actions",
            "block_id": "b",
            "elements": [
                {
                    "type": "static_select",
                    "action_id": "a",
                    "options": [option("one"), option("two")],
                    "initial_option": option("two"),
                }
            ],
        }
    ]
    outline = Outline(RENDERER.blocks([block], "m"))
    chosen = [o for o in outline.all("option") if "selected" in o]
    assert [o["value"] for o in chosen] == ["two"]
    assert '"description"' in (chosen[0]["data-option"] or "")


def test_a_file_of_the_workspace_is_shown_and_a_foreign_picture_is_only_named() -> None:
    html = RENDERER.blocks(
        [
            {"type": "image", "slack_file": {"id": "F1"}, "alt_text": "ours"},
            {"type": "image", "image_url": "https://elsewhere.example/a.png", "alt_text": "theirs"},
            {"type": "image", "slack_file": {"id": "F9"}, "alt_text": "gone"},
        ],
        "m",
    )
    outline = Outline(html)
    assert [(i["src"], i["alt"]) for i in outline.all("img")] == [("/files/F1", "ours")]
    assert "theirs" in outline.text
    assert "gone" in outline.text


def test_a_time_picker_shows_the_readers_clock() -> None:
    at = int(datetime(2026, 3, 29, 1, 30, tzinfo=UTC).timestamp())
    element = {"type": "datetimepicker", "action_id": "a", "initial_date_time": at}
    html = RENDERER.blocks(
        [{"type": "input", "block_id": "b", "label": text_object("When"), "element": element}], "v"
    )
    values = [i["value"] for i in Outline(html).all("input")]
    assert values == ["2026-03-29", "03:30"]
    assert "Berlin time" in html


def test_a_table_begins_with_its_headings() -> None:
    rows = [[{"type": "raw_text", "text": t} for t in row] for row in (["Network"], ["Sandbox"])]
    outline = Outline(RENDERER.blocks([{"type": "table", "rows": rows}], "m"))
    assert len(outline.all("th")) == 1
    assert len(outline.all("td")) == 1


def test_a_markdown_block_is_markdown_and_its_html_is_text() -> None:
    outline = Outline(
        RENDERER.blocks(
            [
                {
                    "type": "markdown",
                    "text": "# Title\n\n- **one** [a](https://a.example)\n\n<b>x</b>",
                }
            ],
            "m",
        )
    )
    assert {"h1", "li", "strong", "a"} <= {tag for tag, _ in outline.tags}
    assert "<b>x</b>" in outline.text


def test_the_first_line_of_a_long_input_stays() -> None:
    element = {
        "type": "plain_text_input",
        "action_id": "a",
        "multiline": True,
        "initial_value": "\nsecond",
    }
    html = RENDERER.blocks(
        [{"type": "input", "block_id": "b", "label": text_object("Text"), "element": element}], "v"
    )
    # A browser drops one line break after <textarea>; the text's own comes after it.
    assert ">\n\nsecond</textarea>" in html
