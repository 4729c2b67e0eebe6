"""Trigger ids, each of which lets an app react once to what a person does."""

from __future__ import annotations

from latchkey.simulator.model import Trigger, World
from latchkey.simulator.web_api.api_call import ApiError, Arguments


def use_trigger(world: World, arguments: Arguments) -> Trigger:
    """Use up the trigger that a call names. Raises ApiError if it is unknown, was used before, or has expired."""
    trigger = world.triggers.get(str(arguments.get("trigger_id")))
    if trigger is None:
        raise ApiError("invalid_trigger_id")
    if trigger.used:
        raise ApiError("exchanged_trigger_id")
    if world.clock() >= trigger.expires_at:
        raise ApiError("expired_trigger_id")
    trigger.used = True
    return trigger
