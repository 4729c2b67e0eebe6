"""Makes things go wrong on demand, in both directions, and sends recorded requests again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields
from functools import partial
from typing import Any

from latchkey.simulator.faults import SLACK_RETRY_DELAYS, ApiFault, SendingFaults
from latchkey.simulator.model import World
from latchkey.simulator.pages.client.state import faults
from latchkey.simulator.sending import Revocations, Sender
from latchkey.simulator.workspaces import SimulatedWorkspace

MAX_SECONDS = 30.0


class FaultActions:
    """The actions of the page's faults and of its inspector."""

    def __init__(self, world: World, sender: Sender, revocations: Revocations) -> None:
        self._world = world
        self._sender = sender
        self._revocations = revocations

    def table(
        self, workspace: SimulatedWorkspace, wanted: Mapping[str, Any]
    ) -> dict[str, Callable[[], Awaitable[dict[str, Any] | None]]]:
        """Return the actions by name."""
        return {
            "fault_sending": partial(self.set_sending, wanted),
            "fault_api": partial(self.set_api, wanted),
            "expire_tokens": partial(self.expire_tokens, workspace),
            "revoke_tokens": partial(self.revoke_tokens, workspace),
            "no_faults": self.clear,
            "replay": partial(self.replay, wanted),
        }

    async def set_sending(self, wanted: Mapping[str, Any]) -> None:
        """Set how the requests to the app go wrong from now on."""
        known = {field.name for field in fields(SendingFaults)}
        given = {name: value for name, value in wanted["faults"].items() if name in known}
        if "retries" in wanted["faults"]:
            given["retry_delays"] = SLACK_RETRY_DELAYS if wanted["faults"]["retries"] else ()
        found = SendingFaults(**given)
        found.delay = min(float(found.delay), MAX_SECONDS)
        found.copies = max(1, min(int(found.copies), 5))
        found.age = int(found.age)
        self._world.sending = found
        self._show()

    async def set_api(self, wanted: Mapping[str, Any]) -> None:
        """Let the next calls of a method, or of all methods, fail or be slow."""
        self._world.faults[str(wanted["method"]) or "*"] = ApiFault(
            times=int(wanted.get("times") or 1),
            status=int(wanted.get("status") or 200),
            error=str(wanted["error"]) if wanted.get("error") else None,
            seconds=min(float(wanted.get("seconds") or 0), MAX_SECONDS),
            retry_after=int(wanted.get("retry_after") or 5),
        )
        self._show()

    async def clear(self) -> None:
        """End all faults."""
        self._world.faults.clear()
        self._world.sending = SendingFaults(retry_delays=self._world.sending.retry_delays)
        self._show()

    async def expire_tokens(self, workspace: SimulatedWorkspace) -> None:
        """Let every access token of the app in this workspace expire now."""
        for token in self._world.authorizations(workspace):
            token.expires_at = self._world.clock()

    async def revoke_tokens(self, workspace: SimulatedWorkspace) -> None:
        """Revoke the tokens that people have granted the app in this workspace, the bot's too, and send the event."""
        owners = self._world.authorizations(workspace)
        for token in owners:
            self._world.token_book.revoke_holder(token)
        people = sorted({token.user_id for token in owners if not token.is_bot})
        bots = sorted({token.user_id for token in owners if token.is_bot})
        await self._revocations.tokens_revoked(workspace, people=people, bots=bots)
        self._world.changes.add("state", {})

    async def replay(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Send a recorded request to the app again, with the same body and a new signature."""
        exchange = self._world.exchanges.get(int(wanted["number"]))
        if exchange is None or exchange.direction != "to the app":
            return {"ok": False, "error": "this request is no longer recorded"}
        content_type = dict(exchange.headers)["Content-Type"]
        response = await self._sender.send(f"{exchange.what} (replay)", exchange.body.encode(), content_type)
        return {"status": response.status}

    def _show(self) -> None:
        self._world.changes.add("faults", faults(self._world))
