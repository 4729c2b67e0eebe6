"""The app manifest is complete, and valid for Slack."""

from typing import Any

import msgspec
import pytest

from latchkey.slackapi.manifest import (
    AppSettings,
    Command,
    Function,
    ManifestRequirements,
    Shortcut,
    differences,
    make_manifest,
)
from latchkey.slackapi.manifest.event_scopes import AGENT_EVENTS, EVENT_SCOPES, USER_EVENTS
from tests.support.slack_manifest import check_manifest

URL = "https://slack.example.com"
EVENTS = f"{URL}/slack/events"


def made(wanted: ManifestRequirements | None = None, **changes: Any) -> tuple[dict[str, Any], list[str]]:
    app = AppSettings(
        **{
            "name": "Our App",
            "description": "",
            "public_url": URL,
            "scopes": ["chat:write"],
            "user_scopes": [],
            **changes,
        }
    )
    manifest, notes = make_manifest(app, wanted or ManifestRequirements())
    check_manifest(manifest)
    return manifest, notes


def bot(manifest: dict[str, Any]) -> tuple[list[str], list[str]]:
    return manifest["oauth_config"]["scopes"]["bot"], manifest["settings"]["event_subscriptions"]["bot_events"]


def test_an_app_without_listeners_subscribes_to_token_revocations() -> None:
    manifest, notes = made()
    assert manifest == {
        "display_information": {"name": "Our App"},
        "features": {"bot_user": {"display_name": "our-app"}},
        "oauth_config": {"redirect_urls": [f"{URL}/slack/oauth/callback"], "scopes": {"bot": ["chat:write"]}},
        "settings": {
            "event_subscriptions": {"request_url": EVENTS, "bot_events": ["app_uninstalled", "tokens_revoked"]},
            "interactivity": {"is_enabled": False},
            "org_deploy_enabled": False,
            "socket_mode_enabled": False,
            "token_rotation_enabled": False,
        },
    }
    assert notes == []


def test_an_app_with_user_scopes_only_has_no_bot() -> None:
    wanted = ManifestRequirements(events=["message", "reaction_added", "app_mention"], commands=[Command("/x", "")])
    manifest, notes = made(wanted, scopes=[], user_scopes=["chat:write", "groups:history"])
    assert "bot_user" not in manifest["features"]
    required = ["app_mentions:read", "commands", "reactions:read"]
    assert manifest["oauth_config"]["scopes"] == {"user": ["chat:write", "groups:history", *notes_of(notes)]}
    assert sorted(notes_of(notes)) == required
    subscriptions = manifest["settings"]["event_subscriptions"]
    assert "bot_events" not in subscriptions
    assert {"message.groups", "reaction_added", "app_uninstalled", "tokens_revoked"} <= set(
        subscriptions["user_events"]
    )
    assert "app_mention needs a bot, and so a bot scope" in notes


def notes_of(notes: list[str]) -> list[str]:
    """Return the scopes that the notes say are lacking, in their order."""
    return [note.split()[3].rstrip(",") for note in notes if " lacks " in note]


def test_optional_scopes_are_among_all_scopes_and_marked() -> None:
    manifest, notes = made(
        ManifestRequirements(events=["reaction_added"]),
        optional_scopes=["reactions:read", "chat:write"],
        optional_user_scopes=["search:read"],
    )
    assert manifest["oauth_config"]["scopes"] == {
        "bot": ["chat:write", "reactions:read"],
        "bot_optional": ["reactions:read", "chat:write"],
        "user": ["search:read"],
        "user_optional": ["search:read"],
    }
    assert notes == []


def test_notes_a_url_without_https() -> None:
    _, notes = made(public_url="http://localhost:8080")
    assert notes == ["Slack requires URLs that begin with https://; http://localhost:8080 does not"]


