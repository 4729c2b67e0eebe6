"""A simulated Slack that runs for long keeps what is newest, so that its memory stays bounded."""

from latchkey.simulator.model import ApiCall, Message, SlackApp, World


def test_only_the_newest_records_are_kept() -> None:
    world = World(SlackApp("1.2", "sentinel", "sentinel", (), "http://127.0.0.1:9/"), keep=100)
    acme = world.workspaces["T0ACME"]
    for number in range(1_000):
        world.post(Message(acme, "C0GENERAL", "U0BOB", f"message {number}"))
        world.record(ApiCall("auth.test", "T0ACME", {"number": number}, {}))
        world.responded(number)
        world.issue_trigger(acme, "U0BOB")
        world.issue_response_path(acme, "C0GENERAL", "U0BOB")
    assert [message.text for message in world.messages] == [f"message {number}" for number in range(900, 1_000)]
    assert [call.arguments["number"] for call in world.calls] == world.responses == list(range(990, 1_000))
    assert len(world.triggers) == len(world.response_urls) == 100
