"""The rules of Slack's app manifest: those of its published schema, version 0.5.0 (MIT), in our own form.

Contains what an app with a server of its own can have; anything else is refused, as by Slack. An `assistant_view` is
refused too: Slack's schema has it, but new apps get an `agent_view` only.

https://github.com/slackapi/manifest-schema, https://docs.slack.dev/reference/app-manifest
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


class AgentAction(Part):
    name: str
    description: str


class AgentView(Part):
    agent_description: Annotated[str, Meta(max_length=300)] | None = None
    suggested_prompts: Annotated[list[SuggestedPrompt], Meta(max_length=4)] = []
    actions: list[AgentAction] = []


class WorkflowStep(Part):
    name: Annotated[str, Meta(min_length=1, max_length=50)]
    callback_id: Annotated[str, Meta(min_length=1, max_length=50)]


class Features(Part):
    bot_user: BotUser | None = None
    app_home: AppHome | None = None
    slash_commands: Annotated[list[SlashCommand], Meta(min_length=1, max_length=50)] | None = None
    shortcuts: Annotated[list[Shortcut], Meta(min_length=1, max_length=10)] | None = None
    unfurl_domains: Annotated[list[str], Meta(min_length=1, max_length=5)] | None = None
    agent_view: AgentView | None = None
    workflow_steps: Annotated[list[WorkflowStep], Meta(min_length=1, max_length=10)] | None = None


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


class MetadataSubscription(Part):
    app_id: str
    event_type: Annotated[str, Meta(max_length=50)]


class EventSubscriptions(Part):
    request_url: Url
    bot_events: Events = []
    user_events: Events = []
    metadata_subscriptions: Annotated[list[MetadataSubscription], Meta(min_length=1, max_length=20)] | None = None


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
    function_runtime: str | None = None
    hermes_app_type: str | None = None
    is_mcp_enabled: bool = False


class Parameter(msgspec.Struct):
    """May have further fields."""

    type: str


Parameters: TypeAlias = Annotated[dict[str, Parameter], Meta(max_length=50)]


class Function(Part):
    title: str
    description: str
    input_parameters: Parameters
    output_parameters: Parameters


class McpServer(Part):
    url: Annotated[str, Meta(pattern="^https://", max_length=500)]
    auth_type: Literal["dynamic_client_registration", "no_auth", "manual_auth", "slack_identity_auth"]
    headers: dict[str, str] = {}
    auth_provider_key: Annotated[str, Meta(max_length=255)] | None = None


class Metadata(Part):
    major_version: Literal[1, 2] = 1
    minor_version: int = 1


class AppManifest(Part):
    display_information: DisplayInformation
    features: Features | None = None
    oauth_config: OAuthConfig | None = None
    settings: Settings | None = None
    functions: Annotated[dict[str, Function], Meta(max_length=50)] | None = None
    mcp_servers: Annotated[dict[str, McpServer], Meta(max_length=20)] | None = None
    external_auth_providers: dict[str, Any] | None = None
    outgoing_domains: Annotated[list[str], Meta(max_length=10)] | None = None
    metadata: Metadata | None = msgspec.field(default=None, name="_metadata")


def check_manifest(document: Any) -> AppManifest:
    """Return the manifest; raises msgspec.ValidationError with the path of a field that Slack would refuse."""
    manifest = msgspec.convert(document, AppManifest)
    settings = manifest.settings or Settings()
    interactivity, subscriptions = settings.interactivity, settings.event_subscriptions
    if interactivity is not None and interactivity.is_enabled and not interactivity.request_url:
        raise msgspec.ValidationError("Interactivity requires a Request URL")
    if any(len(items) != len(set(items)) for items in _unique_lists(manifest)):
        raise msgspec.ValidationError("a list has an item twice")
    if manifest.functions and not settings.org_deploy_enabled:
        raise msgspec.ValidationError("functions require org_deploy_enabled")
    if subscriptions is not None and "message" in subscriptions.bot_events:
        raise msgspec.ValidationError("subscribe to message.channels and the like, not to message")
    return manifest


def _unique_lists(manifest: AppManifest) -> list[list[str]]:
    """Return the lists whose items Slack requires to be unique."""
    subscriptions = manifest.settings.event_subscriptions if manifest.settings else None
    return [
        *([manifest.oauth_config.redirect_urls] if manifest.oauth_config else []),
        *([subscriptions.bot_events, subscriptions.user_events] if subscriptions else []),
    ]