def test_adds_and_notes_a_scope_that_an_event_requires() -> None:
    manifest, notes = made(ManifestRequirements(events=["app_mention", "reaction_added"]))
    scopes, events = bot(manifest)
    assert scopes == ["chat:write", "app_mentions:read", "reactions:read"]
    assert events == ["app_mention", "app_uninstalled", "reaction_added", "tokens_revoked"]
    assert notes == [
        "[slack] scopes lacks app_mentions:read, which app_mention requires; add it there too",
        "[slack] scopes lacks reactions:read, which reaction_added requires; add it there too",
    ]


def test_one_of_several_scopes_is_enough() -> None:
    manifest, notes = made(ManifestRequirements(events=["member_joined_channel"]), scopes=["groups:read"])
    assert bot(manifest)[0] == ["groups:read"]
    assert notes == []


@pytest.mark.parametrize(
    ("scopes", "subscribed"),
    [
        (["im:history"], {"message.im"}),
        (["groups:history", "mpim:history"], {"message.groups", "message.mpim"}),
        ([], {"message.channels"}),
    ],
)
def test_subscribes_to_messages_that_the_scopes_allow_to_read(scopes: list[str], subscribed: set[str]) -> None:
    manifest, _ = made(ManifestRequirements(events=["message"]), scopes=scopes)
    assert set(bot(manifest)[1]) - {"app_uninstalled", "tokens_revoked"} == subscribed
    assert set(bot(manifest)[0]) == set(scopes) or bot(manifest)[0] == ["channels:history"]


def test_direct_messages_enable_the_messages_tab_and_app_home_opened_the_home_tab() -> None:
    manifest, _ = made(ManifestRequirements(events=["message", "app_home_opened"]), scopes=["im:history"])
    assert manifest["features"]["app_home"] == {
        "home_tab_enabled": True,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": False,
    }


def test_user_events_become_user_subscriptions_with_user_scopes() -> None:
    manifest, _ = made(ManifestRequirements(events=["star_added"]))
    assert manifest["settings"]["event_subscriptions"]["user_events"] == ["star_added"]
    assert manifest["oauth_config"]["scopes"] == {"bot": ["chat:write"], "user": ["stars:read"]}


def test_an_unknown_event_is_kept_and_noted() -> None:
    manifest, notes = made(ManifestRequirements(events=["brand_new"]))
    assert "brand_new" in bot(manifest)[1]
    assert notes == ["brand_new is an unknown event: look up which scope it requires"]


def test_names_and_descriptions_are_shortened_to_slacks_limits() -> None:
    long = "x" * 3000
    wanted = ManifestRequirements(
        commands=[Command("/deploy", ""), Command("/long", long), Command("/deploy", "again"), Command("deploy", ""), Command("/" + "x" * 32, "")],
        shortcuts=[Shortcut("global", "open_the-form", ""), Shortcut("message", "a_very_long_callback_id_indeed", long), Shortcut("global", "", "")],
        interactivity=True,
    )  # fmt: skip
    manifest, notes = made(wanted)
    commands = {command["command"]: command for command in manifest["features"]["slash_commands"]}
    assert commands["/deploy"] == {"command": "/deploy", "url": EVENTS, "description": "Runs /deploy"}
    assert commands["/long"]["description"] == "x" * 1999 + "…"
    assert len(commands) == 2
    first, second = manifest["features"]["shortcuts"]
    assert (first["name"], first["description"]) == ("Open the form", "Open the form")
    assert (second["name"], second["type"], len(second["description"])) == ("A very long callback id…", "message", 150)
    assert "commands" in bot(manifest)[0]
    assert [note.partition(":")[0] for note in notes] == [
        "the command deploy is left out", f"the command /{'x' * 32} is left out", "a shortcut is left out", "[slack] scopes lacks commands, which a command or shortcut requires; add it there too",
    ]  # fmt: skip


def test_options_are_loaded_from_the_same_url() -> None:
    manifest, _ = made(ManifestRequirements(interactivity=True, options=True))
    assert manifest["settings"]["interactivity"] == {
        "is_enabled": True, "request_url": EVENTS, "message_menu_options_url": EVENTS,
    }  # fmt: skip


