"""Types of a listener's arguments, for authors who check theirs: `from latchkey import Ack, AsyncSay`.

Those without `Async` are for sync listeners. The values are functions, so these types only describe how to call them.
The server does not need this module.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from latchkey.dispatch.listeners.arguments import Context, Request, Response, ThreadContext
from latchkey.dispatch.listeners.registration import App

if TYPE_CHECKING:
    from slack_sdk.models.attachments import Attachment
    from slack_sdk.models.blocks import Block, Option, OptionGroup
    from slack_sdk.models.metadata import Metadata
    from slack_sdk.models.views import View
    from slack_sdk.web import SlackResponse
    from slack_sdk.web.async_chat_stream import AsyncChatStream
    from slack_sdk.web.async_slack_response import AsyncSlackResponse
    from slack_sdk.web.chat_stream import ChatStream
    from slack_sdk.webhook import WebhookResponse

__all__ = [
    "Ack",
    "App",
    "AsyncAck",
    "AsyncComplete",
    "AsyncFail",
    "AsyncGetThreadContext",
    "AsyncNext",
    "AsyncRespond",
    "AsyncSaveThreadContext",
    "AsyncSay",
    "AsyncSayStream",
    "AsyncSetSessionStatus",
    "AsyncSetStatus",
    "AsyncSetSuggestedPrompts",
    "AsyncSetTitle",
    "Complete",
    "Context",
    "Fail",
    "GetThreadContext",
    "Next",
    "Request",
    "Respond",
    "Response",
    "SaveThreadContext",
    "Say",
    "SayStream",
    "SetSessionStatus",
    "SetStatus",
    "SetSuggestedPrompts",
    "SetTitle",
    "ThreadContext",
]

R_co = TypeVar("R_co", covariant=True)

Blocks: TypeAlias = "Sequence[dict[str, Any] | Block] | None"
Attachments: TypeAlias = "Sequence[dict[str, Any] | Attachment] | None"


class AnyAck(Protocol[R_co]):
    """Responds to Slack; only the first call counts."""

    def __call__(
        self,
        text: str | dict[str, Any] = "",
        blocks: Blocks = None,
        attachments: Attachments = None,
        unfurl_links: bool | None = None,
        unfurl_media: bool | None = None,
        response_type: str | None = None,
        options: Sequence[dict[str, Any] | Option] | None = None,
        option_groups: Sequence[dict[str, Any] | OptionGroup] | None = None,
        response_action: str | None = None,
        errors: dict[str, str] | None = None,
        view: dict[str, Any] | View | None = None,
    ) -> R_co: ...


class AnySay(Protocol[R_co]):
    """Posts to the payload's channel."""

    def __call__(
        self,
        text: str | dict[str, Any] = "",
        blocks: Blocks = None,
        attachments: Attachments = None,
        channel: str | None = None,
        as_user: bool | None = None,
        thread_ts: str | None = None,
        reply_broadcast: bool | None = None,
        unfurl_links: bool | None = None,
        unfurl_media: bool | None = None,
        icon_emoji: str | None = None,
        icon_url: str | None = None,
        username: str | None = None,
        markdown_text: str | None = None,
        mrkdwn: bool | None = None,
        link_names: bool | None = None,
        parse: str | None = None,
        metadata: dict[str, Any] | Metadata | None = None,
        **more: Any,
    ) -> R_co: ...


class AnyRespond(Protocol[R_co]):
    """Posts to the payload's `response_url`."""

    def __call__(
        self,
        text: str | dict[str, Any] = "",
        blocks: Blocks = None,
        attachments: Attachments = None,
        response_type: str | None = None,
        replace_original: bool | None = None,
        delete_original: bool | None = None,
        unfurl_links: bool | None = None,
        unfurl_media: bool | None = None,
        thread_ts: str | None = None,
        metadata: dict[str, Any] | Metadata | None = None,
    ) -> R_co: ...


class AnySetStatus(Protocol[R_co]):
    """Shows what the app does, until it replies."""

    def __call__(
        self,
        status: str,
        loading_messages: list[str] | None = None,
        icon_emoji: str | None = None,
        icon_url: str | None = None,
        username: str | None = None,
        **more: Any,
    ) -> R_co: ...


