"""Decides which payloads a listener is for."""

from latchkey.dispatch.listeners.matching.constraints import (
    Constraint,
    Predicate,
    Text,
    action_of,
    any_payload,
    for_action,
    for_command,
    for_event,
    for_function,
    for_message,
    for_options,
    for_shortcut,
    for_view,
    keyword_matches,
    view_of,
)

__all__ = [
    "Constraint",
    "Predicate",
    "Text",
    "action_of",
    "any_payload",
    "for_action",
    "for_command",
    "for_event",
    "for_function",
    "for_message",
    "for_options",
    "for_shortcut",
    "for_view",
    "keyword_matches",
    "view_of",
]