@pytest.mark.parametrize("event", sorted(AGENT_EVENTS))
def test_an_app_that_listens_to_an_agents_events_gets_an_agent_view(event: str) -> None:
    manifest, _ = made(ManifestRequirements(events=[event]), description="Helps")
    assert manifest["features"]["agent_view"] == {"agent_description": "Helps"}
    assert manifest["features"]["app_home"]["messages_tab_enabled"] is True
    assert "assistant_view" not in manifest["features"]
    assert "assistant:write" in bot(manifest)[0]
    assert event in bot(manifest)[1]


def test_an_agent_that_listens_to_messages_subscribes_to_its_direct_messages() -> None:
    manifest, _ = made(ManifestRequirements(events=["message", "agent_session_stopped"]), scopes=["channels:history"])
    assert {"message.channels", "message.im"} <= set(bot(manifest)[1])
    assert "im:history" in bot(manifest)[0]


def test_listeners_that_are_only_for_direct_messages_subscribe_to_no_others() -> None:
    manifest, notes = made(ManifestRequirements(events=["message.im"]), scopes=["channels:history"])
    assert set(bot(manifest)[1]) == {"app_uninstalled", "tokens_revoked", "message.im"}
    assert "im:history" in bot(manifest)[0]
    assert len(notes) == 1, "only that the scope is missing"


def test_notes_that_new_apps_get_another_event_when_somebody_opens_their_messages() -> None:
    noted = 'the tab "messages"; add a listener for it'
    assert any(noted in note for note in made(ManifestRequirements(events=["assistant_thread_started"]))[1])
    both = ManifestRequirements(events=["assistant_thread_started", "app_home_opened"])
    assert not any(noted in note for note in made(both)[1])


def test_functions_are_listed_with_what_they_require() -> None:
    wanted = ManifestRequirements(functions=[Function("sample_step", "Runs a step."), Function("other-step", "")])
    manifest, notes = made(wanted)
    assert manifest["functions"]["sample_step"] == {
        "title": "Sample step", "description": "Runs a step.", "input_parameters": {}, "output_parameters": {},
    }  # fmt: skip
    assert manifest["functions"]["other-step"]["description"] == "Other step"
    assert manifest["settings"]["org_deploy_enabled"] is True
    assert manifest["settings"]["function_runtime"] == "remote"
    assert {"function_executed", "team_access_revoked"} <= set(bot(manifest)[1])
    assert notes == [
        "declare the parameters of sample_step, other-step at Slack, under App Manifest; Latchkey does not change them",
        "[manifest] org_deployment is false, and functions require it; set it to true",
    ]


def test_a_commands_usage_hint_is_written() -> None:
    manifest, _ = made(ManifestRequirements(commands=[Command("/deploy", "Deploys", "[service] [version]")]))
    assert manifest["features"]["slash_commands"][0]["usage_hint"] == "[service] [version]"


def test_work_objects_are_noted_and_need_no_scope() -> None:
    manifest, notes = made(ManifestRequirements(events=["entity_details_requested"]))
    assert bot(manifest)[0] == ["chat:write"]
    assert "entity_details_requested requires Work Object previews to be turned on in the settings at Slack" in notes


def test_notes_more_commands_and_events_than_slack_allows() -> None:
    wanted = ManifestRequirements(
        commands=[Command(f"/c{number}", "") for number in range(51)], events=[f"e{number}" for number in range(101)]
    )
    _, notes = make_manifest(AppSettings("A", "", URL, ["commands"], []), wanted)
    assert "Slack allows 50 commands, but there are 51" in notes
    assert "Slack allows 100 events, but there are 103" in notes


