"""Tests of new_listener.py: `slack` is a person in a simulated Slack in which the app is installed."""


def test_greets_the_person_who_mentions_the_app(slack):
    assert slack.mention("hi").text == "Hello <@U0ALICE>!"
