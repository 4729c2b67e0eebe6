"""The arguments `request` and `response` (mirror `slack_bolt.request` and `slack_bolt.response`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from latchkey.dispatch.listeners.arguments.reply import JSON, TEXT, Reply
from latchkey.slackapi.json_text import encode_json, well_formed

if TYPE_CHECKING:
    from latchkey.dispatch.listeners.arguments.context import Context

CONTENT_TYPE = "content-type"


class Request:
    """What Slack has sent: `body`, as a dict, and the `context`."""

    def __init__(self, body: dict[str, Any], context: Context) -> None:
        self.body = body
        self.context = context

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"request has no {name}, only body and context; an app under [bolt] in config.toml gets Bolt's request"
        )


class Response:
    """An HTTP response that an error handler changes, or that middleware or a listener returns."""

    def __init__(
        self,
        *,
        status: int = 200,
        body: str | dict[str, Any] = "",
        headers: Mapping[str, str | Sequence[str]] | None = None,
    ) -> None:
        """A dict as `body` becomes JSON; names of headers are kept in lower case."""
        self.status = status
        self.body: str | dict[str, Any] = body
        self.headers: dict[str, list[str]] = {
            name.lower(): [value] if isinstance(value, str) else list(value) for name, value in (headers or {}).items()
        }

    @property
    def is_untouched(self) -> bool:
        """Whether it is still the one that error handlers begin with."""
        return self.status == 500 and not self.body and not self.headers


def is_response(value: object) -> bool:
    """Whether a function has returned a response: one of ours, or Bolt's."""
    return isinstance(value, Response) or type(value).__name__ == "BoltResponse"


def reply_from(response: Any) -> Reply:
    """Return the reply that a response, ours or Bolt's, stands for."""
    body, headers = response.body, {name.lower(): values for name, values in response.headers.items()}
    is_json = isinstance(body, dict)
    content_type = headers.pop(CONTENT_TYPE, None)
    return Reply(
        response.status,
        content_type[0] if content_type else JSON if is_json else TEXT,
        encode_json(body) if is_json else well_formed(body).encode(),
        tuple((name, value) for name, values in headers.items() for value in values),
    )
