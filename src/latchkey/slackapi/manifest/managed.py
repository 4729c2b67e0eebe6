"""Lists the values of a manifest that Latchkey manages, so that two manifests can be compared by them.

Everything else in a manifest, such as colours, `mcp_servers` or the parameters of functions, is the author's and is
never compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

AGENT_VIEW = "features.agent_view"
ASSISTANT_VIEW = "features.assistant_view"
FUNCTIONS = "functions"
HOME_TAB = "features.app_home.home_tab_enabled"

LISTS: Mapping[str, str] = {
    "features.slash_commands": "command",
    "features.shortcuts": "callback_id",
    "oauth_config.redirect_urls": "",
    "oauth_config.scopes.bot": "",
    "oauth_config.scopes.bot_optional": "",
    "oauth_config.scopes.user": "",
    "oauth_config.scopes.user_optional": "",
    "settings.event_subscriptions.bot_events": "",
    "settings.event_subscriptions.user_events": "",
}
"""The managed lists, each with the field that identifies an object in it, if any."""

FIELDS: Mapping[str, tuple[str, ...]] = {
    "features.slash_commands": ("url", "description", "usage_hint"),
    "features.shortcuts": ("name", "type", "description"),
}
"""The managed fields of the objects in a list."""

PATHS = (
    "display_information.name",
    "display_information.description",
    "features.bot_user.display_name",
    HOME_TAB,
    "features.app_home.messages_tab_enabled",
    "features.app_home.messages_tab_read_only_enabled",
    AGENT_VIEW,
    *LISTS,
    "settings.event_subscriptions.request_url",
    "settings.interactivity.is_enabled",
    "settings.interactivity.request_url",
    "settings.interactivity.message_menu_options_url",
    "settings.org_deploy_enabled",
    "settings.socket_mode_enabled",
    "settings.token_rotation_enabled",
    "settings.function_runtime",
    FUNCTIONS,
)
"""All managed values, in the order in which differences are reported."""


class Key(NamedTuple):
    """Identifies a managed value: a field, an item of a list or of `functions`, or a field of such an item."""

    path: str
    item: str = ""
    field: str = ""

    def __str__(self) -> str:
        return f"{self.path}[{self.item}].{self.field}" if self.field else self.path


Values: TypeAlias = dict[Key, Any]


def managed_values(manifest: Mapping[str, Any]) -> Values:
    """Return the managed values of a manifest, in the order of PATHS. An item has its name as its value.

    Whether an app is an agent is one value: an older app has an `assistant_view` instead of an `agent_view`, which
    Slack lets it keep.
    """
    found: Values = {}
    is_agent = any(value_at(manifest, path) is not None for path in (AGENT_VIEW, ASSISTANT_VIEW))
    for path in PATHS:
        value = value_at(manifest, path)
        if path == AGENT_VIEW:
            found |= {Key(path): True} if is_agent else {}
        elif path == FUNCTIONS:
            found |= {Key(path, name): name for name in value} if isinstance(value, Mapping) else {}
        elif path in LISTS:
            found |= _of_list(path, value)
        # An agent gets app_home_opened for its messages, too, so that a listener for it does not mean a Home tab.
        elif value is not None and not (is_agent and path == HOME_TAB):
            found[Key(path)] = value
    return found


def value_at(document: object, path: str) -> Any:
    """Return the value at a path of names with dots between them; None if there is none."""
    for name in path.split("."):
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _of_list(path: str, items: object) -> Values:
    found: Values = {}
    for name, item in _named(path, items if isinstance(items, list) else []):
        found[Key(path, name)] = name
        for field in FIELDS.get(path, ()):
            if item.get(field) is not None:
                found[Key(path, name, field)] = item[field]
    return found


def _named(path: str, items: list[Any]) -> Iterator[tuple[str, Any]]:
    """Yield each item with its name; objects without one are left out."""
    field = LISTS[path]
    for item in items:
        if not field:
            yield str(item), item
        elif isinstance(item, Mapping):
            yield str(item.get(field)), item
