"""Menus, App Homes, stacks of forms, shortcuts, reactions and agents are used as a person uses them."""

from datetime import date

import pytest

from latchkey.testing import AppToTest, NotThere, PostedMessage, SlackUser

SCOPES = ["app_mentions:read", "chat:write", "commands", "channels:history", "im:history", "reactions:read"]


@pytest.fixture
def latchkey_app() -> AppToTest:
    return AppToTest(modules=["tests.testing.lounge"], settings={"slack.scopes": [*SCOPES, "channels:read"]})


@pytest.fixture
def menu(slack: SlackUser) -> PostedMessage:
    return slack.say("menu").message


def test_a_menu_sends_what_is_chosen_and_keeps_it(menu: PostedMessage) -> None:
    assert menu.choose("size", "Large").text == "size: large, size large"
    assert menu.choose("day", date(2026, 12, 24)).text == "day: 2026-12-24, size large"
    assert menu.choose("people", ["bob", "U0CAROL"]).text == "people: ['U0BOB', 'U0CAROL'], size large"
    assert menu.choose("more", "Delete").text == "more: delete, size large"


def test_several_takes_a_list(menu: PostedMessage) -> None:
    with pytest.raises(TypeError, match="people takes a list"):
        menu.choose("people", "bob")


def test_buttons_with_the_same_name_are_told_apart_by_their_blocks(menu: PostedMessage) -> None:
    with pytest.raises(NotThere, match="2 buttons 'open'; .* block=: row-one, row-two$"):
        menu.click("open")
    assert menu.click("open", block="row-two").text == "row two in row-two"


def test_a_button_of_the_app_home_opens_a_form(slack: SlackUser) -> None:
    with pytest.raises(NotThere, match="published no App Home for U0ALICE"):
        slack.home.click("Begin")
    slack.home.open()
    assert slack.home.click("Begin").modal.title == "First"


def test_forms_are_pushed_closed_and_cleared(slack: SlackUser) -> None:
    slack.home.open()
    first = slack.home.click("Begin").modal
    first.submit({"name": "x"})
    assert [modal.title for modal in slack.modals] == ["First", "Second"]
    slack.modal.close()
    assert slack.direct.message.text == "closed"
    assert slack.modal.title == "First"
    first.submit({"name": "x"})
    slack.modal.submit({"name": "y"})
    assert slack.modals == []


def test_a_field_may_send_what_is_typed_at_once(slack: SlackUser) -> None:
    slack.home.open()
    modal = slack.home.click("Begin").modal
    modal.choose("name", "Changed")
    assert modal.title == "Changed"


def test_a_shortcut_of_a_message_gets_the_message(slack: SlackUser) -> None:
    written = slack.say("good day").written
    outcome = written.shortcut("translate")
    assert (outcome.text, outcome.message.is_ephemeral) == ("GOOD DAY", True)
    with pytest.raises(NotThere, match="no message shortcut 'shout'; it has: translate"):
        written.shortcut("shout")


def test_a_reaction_is_answered_in_the_thread(slack: SlackUser) -> None:
    written = slack.channel("#random").say("good day").written
    written.react("tada")
    assert written.reactions == ["tada"]
    assert [reply.text for reply in written.replies] == ["thanks for :tada:"]


def test_any_event_can_be_sent(slack: SlackUser) -> None:
    assert slack.user("carol").event({"type": "member_joined_channel"}).text == "Welcome <@U0CAROL>!"


def test_an_agent_is_stopped_while_it_works(slack: SlackUser) -> None:
    slack.agent.say("work", wait=False)
    slack.wait_for(lambda: slack.agent.messages)
    assert slack.agent.message.is_streaming
    slack.agent.stop()
    assert not slack.agent.message.is_streaming
    assert slack.agent.message.text == "working"


def test_each_test_begins_anew(slack: SlackUser) -> None:
    assert slack.messages == []
    assert [call.method for call in slack.calls() if call.method.startswith("chat.")] == []
