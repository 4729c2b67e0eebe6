"""The ends of an installation: each takes the app's tokens away, and sends the events that Slack sends then.

The order of the events is not guaranteed, and each may come late or again:
https://docs.slack.dev/reference/events/app_uninstalled
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from latchkey.simulator.model import World
from latchkey.simulator.sending.app_response import AppResponse
from latchkey.simulator.sending.sender import Sender
from latchkey.simulator.workspaces import SimulatedWorkspace

BOTH_EVENTS = ("tokens_revoked", "app_uninstalled")


class Revocations:
    """Ends installations, completely or in part."""

    def __init__(self, world: World, sender: Sender) -> None:
        self._world = world
        self._sender = sender

    async def remove_app(
        self, workspace: SimulatedWorkspace, *, org_wide: bool = False, events: Sequence[str] = BOTH_EVENTS
    ) -> list[AppResponse]:
        """Remove the app from a workspace, or org-wide from its org, as an admin does.

        `events`: the types of the events to send, in order. A type may be missing, or occur twice.
        """
        place = workspace.enterprise_id if org_wide else workspace.team_id
        owners = [token for token in self._world.token_book.installed(workspace) if token.place == place]
        self._world.token_book.remove_app(workspace, org_wide=org_wide, app_id=self._world.app.app_id)
        people = sorted({token.user_id for token in owners if not token.is_bot})
        bots = sorted({token.user_id for token in owners if token.is_bot})
        return [
            await self.tokens_revoked(workspace, people=people, bots=bots, org_wide=org_wide)
            if kind == "tokens_revoked"
            else await self.app_uninstalled(workspace, org_wide=org_wide)
            for kind in events
        ]

    async def revoke_person(
        self, workspace: SimulatedWorkspace, user_id: str, *, org_wide: bool = False, **options: Any
    ) -> list[AppResponse]:
        """Take back what one person allowed the app to do as them; the bot and other people keep their tokens.

        "An app is not uninstalled until its final user and bot tokens are revoked": then this is its end.
        """
        for token in self._world.token_book.installed(workspace):
            if token.user_id == user_id and not token.is_bot and token.org_wide == org_wide:
                self._world.token_book.revoke_holder(token)
        responses = [await self.tokens_revoked(workspace, people=[user_id], org_wide=org_wide, **options)]
        if not self._world.token_book.installed(workspace):
            responses.append(await self.app_uninstalled(workspace, org_wide=org_wide, **options))
        return responses

    async def revoke_team_access(self, *workspaces: SimulatedWorkspace, **options: Any) -> AppResponse:
        """Take an org-wide app away from some workspaces of an org."""
        self._world.without_org_access.update(workspace.team_id for workspace in workspaces)
        return await self._team_access("team_access_revoked", workspaces, options)

    async def grant_team_access(self, *workspaces: SimulatedWorkspace, **options: Any) -> AppResponse:
        """Let an org-wide app act in some workspaces of an org."""
        self._world.without_org_access.difference_update(workspace.team_id for workspace in workspaces)
        return await self._team_access("team_access_granted", workspaces, options)

    async def tokens_revoked(
        self,
        workspace: SimulatedWorkspace,
        *,
        people: Sequence[str] = (),
        bots: Sequence[str] = (),
        org_wide: bool = False,
        **options: Any,
    ) -> AppResponse:
        """Only send the event. It has no `authorizations`, and names users, never tokens.

        https://docs.slack.dev/reference/events/tokens_revoked
        """
        tokens = {"oauth": list(people), "bot": list(bots)}
        event = {"type": "tokens_revoked", "tokens": {kind: ids for kind, ids in tokens.items() if ids}}
        return await self._send(workspace, event, org_wide, options)

    async def app_uninstalled(
        self, workspace: SimulatedWorkspace, *, org_wide: bool = False, **options: Any
    ) -> AppResponse:
        """Only send the event. It has no `authorizations`.

        https://docs.slack.dev/reference/events/app_uninstalled
        """
        return await self._send(workspace, {"type": "app_uninstalled"}, org_wide, options)

    async def _send(
        self, workspace: SimulatedWorkspace, event: dict[str, Any], org_wide: bool, options: dict[str, Any]
    ) -> AppResponse:
        """Send an event without `authorizations`; an org's has no `team_id`."""
        absent = {"authorizations": None, **({"team_id": None} if org_wide else {})}
        wrapper = {**absent, **options.pop("wrapper", {})}
        return await self._sender.event(workspace, event, wrapper=wrapper, **options)

    async def _team_access(
        self, kind: str, workspaces: Sequence[SimulatedWorkspace], options: dict[str, Any]
    ) -> AppResponse:
        """Send an org's event about these workspaces.

        https://docs.slack.dev/reference/events/team_access_revoked
        """
        event = {"type": kind, "team_ids": [workspace.team_id for workspace in workspaces]}
        return await self._send(workspaces[0], event, True, options)
