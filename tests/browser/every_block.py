"""Every block and element that slack_sdk knows, and newer ones, each with a text that would run a script as HTML."""

from __future__ import annotations

from typing import Any

SENTINEL = "\"'><img src=x onerror=ran=1><script>ran=1</script>"
PLAIN = {"type": "plain_text", "text": SENTINEL}
MRKDWN = {"type": "mrkdwn", "text": f"*{SENTINEL}* `{SENTINEL}` <https://example.com|{SENTINEL}> :tada:"}
OPTION = {"text": PLAIN, "value": SENTINEL, "description": PLAIN}
OPTIONS = [OPTION, {"text": PLAIN, "value": "2"}]
IMAGE = {"type": "image", "image_url": "https://example.com/a.png", "alt_text": SENTINEL}
BUTTON = {"type": "button", "action_id": "b", "text": PLAIN, "value": SENTINEL}


def rich(kind: str, *elements: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"type": kind, "elements": list(elements), **others}


TEXT = {"type": "text", "text": SENTINEL, "style": {"bold": True, "italic": True, "strike": True, "code": True}}
RICH_TEXT = rich(
    "rich_text",
    rich(
        "rich_text_section",
        TEXT,
        {"type": "link", "url": "javascript:ran=1", "text": SENTINEL},
        {"type": "user", "user_id": "U0BOB"},
        {"type": "channel", "channel_id": "C0GENERAL"},
        {"type": "emoji", "name": "tada"},
        {"type": "date", "timestamp": 1_800_000_000, "format": "{date}"},
        {"type": "broadcast", "range": "here"},
        {"type": "color", "value": SENTINEL},
    ),
    rich("rich_text_list", rich("rich_text_section", TEXT), style="ordered", indent=1),
    rich("rich_text_preformatted", TEXT),
    rich("rich_text_quote", TEXT),
)
MENUS = [
    {"type": "static_select", "options": OPTIONS},
    {"type": "static_select", "option_groups": [{"label": PLAIN, "options": OPTIONS}], "initial_option": OPTION},
    {"type": "external_select", "min_query_length": 1, "initial_option": OPTION},
    {"type": "users_select", "initial_user": "U0BOB"},
    {"type": "conversations_select"},
    {"type": "channels_select"},
    {"type": "multi_static_select", "options": OPTIONS, "initial_options": [OPTION]},
    {"type": "multi_external_select", "min_query_length": 1, "initial_options": [OPTION]},
    {"type": "multi_users_select"},
    {"type": "multi_conversations_select"},
    {"type": "multi_channels_select"},
    {"type": "checkboxes", "options": OPTIONS},
    {"type": "radio_buttons", "options": OPTIONS, "initial_option": OPTION},
    {"type": "datepicker", "initial_date": "2026-11-26"},
    {"type": "timepicker", "initial_time": "12:30"},
    {"type": "datetimepicker", "initial_date_time": 1_800_000_000},
]
FIELDS = [
    {"type": "plain_text_input", "initial_value": SENTINEL},
    {"type": "plain_text_input", "multiline": True, "initial_value": SENTINEL},
    {"type": "email_text_input"},
    {"type": "url_text_input"},
    {"type": "number_input", "is_decimal_allowed": True},
    {"type": "rich_text_input"},
    {"type": "file_input"},
]
ACTIONS = [
    BUTTON,
    {**BUTTON, "url": "https://example.com", "style": "primary"},
    {"type": "workflow_button", "text": PLAIN},
    {"type": "overflow", "options": OPTIONS},
]
TASK = {"type": "task_card", "task_id": "1", "title": SENTINEL, "status": "complete", "details": RICH_TEXT, "output": RICH_TEXT, "sources": [{"type": "url", "url": "https://example.com", "text": SENTINEL}]}  # fmt: skip
CARD = {"type": "card", "title": MRKDWN, "subtitle": PLAIN, "body": MRKDWN, "icon": IMAGE, "hero_image": IMAGE, "actions": [BUTTON]}  # fmt: skip
CELLS = [[{"type": "raw_text", "text": SENTINEL}, {"type": "raw_text", "text": "b"}]] * 9

BLOCKS: list[dict[str, Any]] = [
    {"type": "section", "text": MRKDWN, "fields": [MRKDWN, PLAIN], "accessory": IMAGE},
    {"type": "divider"},
    {"type": "header", "text": PLAIN},
    {"type": "context", "elements": [MRKDWN, IMAGE]},
    {"type": "actions", "elements": ACTIONS},
    {"type": "actions", "elements": [{**menu, "action_id": f"m{number}"} for number, menu in enumerate(MENUS)]},
    {
        "type": "context_actions",
        "elements": [
            {"type": "feedback_buttons", "positive_button": {"text": PLAIN, "value": "1"}, "negative_button": {"text": PLAIN, "value": "0"}},
            {"type": "icon_button", "icon": "trash", "text": PLAIN},
        ],
    },
    {**IMAGE, "title": PLAIN},
    {"type": "file", "external_id": SENTINEL, "source": "remote"},
    {"type": "video", "title": PLAIN, "title_url": "https://example.com", "video_url": "https://example.com", "thumbnail_url": "https://example.com", "alt_text": SENTINEL},
    {"type": "markdown", "text": f"# {SENTINEL}\n`{SENTINEL}` _x_\n- **{SENTINEL}**\n\n| a | b |\n|--|--|\n| {SENTINEL} | [x](javascript:ran=1) |\n```\n{SENTINEL}\n```"},
    RICH_TEXT,
    {"type": "table", "rows": [*CELLS, [RICH_TEXT, {"type": "raw_number", "value": 3}]]},
    {"type": "data_table", "caption": SENTINEL, "rows": CELLS},
    {"type": "data_visualization", "chart": {"title": SENTINEL}},
    {"type": "call", "call_id": SENTINEL},
    {"type": "auth_provider", "provider": SENTINEL},
    CARD,
    {"type": "carousel", "elements": [CARD, CARD]},
    {"type": "container", "title": PLAIN, "subtitle": MRKDWN, "icon": IMAGE, "is_collapsible": True, "child_blocks": [{"type": "section", "text": MRKDWN}]},
    {"type": "plan", "title": SENTINEL, "tasks": [TASK]},
    TASK,
    {"type": "brand_new", "text": SENTINEL},
]  # fmt: skip
VIEW_BLOCKS: list[dict[str, Any]] = [
    {"type": "alert", "level": "warning", "text": MRKDWN},
    *(
        {"type": "input", "block_id": f"i{number}", "label": PLAIN, "hint": PLAIN, "element": {**element, "action_id": "a"}}
        for number, element in enumerate([*FIELDS, *MENUS])
    ),
]  # fmt: skip