def test_every_known_event_makes_a_valid_manifest() -> None:
    for event in [*EVENT_SCOPES, "message"]:
        made(ManifestRequirements(events=[event]))
    assert set(EVENT_SCOPES) >= USER_EVENTS


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"display_information": {"name": ""}},
        {"display_information": {"name": "x" * 36}},
        {"display_information": {"name": "A"}, "sttings": {}},
        {"display_information": {"name": "A"}, "features": {"slash_commands": []}},
        {"display_information": {"name": "A"}, "features": {"slash_commands": [{"command": "x", "url": URL, "description": "d"}]}},
        {"display_information": {"name": "A"}, "settings": {"interactivity": {"is_enabled": True}}},
        {"display_information": {"name": "A"}, "settings": {"event_subscriptions": {"request_url": URL, "bot_events": ["message"]}}},
        {"display_information": {"name": "A"}, "features": {"bot_user": {"display_name": "Our App"}}},
        {"display_information": {"name": "A"}, "features": {"assistant_view": {"assistant_description": "d"}}},
        {"display_information": {"name": "A"}, "features": {"agent_view": {"agent_description": "x" * 301}}},
        {"display_information": {"name": "A"}, "functions": {"f": {"title": "F", "description": "f", "input_parameters": {}, "output_parameters": {}}}},
        {"display_information": {"name": "A"}, "settings": {"event_subscriptions": {"request_url": URL, "bot_events": ["x", "x"]}}},
    ],
)  # fmt: skip
def test_the_tests_schema_refuses_what_slack_refuses(broken: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        check_manifest(broken)


EXPORTED: dict[str, Any] = {
    "_metadata": {"major_version": 1, "minor_version": 1},
    "display_information": {"name": "Our App", "background_color": "#4a154b"},
    "features": {
        "bot_user": {"display_name": "our-app", "always_online": True},
        "app_home": {"home_tab_enabled": False, "messages_tab_enabled": True},
        "slash_commands": [
            {"command": "/deploy", "url": EVENTS, "description": "Runs /deploy", "usage_hint": "[what]", "should_escape": False}
        ],
    },
    "oauth_config": {"redirect_urls": [f"{URL}/slack/oauth/callback"], "scopes": {"bot": ["commands", "chat:write"]}},
    "settings": {
        "event_subscriptions": {"request_url": EVENTS, "bot_events": ["tokens_revoked", "app_uninstalled"]},
        "interactivity": {"is_enabled": False},
        "org_deploy_enabled": False,
    },
}  # fmt: skip


def exported(**changes: Any) -> dict[str, Any]:
    """Return an exported manifest, with changes by path: `settings__interactivity__is_enabled=True`."""
    document = msgspec.json.decode(msgspec.json.encode(EXPORTED))
    for path, value in changes.items():
        *outer, last = path.split("__")
        parent = document
        for name in outer:
            parent = parent[name]
        parent[last] = value
    return document


def compared(**changes: Any) -> list[str]:
    manifest, _ = made(ManifestRequirements(commands=[Command("/deploy", "")]), scopes=["chat:write", "commands"])
    return [str(difference) for difference in differences(manifest, exported(**changes))]


def test_ignores_order_and_fields_that_the_author_chooses() -> None:
    assert compared() == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"oauth_config__scopes__bot": ["chat:write"]}, "oauth_config.scopes.bot: missing at Slack: commands"),
        ({"oauth_config__scopes__bot_optional": ["commands"]}, "oauth_config.scopes.bot_optional: only at Slack: commands"),
        ({"oauth_config__scopes__user": ["stars:read"]}, "oauth_config.scopes.user: only at Slack: stars:read"),
        ({"settings__event_subscriptions__bot_events": ["app_uninstalled"]}, "settings.event_subscriptions.bot_events: missing at Slack: tokens_revoked"),
        ({"settings__event_subscriptions__request_url": "https://old.example.com/slack/events"}, f"settings.event_subscriptions.request_url: https://old.example.com/slack/events at Slack, {EVENTS} here"),
        ({"settings__socket_mode_enabled": True}, "settings.socket_mode_enabled: true at Slack, false here"),
        ({"settings__token_rotation_enabled": True}, "settings.token_rotation_enabled: true at Slack, false here"),
        ({"features__shortcuts": [{"callback_id": "gone", "type": "global"}]}, "features.shortcuts: only at Slack: gone"),
        ({"features__slash_commands": []}, "features.slash_commands: missing at Slack: /deploy"),
        ({"features__slash_commands": [{"command": "/deploy", "url": EVENTS, "description": "Other"}]}, "features.slash_commands[/deploy].description: Other at Slack, Runs /deploy here"),
        ({"settings": None}, "settings.event_subscriptions.request_url: missing at Slack: https://slack.example.com/slack/events"),
        ({"features__slash_commands": "odd"}, "features.slash_commands: missing at Slack: /deploy"),
        ({"display_information__name": "Other\nApp"}, "display_information.name: Other?App at Slack, Our App here"),
    ],
)  # fmt: skip
def test_a_difference_names_its_path_and_both_values(changes: dict[str, Any], expected: str) -> None:
    assert expected in compared(**changes)


