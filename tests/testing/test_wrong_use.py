"""A test that asks for what Slack does not show fails with what there is instead."""

from pathlib import Path

import pytest

from latchkey.testing import AppToTest, NotThere, SlackUser
from latchkey.testing.app_to_test import AppLoader


@pytest.fixture
def latchkey_app() -> AppToTest:
    return AppToTest(modules=["tests.testing.orders"])


def refuse(message: str) -> pytest.RaisesExc[NotThere]:
    return pytest.raises(NotThere, match=message)


def test_names_the_commands_that_exist(slack: SlackUser) -> None:
    with refuse(r"the app has no command '/ordre'; it has: /order, /slow$"):
        slack.command("/ordre")


def test_refuses_a_setting_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="no setting 'slack.scope'"):
        AppLoader(Path("/")).settings(AppToTest(modules=[], settings={"slack.scope": "x"}), Path("/"), {})


def test_names_the_buttons_that_exist(slack: SlackUser) -> None:
    slack.command("/order").modal.submit({"drink": "tea"})
    with refuse(r"the message has no button 'aprove'; it has: approve \('Approve'\), deny \('Deny'\)$"):
        slack.message.click("aprove")


def test_names_the_fields_that_exist(slack: SlackUser) -> None:
    modal = slack.command("/order").modal
    with refuse(r"the form has no field 'colour'; it has: name \('Drink'\), size \('Size'\), "):
        modal.submit({"colour": "red"})


def test_names_the_options_that_exist(slack: SlackUser) -> None:
    with refuse(r"has no option 'Huge'; it has: Small, Large$"):
        slack.command("/order").modal.submit({"drink": "tea", "size": "Huge"})


def test_does_not_send_a_form_that_slack_would_not_send(slack: SlackUser) -> None:
    modal = slack.command("/order").modal
    with refuse("is required"):
        modal.submit({"size": "Small"})
    with refuse("a text of 21 characters"):
        modal.submit({"drink": 21 * "x"})
    assert modal.submit({"drink": "tea"}).messages


def test_says_that_nothing_was_posted_and_why(slack: SlackUser) -> None:
    with refuse("the app posted no message after 'hello': the app does not subscribe to message.channels"):
        _ = slack.say("hello").text
    with refuse("alice in #general of Acme sees no message of the app"):
        _ = slack.message
    with refuse("alice in #general of Acme has no form open"):
        _ = slack.modal


def test_names_the_people_and_workspaces_that_exist(slack: SlackUser) -> None:
    with refuse("nobody called 'dave'; there are: alice, bob, carol"):
        slack.user("dave")
    with refuse("no workspace 'Dogwood'; there are: Acme, Birch, Cedar"):
        slack.workspace("Dogwood")
