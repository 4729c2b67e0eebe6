"""The scopes that each event requires.

Source: the page of each event at https://docs.slack.dev/reference/events, "Required scopes".
"""

from __future__ import annotations

from collections.abc import Mapping

MESSAGE_SUBSCRIPTIONS: Mapping[str, str] = {
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
}
"""The subscriptions that deliver "message" events, each with its scope: one per kind of conversation."""

USER_EVENTS = frozenset(
    {
        "app_requested",
        "dnd_updated",
        "im_close",
        "im_created",
        "im_open",
        "invite_requested",
        "star_added",
        "star_removed",
        "subteam_self_added",
        "subteam_self_removed",
    }
)
"""Events that Slack sends only for a user token; they require a user scope instead of a bot scope."""

AGENT_EVENTS = frozenset(
    {
        "agent_session_stopped",
        "app_context_changed",
        "assistant_thread_context_changed",
        "assistant_thread_started",
    }
)
"""Events of agents, which need `features.agent_view`: https://docs.slack.dev/ai/migrating-to-agent-messaging"""

FUNCTION_EXECUTED = "function_executed"

_CHANNELS = ("channels:read", "groups:read")
_ANY_CONVERSATION = (*_CHANNELS, "im:read", "mpim:read")

EVENT_SCOPES: Mapping[str, tuple[str, ...]] = {
    "agent_session_stopped": ("assistant:write",),
    "app_context_changed": ("assistant:write",),
    "app_home_opened": (),
    "app_mention": ("app_mentions:read",),
    "app_requested": ("admin.apps:read",),
    "app_uninstalled": (),
    "assistant_thread_context_changed": ("assistant:write",),
    "assistant_thread_started": ("assistant:write",),
    "call_rejected": ("calls:read",),
    "channel_archive": ("channels:read",),
    "channel_created": ("channels:read",),
    "channel_deleted": ("channels:read",),
    "channel_history_changed": ("channels:history", "groups:history", "mpim:history"),
    "channel_id_changed": _ANY_CONVERSATION,
    "channel_left": ("channels:read",),
    "channel_rename": ("channels:read",),
    "channel_shared": _CHANNELS,
    "channel_unarchive": ("channels:read",),
    "channel_unshared": _CHANNELS,
    "dnd_updated": ("dnd:read",),
    "dnd_updated_user": ("dnd:read",),
    "email_domain_changed": ("team:read",),
    "emoji_changed": ("emoji:read",),
    "entity_details_requested": (),
    "file_change": ("files:read",),
    "file_created": ("files:read",),
    "file_deleted": ("files:read",),
    "file_public": ("files:read",),
    "file_shared": ("files:read",),
    "file_unshared": ("files:read",),
    "function_executed": (),
    "grid_migration_finished": (),
    "grid_migration_started": (),
    "group_archive": ("groups:read",),
    "group_close": ("groups:read",),
    "group_deleted": ("groups:read",),
    "group_history_changed": ("groups:history",),
    "group_left": ("groups:read",),
    "group_open": ("groups:read",),
    "group_rename": ("groups:read",),
    "group_unarchive": ("groups:read",),
    "im_close": ("im:read",),
    "im_created": ("im:read",),
    "im_history_changed": ("im:history",),
    "im_open": ("im:read",),
    "invite_requested": ("admin.invites:read",),
    "link_shared": ("links:read",),
    "member_joined_channel": _CHANNELS,
    "member_left_channel": _CHANNELS,
    "message_metadata_deleted": ("metadata.message:read",),
    "message_metadata_posted": ("metadata.message:read",),
    "message_metadata_updated": ("metadata.message:read",),
    "pin_added": ("pins:read",),
    "pin_removed": ("pins:read",),
    "reaction_added": ("reactions:read",),
    "reaction_removed": ("reactions:read",),
    "shared_channel_invite_accepted": ("conversations.connect:manage",),
    "shared_channel_invite_approved": ("conversations.connect:manage",),
    "shared_channel_invite_declined": ("conversations.connect:manage",),
    "shared_channel_invite_received": ("conversations.connect:read",),
    "shared_channel_invite_requested": ("conversations.connect:manage",),
    "star_added": ("stars:read",),
    "star_removed": ("stars:read",),
    "subteam_created": ("usergroups:read",),
    "subteam_members_changed": ("usergroups:read",),
    "subteam_self_added": ("usergroups:read",),
    "subteam_self_removed": ("usergroups:read",),
    "subteam_updated": ("usergroups:read",),
    "team_access_granted": (),
    "team_access_revoked": (),
    "team_domain_change": ("team:read",),
    "team_join": ("users:read",),
    "team_rename": ("team:read",),
    "tokens_revoked": (),
    "user_change": ("users:read",),
    "user_huddle_changed": ("users:read",),
    "user_profile_changed": ("users:read",),
    "user_status_changed": ("users:read",),
    "workflow_deleted": ("workflow.steps:execute",),
    "workflow_published": ("workflow.steps:execute",),
    "workflow_step_deleted": ("workflow.steps:execute",),
    "workflow_step_execute": ("workflow.steps:execute",),
    "workflow_unpublished": ("workflow.steps:execute",),
}
"""By event type. Any one of the scopes is enough; the first is requested if the app has none of them."""
