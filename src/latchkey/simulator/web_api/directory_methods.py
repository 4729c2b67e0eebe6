"""The Web API methods that describe people, conversations and the workspace.

Each takes the world, the token and the arguments, and returns the fields of an `ok: true` response or
raises `ApiError` with Slack's error code. https://docs.slack.dev/reference/methods
"""

from __future__ import annotations

from collections.abc import Callable

from latchkey.simulator.model import Channel, Person, World
from latchkey.simulator.tokens import Token
from latchkey.simulator.web_api.api_call import ApiError, Arguments, Document


def bots_info(world: World, token: Token, arguments: Arguments) -> Document:
    """Describe the app's bot; https://docs.slack.dev/reference/methods/bots.info."""
    bot_id = f"B{token.workspace.team_id[1:]}"
    if arguments.get("bot") != bot_id:
        raise ApiError("bot_not_found")
    user_id = world.bot_user_id(token.workspace)
    described = {"id": bot_id, "deleted": False, "name": world.app.name, "app_id": world.app.app_id, "user_id": user_id}
    return {"bot": described}


def users_info(world: World, token: Token, arguments: Arguments) -> Document:
    """Describe a person or the app's bot; https://docs.slack.dev/reference/methods/users.info."""
    user_id = str(arguments.get("user"))
    if user_id == world.bot_user_id(token.workspace):
        name = world.app.name
        return {"user": {**_user(token, Person(user_id, name.lower(), name)), "is_bot": True}}
    person = world.directory.people.get(user_id)
    if person is None:
        raise ApiError("user_not_found")
    return {"user": _user(token, person)}


def users_list(world: World, token: Token, arguments: Arguments) -> Document:
    members = [_user(token, person) for person in world.directory.people.values()]
    return {"members": members, "response_metadata": {"next_cursor": ""}}


def users_lookup_by_email(world: World, token: Token, arguments: Arguments) -> Document:
    for person in world.directory.people.values():
        if arguments.get("email") == _email(person):
            return {"user": _user(token, person)}
    raise ApiError("users_not_found")


def conversations_info(world: World, token: Token, arguments: Arguments) -> Document:
    """Describe a conversation; https://docs.slack.dev/reference/methods/conversations.info."""
    channel = world.directory.channels(token.workspace).get(str(arguments.get("channel")))
    if channel is None:
        raise ApiError("channel_not_found")
    return {"channel": _conversation(world, token, channel)}


def conversations_list(world: World, token: Token, arguments: Arguments) -> Document:
    kinds = str(arguments.get("types") or "public_channel").split(",")
    wanted = {"im" if kind == "im" else "channel" for kind in kinds if kind in ("im", "public_channel")}
    channels = [
        _conversation(world, token, channel)
        for channel in world.directory.channels(token.workspace).values()
        if channel.kind in wanted
    ]
    return {"channels": channels, "response_metadata": {"next_cursor": ""}}


def conversations_members(world: World, token: Token, arguments: Arguments) -> Document:
    channel = world.directory.channels(token.workspace).get(str(arguments.get("channel")))
    if channel is None:
        raise ApiError("channel_not_found")
    people = [channel.user_id] if channel.kind == "im" else list(world.directory.people)
    return {"members": [*people, world.bot_user_id(token.workspace)], "response_metadata": {"next_cursor": ""}}


def team_info(world: World, token: Token, arguments: Arguments) -> Document:
    workspace = token.workspace
    return {"team": {"id": workspace.team_id, "name": workspace.name, "domain": workspace.name.lower()}}


DIRECTORY_METHODS: dict[str, Callable[[World, Token, Arguments], Document]] = {
    "conversations.info": conversations_info,
    "conversations.list": conversations_list,
    "conversations.members": conversations_members,
    "team.info": team_info,
    "bots.info": bots_info,
    "users.info": users_info,
    "users.list": users_list,
    "users.lookupByEmail": users_lookup_by_email,
}
"""By Slack's names."""


def _user(token: Token, person: Person) -> Document:
    return {
        "id": person.user_id,
        "team_id": token.workspace.team_id,
        "name": person.name,
        "real_name": person.real_name,
        "deleted": False,
        "tz": "Etc/UTC",
        "tz_label": "UTC",
        "tz_offset": 0,
        "is_bot": False,
        "is_admin": person.name == "alice",
        "profile": {"real_name": person.real_name, "display_name": person.name, "email": _email(person)},
    }


def _email(person: Person) -> str:
    return f"{person.name}@example.com"


def _conversation(world: World, token: Token, channel: Channel) -> Document:
    if channel.kind == "im":
        return {"id": channel.channel_id, "is_im": True, "user": channel.user_id, "is_org_shared": False}
    return {
        "id": channel.channel_id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": True,
        "is_im": False,
        "is_private": False,
        "is_archived": False,
        "is_member": True,
        "context_team_id": token.workspace.team_id,
        "num_members": len(world.directory.people) + 1,
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }
