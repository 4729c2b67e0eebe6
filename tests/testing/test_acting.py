"""What a person does in a test reaches the app's listeners, and the test sees what they have done."""

import pytest

from latchkey.testing import AppToTest, NotThere, SlackUser


@pytest.fixture
def latchkey_app() -> AppToTest:
    return AppToTest(modules=["tests.testing.orders"])


def ask(slack: SlackUser, drink: str = "tea", **more: object) -> None:
    slack.command("/order").modal.submit({"drink": drink, **more})


def test_a_mention_is_answered_in_the_same_channel(slack: SlackUser) -> None:
    outcome = slack.channel("#random").mention("hi")
    assert outcome.text == "Hello <@U0ALICE>!"
    assert outcome.message.channel == "#random"
    assert slack.channel("#general").messages == []


def test_a_form_is_filled_in_as_a_person_does(slack: SlackUser) -> None:
    modal = slack.command("/order").modal
    assert modal.title == "Order"
    assert modal.fields == ["Drink", "Size", "Extras", "Barista", "Day", "Cake"]
    assert slack.modal.callback_id == "order"
    outcome = modal.submit(
        {"Drink": "tea", "size": "Large", "extras": ["Milk", "sugar"], "barista": "bob", "cake": "Carrot"}
    )
    assert outcome.text == "<@U0ALICE> wants tea, large, milk+sugar, U0BOB, 2026-11-26, carrot"
    assert not modal.is_open


def test_errors_in_a_form_keep_it_open(slack: SlackUser) -> None:
    modal = slack.command("/order").modal
    modal.submit({"drink": "beer"})
    assert modal.errors == {"drink": "Not here!"}
    assert modal.is_open
    assert modal.submit({"drink": "tea"}).messages
    with pytest.raises(NotThere, match="no longer open"):
        modal.submit({"drink": "tea"})


def test_a_form_keeps_what_was_typed_before_an_error(slack: SlackUser) -> None:
    modal = slack.command("/order").modal
    modal.submit({"drink": "beer", "size": "Small"})
    assert "tea, small" in modal.submit({"drink": "tea"}).text


def test_a_click_may_replace_the_message(slack: SlackUser) -> None:
    ask(slack)
    message = slack.message
    assert message.buttons == ["Approve", "Deny"]
    slack.user("bob").message.click("approve")
    assert message.text == "Approved by <@U0BOB>"
    assert message.is_edited


def test_only_the_person_sees_an_ephemeral_message(slack: SlackUser) -> None:
    ask(slack)
    outcome = slack.message.click("Deny")
    assert outcome.message.is_ephemeral
    assert slack.message.text == "Tell them why."
    assert slack.user("carol").message.text != "Tell them why."


def test_a_line_returns_when_the_listener_has_ended_not_when_it_has_acknowledged(slack: SlackUser) -> None:
    outcome = slack.command("/slow")
    assert outcome.response.body == "wait …"
    assert outcome.text == "done"
    [arguments] = outcome.called("chat.postMessage")
    assert arguments["text"] == "done"


def test_options_come_from_the_app(slack: SlackUser) -> None:
    assert slack.command("/order").modal.options("cake", "a") == ["Apple", "Almond"]
    with pytest.raises(NotThere, match="no option 'Cherry'"):
        slack.modal.submit({"drink": "tea", "cake": "Cherry"})
