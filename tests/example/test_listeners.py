"""The listeners of the shipped app, in the way of docs/testing.md."""

from latchkey.testing import SlackUser


def test_greets_the_person_who_mentions_it(slack: SlackUser) -> None:
    outcome = slack.user("bob").channel("#random").mention("hi")
    assert outcome.text == "Hello <@U0BOB>! Try the command /open-modal."
    assert outcome.message.channel == "#random"
    assert not outcome.message.thread_ts


def test_greets_in_the_thread_in_which_it_is_mentioned(slack: SlackUser) -> None:
    first = slack.say("Who can help?").written
    assert first.reply("@app can you?").message.thread_ts == first.ts


def test_command_opens_a_form_and_shows_nothing_else(slack: SlackUser) -> None:
    outcome = slack.command("/open-modal")
    assert outcome.modal.title == "Awesome Modal"
    assert outcome.modal.fields == ["Input label"]
    assert outcome.response.body == ""
    assert not outcome.messages


def test_submitting_the_form_closes_it_and_sends_its_author_the_text(slack: SlackUser) -> None:
    bob = slack.user("bob")
    modal = bob.command("/open-modal").modal
    outcome = modal.submit({"Input label": "blue"})
    assert not modal.is_open
    assert outcome.text == "You wrote: blue"
    assert [message.text for message in bob.direct.messages] == ["You wrote: blue"]
    assert slack.messages == [], "nobody else sees it"


def test_command_says_why_slack_refuses_the_form(slack: SlackUser) -> None:
    slack.fail("views.open", "expired_trigger_id")
    outcome = slack.command("/open-modal")
    assert outcome.text == "Failed to open a modal due to expired_trigger_id"
    assert outcome.message.is_ephemeral
    assert not slack.modals
