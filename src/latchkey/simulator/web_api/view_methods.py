"""The Web API methods of views: forms (modals) and App Homes.

Each takes the world, the token and the arguments, and returns the fields of an `ok: true` response or
raises `ApiError` with Slack's error code. https://docs.slack.dev/reference/methods
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from latchkey.simulator.model import OpenView, World, view_document, with_ids
from latchkey.simulator.tokens import Token
from latchkey.simulator.web_api.api_call import ApiError, Arguments, Document, nested
from latchkey.simulator.web_api.triggers import use_trigger

MAX_VIEWS = 3
"""Maximum views in a stack: https://docs.slack.dev/surfaces/modals."""


def views_open(world: World, token: Token, arguments: Arguments) -> Document:
    """Open a form; https://docs.slack.dev/reference/methods/views.open."""
    view = _modal(arguments)
    trigger = use_trigger(world, arguments)
    return {"view": view_document(world, world.open_view(trigger.workspace, trigger.user_id, view))}


def views_push(world: World, token: Token, arguments: Arguments) -> Document:
    """Put a form on top of those that the person has open; https://docs.slack.dev/reference/methods/views.push."""
    view = _modal(arguments)
    trigger = use_trigger(world, arguments)
    if len(world.views_of(trigger.workspace, trigger.user_id)) >= MAX_VIEWS:
        raise ApiError("push_limit_reached")
    return {"view": view_document(world, world.open_view(trigger.workspace, trigger.user_id, view))}


def views_update(world: World, token: Token, arguments: Arguments) -> Document:
    """Replace a form; https://docs.slack.dev/reference/methods/views.update."""
    opened = _open_view(world, arguments)
    if arguments.get("hash") and arguments["hash"] != opened.hash:
        raise ApiError("hash_conflict")
    world.replace_view(opened, _modal(arguments))
    return {"view": view_document(world, opened)}


def views_publish(world: World, token: Token, arguments: Arguments) -> Document:
    """Replace a person's App Home; https://docs.slack.dev/reference/methods/views.publish."""
    user_id, view = arguments.get("user_id"), nested(arguments.get("view"))
    if not user_id or not isinstance(view, dict) or view.get("type") != "home":
        raise ApiError("invalid_arguments")
    view = {**view, "blocks": with_ids(view.get("blocks") or [])}
    key = token.workspace.team_id, str(user_id)
    view_id = world.home_views[key].view_id if key in world.home_views else f"V{world.number():08d}"
    home = OpenView(view_id, token.workspace, str(user_id), view, root_view_id=view_id, hash=secrets.token_hex(4))
    world.homes[key], world.home_views[key] = view, home
    world.changes.add("home", {"team": key[0], "user": key[1], "view": view})
    return {"view": view_document(world, home)}


VIEW_METHODS: dict[str, Callable[[World, Token, Arguments], Document]] = {
    "views.open": views_open,
    "views.publish": views_publish,
    "views.push": views_push,
    "views.update": views_update,
}
"""By Slack's names."""


def _modal(arguments: Arguments) -> Document:
    view = nested(arguments.get("view"))
    if not isinstance(view, dict) or view.get("type") != "modal" or not view.get("title") or not view.get("blocks"):
        raise ApiError("invalid_arguments")
    if not view.get("submit") and any(block.get("type") == "input" for block in view["blocks"]):
        raise ApiError("invalid_arguments")
    return {**view, "blocks": with_ids(view["blocks"])}


def _open_view(world: World, arguments: Arguments) -> OpenView:
    """Return the form with this view_id or external_id. Raises ApiError."""
    found = world.views.get(str(arguments.get("view_id")))
    if found is None and (external_id := arguments.get("external_id")):
        found = next((view for view in world.views.values() if view.view.get("external_id") == external_id), None)
    if found is None:
        raise ApiError("not_found")
    return found
