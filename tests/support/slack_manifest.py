"""Slack's app manifest, after Slack's reference and published schema.

Contains only what an app with a server of its own can have; anything else is refused, as by Slack.
 https://docs.slack.dev/reference/app-manifest
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta


class Part(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """An object whose fields are all known."""


Url: TypeAlias = Annotated[str, Meta(pattern="^https?://", max_length=3000)]
Scopes: TypeAlias = Annotated[list[Annotated[str, Meta(max_length=50)]], Meta(max_length=255)]
Events: TypeAlias = Annotated[list[Annotated[str, Meta(max_length=50)]], Meta(max_length=100)]


class DisplayInformation(Part):
    name: Annotated[str, Meta(min_length=1, max_length=35)]
    description: Annotated[str, Meta(min_length=1, max_length=140)] | None = None
    background_color: Annotated[str, Meta(pattern="^#[0-9a-fA-F]{3}([0-9a-fA-F]{3})?$")] | None = None
    long_description: Annotated[str, Meta(min_length=175, max_length=4000)] | None = None


class AppHome(Part):
    home_tab_enabled: bool = False
    messages_tab_enabled: bool = False
    messages_tab_read_only_enabled: bool = False


class BotUser(Part):
    display_name: Annotated[str, Meta(pattern="^[a-z0-9._-]+$", min_length=1, max_length=80)]
    always_online: bool = False


class SlashCommand(Part):
    command: Annotated[str, Meta(pattern="^/", min_length=2, max_length=32)]
    description: Annotated[str, Meta(min_length=1, max_length=2000)]
    url: Url
    usage_hint: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    should_escape: bool = False


class Shortcut(Part):
    name: Annotated[str, Meta(min_length=1, max_length=24)]
    type: Literal["message", "global"]
    callback_id: Annotated[str, Meta(min_length=1, max_length=255)]
    description: Annotated[str, Meta(min_length=1, max_length=150)]


class SuggestedPrompt(Part):
    title: str
    message: str


class AssistantView(Part):
    assistant_description: str
    suggested_prompts: list[SuggestedPrompt] = []


class Features(Part):
    bot_user: BotUser | None = None
    app_home: AppHome | None = None
    slash_commands: Annotated[list[SlashCommand], Meta(min_length=1, max_length=50)] | None = None
    shortcuts: Annotated[list[Shortcut], Meta(min_length=1, max_length=10)] | None = None
    unfurl_domains: Annotated[list[str], Meta(min_length=1, max_length=5)] | None = None
    assistant_view: AssistantView | None = None


class OAuthScopes(Part):
    bot: Scopes = []
    bot_optional: Scopes = []
    user: Scopes = []
    user_optional: Scopes = []


class OAuthConfig(Part):
    redirect_urls: Annotated[list[Annotated[str, Meta(max_length=2500)]], Meta(max_length=1000)] = []
    scopes: OAuthScopes | None = None
    token_management_enabled: bool = False
    pkce_enabled: bool = False


class EventSubscriptions(Part):
    request_url: Url
    bot_events: Events = []
    user_events: Events = []


class Interactivity(Part):
    is_enabled: bool
    request_url: Url | None = None
    message_menu_options_url: Url | None = None


class Settings(Part):
    event_subscriptions: EventSubscriptions | None = None
    interactivity: Interactivity | None = None
    allowed_ip_address_ranges: Annotated[list[str], Meta(min_length=1, max_length=50)] | None = None
    org_deploy_enabled: bool = False
    socket_mode_enabled: bool = False
    token_rotation_enabled: bool = False
    is_hosted: bool = False


class Metadata(Part):
    major_version: Literal[1, 2] = 1
    minor_version: int = 1


class AppManifest(Part):
    display_information: DisplayInformation
    features: Features | None = None
    oauth_config: OAuthConfig | None = None
    settings: Settings | None = None
    metadata: Metadata | None = msgspec.field(default=None, name="_metadata")


def check_manifest(document: Any) -> AppManifest:
    """Return the manifest; raises msgspec.ValidationError with the path of a field that Slack would refuse."""
    manifest = msgspec.convert(document, AppManifest)
    settings = manifest.settings or Settings()
    interactivity, subscriptions = settings.interactivity, settings.event_subscriptions
    if interactivity is not None and interactivity.is_enabled and not interactivity.request_url:
        raise msgspec.ValidationError("Interactivity requires a Request URL")
    if subscriptions is not None and "message" in subscriptions.bot_events:
        raise msgspec.ValidationError("subscribe to message.channels and the like, not to message")
    return manifest
