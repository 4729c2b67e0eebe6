"""Runs the app's functions, which are steps of a workflow: https://docs.slack.dev/reference/events/function_executed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from latchkey.simulator.model import FunctionRun, World
from latchkey.simulator.sending.app_response import AppResponse
from latchkey.simulator.sending.sender import Sender
from latchkey.simulator.tokens import Token
from latchkey.simulator.workspaces import SimulatedWorkspace

FUNCTION_TOKEN_SECONDS = 900
"""A function's token lives 15 minutes, or until the function is complete."""


class Functions:
    """Runs functions, and clicks buttons in the messages that they post."""

    def __init__(self, world: World, sender: Sender) -> None:
        self._world = world
        self._sender = sender

    async def execute(
        self, workspace: SimulatedWorkspace, callback_id: str, inputs: Mapping[str, Any], **options: Any
    ) -> tuple[FunctionRun, AppResponse]:
        """Send function_executed with a token for this run; returns the run and the app's response."""
        run = self._run(workspace, callback_id, inputs)
        event = {
            "type": "function_executed",
            "function": {
                "id": f"Fn{secrets.token_hex(5).upper()}",
                "callback_id": callback_id,
                "title": callback_id,
                "type": "app",
                "app_id": self._world.app.app_id,
                "input_parameters": [],
                "output_parameters": [],
                "date_created": 0,
                "date_updated": 0,
                "date_deleted": 0,
            },
            "inputs": dict(inputs),
            "function_execution_id": run.execution_id,
            "workflow_execution_id": f"Wx{secrets.token_hex(5).upper()}",
            "bot_access_token": run.token,
        }
        return run, await self._sender.event(workspace, event, **options)

    async def block_action(self, run: FunctionRun, action: dict[str, Any], **options: Any) -> AppResponse:
        """Click a button in a message that the run posted: the payload has the run's token and its id.

        https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
        """
        fields = {
            "bot_access_token": run.token,
            "function_data": {
                "execution_id": run.execution_id,
                "function": {"callback_id": run.callback_id},
                "inputs": run.inputs,
            },
            "interactivity": {
                "interactor": {"id": run.workspace.user_id, "secret": secrets.token_hex(16)},
                "interactivity_pointer": self._world.issue_trigger(run.workspace, run.workspace.user_id),
            },
            **options.pop("fields", {}),
        }
        return await self._sender.block_action(run.workspace, action, fields=fields, **options)

    def _run(self, workspace: SimulatedWorkspace, callback_id: str, inputs: Mapping[str, Any]) -> FunctionRun:
        authorizations = self._world.authorizations(workspace)
        token = Token(
            workspace,
            self._world.bot_user_id(workspace),
            is_bot=True,
            org_wide=False,
            scopes=authorizations[0].scopes if authorizations else "",
            expires_at=self._world.clock() + FUNCTION_TOKEN_SECONDS,
            for_function=True,
        )
        value = self._world.issue_token("xwfp", token)
        run = FunctionRun(workspace, f"Fx{secrets.token_hex(5).upper()}", callback_id, dict(inputs), value)
        self._world.function_runs[run.execution_id] = run
        return run
