"""Payloads have only keys that Slack documents, with the documented types, and those that are always there.

`documented_keys.json` lists the keys and types of the payload samples published with slackapi/java-slack-sdk,
bolt-python and python-slack-sdk, to a depth of three.
"""

import json
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from latchkey.simulator import Slack
from latchkey.simulator.model import Message
from tests.outside.payload_keys import keys
from tests.simulator.simulation import recording_app, simulation

DOCUMENTED: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("documented_keys.json").read_text())
NOT_IN_SAMPLES = {
    "context_team_id", "context_enterprise_id", "event_context", "is_ext_shared_channel",  # https://docs.slack.dev/apis/events-api
    *(f"authorizations{name}" for name in ("", "[].enterprise_id", "[].team_id", "[].user_id", "[].is_bot", "[].is_enterprise_install")),
    "event.inputs.message",  # named by the app
    "event.event_ts",
    "event.edited", "event.parent_user_id", "event.view.state",  # https://docs.slack.dev/reference/events/message
    "event.view.bot_id", "event.view.app_installed_team_id", "event.view.previous_view_id",  # https://docs.slack.dev/reference/views
    "view.blocks", "view.previous_view_id", "view.submit", "view.close",
    "message.bot_id", "message.app_id", "message.metadata", "message.edited",
    "response_urls", "action_ts", "state",  # https://docs.slack.dev/reference/interaction-payloads
}  # fmt: skip
EVENT = {"token", "team_id", "api_app_id", "event", "type", "event_id", "event_time", "event_context", "is_ext_shared_channel"}  # fmt: skip
INTERACTION = {"type", "user.id", "user.username", "user.name", "user.team_id", "team.id", "team.domain", "api_app_id", "token", "is_enterprise_install", "enterprise"}  # fmt: skip
VIEW = {f"view.{name}" for name in ("id", "team_id", "type", "blocks", "private_metadata", "callback_id", "state", "hash", "title", "clear_on_close", "notify_on_close", "close", "submit", "previous_view_id", "root_view_id", "app_id", "external_id", "app_installed_team_id", "bot_id")}  # fmt: skip
ALWAYS = {
    "message": EVENT | {"event.type", "event.user", "event.ts", "event.text", "event.client_msg_id", "event.team", "event.blocks", "event.channel", "event.event_ts", "event.channel_type"},
    "app_mention": EVENT | {"event.type", "event.user", "event.ts", "event.text", "event.client_msg_id", "event.team", "event.blocks", "event.channel", "event.event_ts"},
    "app_home_opened": EVENT | {"event.user", "event.channel", "event.tab", "event.event_ts"},
    "reaction_added": EVENT | {"event.user", "event.reaction", "event.item.type", "event.item.channel", "event.item.ts", "event.item_user", "event.event_ts"},
    "command": {"token", "team_id", "team_domain", "channel_id", "channel_name", "user_id", "user_name", "command", "text", "api_app_id", "is_enterprise_install", "response_url", "trigger_id"},
    "block_actions": INTERACTION | {"trigger_id", "response_url", "actions", "channel.id", "channel.name", "container.type", "container.message_ts", "container.channel_id", "container.is_ephemeral", "message.ts", "message.text", "message.blocks", "message.user", "message.bot_id", "state"},
    "message_action": INTERACTION - {"user.username", "api_app_id"} | {"trigger_id", "callback_id", "response_url", "action_ts", "message_ts", "message.ts", "message.text", "channel.id", "channel.name"},
    "view_submission": INTERACTION | VIEW | {"trigger_id", "response_urls"},
    "view_closed": INTERACTION | VIEW | {"is_cleared"},
}  # fmt: skip


async def send_everything(slack: Slack) -> None:
    """Do everything that sends a payload, in a workspace of an org, so that the org's keys are there as well."""
    cedar, people, world = slack.workspace("T0CEDAR"), slack.people, slack.world
    [first] = [message for message in world.messages if message.blocks]
    await people.say(cedar, "<@UBOTCEDAR> hi", first.ts)
    await people.command(cedar, "/x", "y")
    button = {"type": "button", "action_id": "go", "block_id": first.blocks[0]["block_id"], "value": "1"}
    await people.click(cedar, button, first)
    await people.message_shortcut(cedar, "copy", first)
    await people.react(cedar, first, "tada")
    await people.react(cedar, first, "tada")
    await people.open_home(cedar)
    plain = {"type": "plain_text", "text": "T"}
    view = {"type": "modal", "title": plain, "notify_on_close": True, "blocks": [{"type": "section", "text": plain}]}
    await people.submit(world.open_view(cedar, cedar.user_id, view), {})
    await people.close(world.open_view(cedar, cedar.user_id, view))
    await slack.functions.execute(cedar, "sample", {"message": "x"})
    await slack.revocations.grant_team_access(cedar)
    await slack.revocations.revoke_team_access(cedar)
    await people.uninstall(cedar)


@pytest.mark.gen_test
async def test_payloads_have_the_documented_keys_and_types() -> None:
    found: dict[str, dict[str, str]] = {}
    async with recording_app() as (url, seen), simulation(url) as it:
        await it.exchange(it.code("T0CEDAR"))
        cedar, world = it.slack.workspace("T0CEDAR"), it.slack.world
        blocks = [{"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Go"}}]}]
        world.post(Message(cedar, "C0GENERAL", world.bot_user_id(cedar), "x", blocks=blocks))
        await send_everything(it.slack)
    for request in seen:
        if request.headers["Content-Type"] == "application/json":
            document = json.loads(request.body)
            kind = document["event"]["type"]
        else:
            fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
            document = json.loads(fields["payload"]) if "payload" in fields else fields
            kind = document.get("type", "command")
        found[kind] = dict(keys(document))
    assert set(found) == set(DOCUMENTED)
    problems = []
    for kind, paths in found.items():
        documented = DOCUMENTED[kind]
        for path, of_type in paths.items():
            if path not in documented and path not in NOT_IN_SAMPLES:
                problems.append(f"{kind}: {path} is not documented")
            elif kind != "command" and of_type not in ("null", documented.get(path, of_type)):  # a form is all text
                problems.append(f"{kind}: {path} is a {of_type}, not a {documented[path]}")
        problems += [f"{kind}: {path} is missing" for path in ALWAYS.get(kind, set()) - set(paths)]
    assert not problems, "\n".join(problems)
