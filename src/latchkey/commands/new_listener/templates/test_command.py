"""Tests of new_listener.py: `slack` is a person in a simulated Slack in which the app is installed."""


def test_command_opens_the_form(slack):
    assert slack.command("/new-listener").modal.title == "new_listener"


def test_submitted_form_greets_the_person(slack):
    form = slack.command("/new-listener").modal
    assert form.submit({"answer": "Ada"}).text == "Hello Ada!"
    assert not form.is_open


def test_name_of_one_letter_is_refused(slack):
    form = slack.command("/new-listener").modal
    assert form.submit({"answer": "A"}).messages == []
    assert form.errors == {"answer": "Type at least two letters."}
