"""Tests of new_listener.py: `slack` is a person in a simulated Slack in which the app is installed."""


def test_suggests_what_to_ask(slack):
    slack.agent.open()
    assert slack.agent.prompts == ["What can you do?"]


def test_streams_the_answer(slack):
    assert slack.agent.say("Why?").text == "You asked: Why?"