class AnySetSessionStatus(Protocol[R_co]):
    """Sets the status of the agent's session: processing, active, suspended or closed."""

    def __call__(
        self,
        status: str,
        title: str | None = None,
        initiator_user_id: str | None = None,
        icon_emoji: str | None = None,
        icon_url: str | None = None,
        username: str | None = None,
        **more: Any,
    ) -> R_co: ...


class AnySetTitle(Protocol[R_co]):
    """Names the thread."""

    def __call__(self, title: str) -> R_co: ...


class AnySetSuggestedPrompts(Protocol[R_co]):
    """Offers messages to send."""

    def __call__(
        self, prompts: Sequence[str | dict[str, str]], title: str | None = None, thread_ts: str | None = None
    ) -> R_co: ...


class AnySayStream(Protocol[R_co]):
    """Begins a reply that is written bit by bit."""

    def __call__(
        self,
        *,
        buffer_size: int | None = None,
        channel: str | None = None,
        recipient_team_id: str | None = None,
        recipient_user_id: str | None = None,
        thread_ts: str | None = None,
        **more: Any,
    ) -> R_co: ...


class AnyGetThreadContext(Protocol[R_co]):
    """Returns what the person looks at beside the thread."""

    def __call__(self) -> R_co: ...


class AnySaveThreadContext(Protocol[R_co]):
    """Keeps that with the app's first reply."""

    def __call__(self, new_context: Mapping[str, Any]) -> R_co: ...


class AnyComplete(Protocol[R_co]):
    """Ends a run of a custom step successfully."""

    @property
    def function_execution_id(self) -> str | None: ...

    def __call__(self, outputs: Mapping[str, Any] | None = None) -> R_co: ...

    def has_been_called(self) -> bool: ...


class AnyFail(Protocol[R_co]):
    """Ends a run of a custom step with an error."""

    @property
    def function_execution_id(self) -> str | None: ...

    def __call__(self, error: str) -> R_co: ...

    def has_been_called(self) -> bool: ...


class AnyNext(Protocol[R_co]):
    """Lets a payload pass."""

    def __call__(self) -> R_co: ...


Ack: TypeAlias = AnyAck[None]
AsyncAck: TypeAlias = AnyAck[Awaitable[None]]
Say: TypeAlias = "AnySay[SlackResponse]"
AsyncSay: TypeAlias = "AnySay[Awaitable[AsyncSlackResponse]]"
Respond: TypeAlias = "AnyRespond[WebhookResponse]"
AsyncRespond: TypeAlias = "AnyRespond[Awaitable[WebhookResponse]]"
SetStatus: TypeAlias = "AnySetStatus[SlackResponse]"
AsyncSetStatus: TypeAlias = "AnySetStatus[Awaitable[AsyncSlackResponse]]"
SetSessionStatus: TypeAlias = "AnySetSessionStatus[SlackResponse]"
AsyncSetSessionStatus: TypeAlias = "AnySetSessionStatus[Awaitable[AsyncSlackResponse]]"
SetTitle: TypeAlias = "AnySetTitle[SlackResponse]"
AsyncSetTitle: TypeAlias = "AnySetTitle[Awaitable[AsyncSlackResponse]]"
SetSuggestedPrompts: TypeAlias = "AnySetSuggestedPrompts[SlackResponse]"
AsyncSetSuggestedPrompts: TypeAlias = "AnySetSuggestedPrompts[Awaitable[AsyncSlackResponse]]"
SayStream: TypeAlias = "AnySayStream[ChatStream]"
AsyncSayStream: TypeAlias = "AnySayStream[Awaitable[AsyncChatStream]]"
GetThreadContext: TypeAlias = "AnyGetThreadContext[ThreadContext | None]"
AsyncGetThreadContext: TypeAlias = "AnyGetThreadContext[Awaitable[ThreadContext | None]]"
SaveThreadContext: TypeAlias = AnySaveThreadContext[None]
AsyncSaveThreadContext: TypeAlias = AnySaveThreadContext[Awaitable[None]]
Complete: TypeAlias = "AnyComplete[SlackResponse]"
AsyncComplete: TypeAlias = "AnyComplete[Awaitable[AsyncSlackResponse]]"
Fail: TypeAlias = "AnyFail[SlackResponse]"
AsyncFail: TypeAlias = "AnyFail[Awaitable[AsyncSlackResponse]]"
Next: TypeAlias = AnyNext[None]
AsyncNext: TypeAlias = AnyNext[Awaitable[None]]
