"""The arguments of `ack`, `say` and `respond` as the fields of a message, in Bolt's order if given by position.

Mirrors the signatures in `slack_bolt.context`, so that a call copied from a Bolt app means the same here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

ACK = (
    "text", "blocks", "attachments", "unfurl_links", "unfurl_media", "response_type", "options", "option_groups",
    "response_action", "errors", "view",
)  # fmt: skip
RESPOND = (
    "text", "blocks", "attachments", "response_type", "replace_original", "delete_original", "unfurl_links",
    "unfurl_media", "thread_ts", "metadata",
)  # fmt: skip
SAY = (
    "text", "blocks", "attachments", "channel", "as_user", "thread_ts", "reply_broadcast", "unfurl_links",
    "unfurl_media", "icon_emoji", "icon_url", "username", "markdown_text", "mrkdwn", "link_names", "parse", "metadata",
)  # fmt: skip


def message_fields(
    function: str, names: Sequence[str], arguments: Sequence[Any], named: Mapping[str, Any], *, others: bool = False
) -> dict[str, Any]:
    """Return the fields that are not None, with a text, or the dict given instead of the text, with the other fields.

    `function` is for error messages; `others` also allows fields that are not in `names`. Raises TypeError.
    """
    if len(arguments) > len(names):
        raise TypeError(f"{function}() takes at most {len(names)} arguments by position")
    fields = dict(zip(names, arguments, strict=False))
    if twice := fields.keys() & named.keys():
        raise TypeError(f"{function}() got {', '.join(sorted(twice))} both by position and by name")
    unknown = named.keys() - set(names)
    if unknown and not others:
        raise TypeError(f"{function}() does not take {', '.join(sorted(unknown))}")
    fields.update(named)
    text = fields.pop("text", None)
    given = {name: value for name, value in fields.items() if value is not None}
    if isinstance(text, dict):
        return {**text, **given}
    if text is not None and not isinstance(text, str):
        raise TypeError(f"{function}() takes text or a dict, not {type(text).__name__}")
    return {"text": text or "", **given}
