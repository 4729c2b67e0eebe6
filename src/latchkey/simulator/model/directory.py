"""The people and the conversations of the workspaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from latchkey.simulator.workspaces import SimulatedWorkspace


@dataclass(frozen=True)
class Person:
    """Someone who is in every workspace."""

    user_id: str
    name: str
    real_name: str


PEOPLE = (
    Person("U0ALICE", "alice", "Alice Archer"),
    Person("U0BOB", "bob", "Bob Baker"),
    Person("U0CAROL", "carol", "Carol Chen"),
)


@dataclass(frozen=True)
class Channel:
    """A channel, or the direct messages between a person and the app."""

    channel_id: str
    name: str
    kind: Literal["channel", "im"] = "channel"
    user_id: str = ""
    """In direct messages: the person."""


CHANNELS = (Channel("C0GENERAL", "general"), Channel("C0RANDOM", "random"), Channel("C0HELP", "help"))


class Directory:
    """Who and what exists; conversations that an app names are added."""

    def __init__(self) -> None:
        self.people = {person.user_id: person for person in PEOPLE}
        self._channels: dict[str, dict[str, Channel]] = {}
        """By workspace and id."""

    def channels(self, workspace: SimulatedWorkspace) -> dict[str, Channel]:
        """Return the conversations of a workspace by their ids."""
        if workspace.team_id not in self._channels:
            direct = [direct_messages(person.user_id) for person in PEOPLE]
            self._channels[workspace.team_id] = {channel.channel_id: channel for channel in (*CHANNELS, *direct)}
        return self._channels[workspace.team_id]

    def channel(self, workspace: SimulatedWorkspace, name: str) -> Channel:
        """Return the conversation with this id or name (`#general`), or the direct messages with this user id.

        An unknown one is added: tests send events from channels that they make up.
        """
        channels = self.channels(workspace)
        if name in channels:
            return channels[name]
        if name.startswith(("U", "W")):
            return channels.setdefault(f"D{name[1:]}", direct_messages(name))
        for channel in channels.values():
            if channel.kind == "channel" and channel.name == name.removeprefix("#"):
                return channel
        found = direct_messages(f"U{name[1:]}") if name.startswith("D") else Channel(name, name.lower())
        return channels.setdefault(name, found)

    def user_name(self, user_id: str) -> str:
        person = self.people.get(user_id)
        return person.name if person else user_id.lower()


def direct_messages(user_id: str) -> Channel:
    """Return the direct messages between this person and the app."""
    return Channel(f"D{user_id[1:]}", "directmessage", "im", user_id)