AGENT = ManifestRequirements(events=["app_context_changed", "app_home_opened"], functions=[Function("step", "")])


def agent_at_slack(**features: Any) -> dict[str, Any]:
    """Return the manifest of an agent as Slack has it, with the author's own values in it."""
    manifest, _ = made(AGENT, scopes=["assistant:write"], org_deployment=True)
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(manifest))
    document["features"] |= features
    return document


def test_the_home_tab_of_an_agent_is_the_authors_own() -> None:
    manifest, _ = made(ManifestRequirements(events=["app_home_opened"]), scopes=["assistant:write"])
    slack = agent_at_slack(app_home={"home_tab_enabled": False, "messages_tab_enabled": True})
    assert not [each for each in differences(manifest, slack) if each.path.startswith("features.app_home.home")]


def test_leaves_the_authors_own_keys_out_of_the_comparison() -> None:
    manifest, _ = made(AGENT, scopes=["assistant:write"], org_deployment=True)
    prompts = [{"title": "Sum up", "message": "Sum this up"}]
    slack = agent_at_slack(
        agent_view={"agent_description": "Mine", "suggested_prompts": prompts},
        app_home={"home_tab_enabled": False, "messages_tab_enabled": True},
        unfurl_domains=["example.com"],
        workflow_steps=[{"name": "Old", "callback_id": "old"}],
        rich_previews={"is_active": True, "entity_types": ["slack#/entities/task"]},
    )
    slack["functions"]["step"] |= {"title": "Mine", "input_parameters": {"who": {"type": "slack#/types/user_id"}}}
    slack["settings"]["event_subscriptions"]["metadata_subscriptions"] = [{"app_id": "*", "event_type": "task"}]
    slack["settings"]["is_mcp_enabled"] = True
    slack |= {
        "mcp_servers": {"ours": {"url": "https://mcp.example.com", "auth_type": "no_auth"}},
        "external_auth_providers": {"oauth2": {}},
        "outgoing_domains": ["example.com"],
    }
    assert differences(manifest, slack) == []


def test_an_older_app_may_keep_its_assistant_view() -> None:
    manifest, _ = made(AGENT, scopes=["assistant:write"], org_deployment=True)
    slack = agent_at_slack(assistant_view={"assistant_description": "Old"})
    del slack["features"]["agent_view"]
    assert differences(manifest, slack) == []
    del slack["features"]["assistant_view"]
    assert [str(each) for each in differences(manifest, slack)] == ["features.agent_view: missing at Slack: true"]


def test_compares_which_functions_there_are() -> None:
    manifest, _ = made(AGENT, scopes=["assistant:write"], org_deployment=True)
    slack = agent_at_slack()
    slack["functions"]["gone"] = slack["functions"].pop("step")
    assert [str(each) for each in differences(manifest, slack)] == [
        "functions: missing at Slack: step",
        "functions: only at Slack: gone",
    ]
