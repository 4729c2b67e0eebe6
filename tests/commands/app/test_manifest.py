"""`latchkey manifest`: its formats, its comparison and its errors."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from tests.support.command_line import run, run_json
from tests.support.slack_manifest import check_manifest

CONFIG = """\
[server]
public_url = "https://slack.example.com/"
[slack]
scopes = ["app_mentions:read", "chat:write", "commands", "im:history"]
[listeners]
modules = ["our_app"]
[app]
name = "Our App"
description = "Deploys things"
[manifest]
org_deployment = true
"""
LISTENERS = """\
import re

print("this module talks")


def register(app):
    @app.event("app_mention")
    def mentioned(): pass

    @app.message("hello")
    def greeted(): pass

    @app.event({"type": "message", "subtype": "channel_join"})
    def joined(): pass

    @app.command("/deploy")
    def deploy():
        '''Put a version on its machines.

        Not before noon.

        Usage: [service] [version]
        '''

    @app.command(re.compile("^/x"))
    def anything(): pass

    @app.global_shortcut("new_ticket")
    def ticket():
        '''Open a ticket.'''

    @app.message_shortcut("ticket_from")
    def ticket_from(): pass

    @app.shortcut("either")
    def either(): pass

    @app.options("choices")
    def choices(): pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "our_app.py").write_text(LISTENERS)
    return tmp_path


def test_contains_everything_that_listeners_are_registered_for(folder: Path) -> None:
    done = run(folder, "manifest")
    assert done.returncode == 0
    manifest = json.loads(done.stdout)
    check_manifest(manifest)
    url = "https://slack.example.com/slack/events"
    assert manifest["display_information"] == {"name": "Our App", "description": "Deploys things"}
    assert manifest["features"]["slash_commands"] == [
        {
            "command": "/deploy",
            "url": url,
            "description": "Put a version on its machines.",
            "usage_hint": "[service] [version]",
        }
    ]
    assert [(shortcut["type"], shortcut["callback_id"], shortcut["name"]) for shortcut in manifest["features"]["shortcuts"]] == [
        ("global", "new_ticket", "New ticket"), ("message", "ticket_from", "Ticket from"), ("global", "either", "Either"),
    ]  # fmt: skip
    assert manifest["settings"]["event_subscriptions"]["bot_events"] == [
        "app_mention", "app_uninstalled", "message.im", "team_access_revoked", "tokens_revoked",
    ]  # fmt: skip
    assert manifest["settings"]["interactivity"]["message_menu_options_url"] == url
    assert manifest["settings"]["org_deploy_enabled"] is True
    assert manifest["oauth_config"]["redirect_urls"] == ["https://slack.example.com/slack/oauth/callback"]


def test_prints_notes_on_what_it_cannot_contain(folder: Path) -> None:
    done = run(folder, "manifest")
    notes = [line for line in done.stderr.splitlines() if line.startswith("note: ")]
    assert notes == [
        "note: our_app.register.<locals>.anything is registered with a pattern (^/x): add the commands that it handles by hand",
        "note: the shortcut either is listed as a global one; register a message shortcut with message_shortcut()",
    ]
    assert "this module talks" in done.stderr


def test_yaml_and_link_contain_the_same_as_json(folder: Path) -> None:
    manifest = json.loads(run(folder, "manifest", "--json").stdout)
    assert yaml.safe_load(run(folder, "manifest", "--yaml").stdout) == manifest
    link = run(folder, "manifest", "--link").stdout.strip()
    parts = urlsplit(link)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "api.slack.com", "/apps")
    query = parse_qs(parts.query)
    assert query["new_app"] == ["1"]
    assert json.loads(query["manifest_json"][0]) == manifest


def test_link_of_a_govslack_app_leads_to_govslack(folder: Path) -> None:
    done = run(folder, "manifest", "--link", LATCHKEY_SLACK_API_URL="https://slack-gov.com/api/")
    assert done.stdout.startswith("https://api.slack-gov.com/apps?new_app=1&manifest_json=")


def test_shipped_app_needs_only_the_default_scopes(tmp_path: Path) -> None:
    done = run(tmp_path, "manifest", LATCHKEY_SERVER_PUBLIC_URL="https://slack.example.com")
    assert (done.returncode, done.stderr) == (0, "")
    check_manifest(json.loads(done.stdout))


@pytest.mark.parametrize("form", ["--json", "--yaml"])
def test_finds_no_differences_in_its_own_export(folder: Path, form: str) -> None:
    (folder / "exported").write_text(run(folder, "manifest", form).stdout)
    done = run(folder, "manifest", "--diff", "exported")
    assert (done.returncode, done.stdout) == (0, "no differences\n")


def test_lists_differences_and_exits_with_1(folder: Path) -> None:
    manifest = json.loads(run(folder, "manifest").stdout)
    manifest["oauth_config"]["scopes"]["bot"].remove("commands")
    manifest["settings"]["event_subscriptions"]["bot_events"].append("pin_added")
    # As the method apps.manifest.export returns it.
    (folder / "exported.json").write_text(json.dumps({"ok": True, "manifest": manifest}))
    done = run(folder, "manifest", "--diff", "exported.json")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "oauth_config.scopes.bot: missing at Slack: commands",
        "settings.event_subscriptions.bot_events: only at Slack: pin_added",
    ]
    as_json = run(folder, "manifest", "--diff", "exported.json", "--json")
    assert as_json.returncode == 1
    document = json.loads(as_json.stdout)
    assert document["same"] is False
    assert document["differences"][0] == {"path": "oauth_config.scopes.bot", "here": "commands", "slack": None}


@pytest.mark.parametrize("option", ["--json", "--yaml"])
def test_documents_are_utf8_in_every_locale(folder: Path, option: str) -> None:
    ascii_only = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    name = "“Blümchen” 😀"
    (folder / "config.toml").write_text(CONFIG.replace("Our App", name), encoding="utf-8")
    done = run(folder, "manifest", option, **ascii_only)
    assert done.returncode == 0
    assert yaml.safe_load(done.stdout)["display_information"]["name"] == name


@pytest.mark.parametrize("content", [b"", b" \n"])
def test_says_that_the_file_to_compare_with_is_empty(folder: Path, content: bytes) -> None:
    (folder / "exported.json").write_bytes(content)
    done = run(folder, "manifest", "--diff", "exported.json")
    assert done.returncode == 1
    assert "latchkey: exported.json: the file is empty\nhint: " in done.stderr


@pytest.mark.parametrize(
    "content",
    [b"[]", b"- a\n- b", b"sentinel: [", b"\xff\xfe", b"sentinel", b'{"display_information": "sentinel"}', b"[" * 100_000, b"a: &a [*a]"],
)  # fmt: skip
def test_refuses_a_file_that_is_not_a_manifest_and_says_where_to_get_one(folder: Path, content: bytes) -> None:
    (folder / "exported").write_bytes(content)
    done = run(folder, "manifest", "--diff", "exported")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-2:] == [
        "latchkey: exported: not an app manifest in JSON or YAML",
        "hint: export it at https://api.slack.com/apps, under App Manifest",
    ]
    assert "sentinel" not in done.stderr


def test_refuses_a_missing_or_endless_file(folder: Path) -> None:
    done = run(folder, "manifest", "--diff", "nothing")
    assert (done.returncode, "latchkey: nothing: No such file or directory" in done.stderr) == (1, True)
    done = run(folder, "manifest", "--diff", "/dev/zero")
    assert (done.returncode, "latchkey: /dev/zero: too long to be an app manifest" in done.stderr) == (1, True)


def test_requires_a_public_url(tmp_path: Path) -> None:
    done = run(tmp_path, "manifest")
    assert done.returncode == 78
    assert done.stderr.startswith("latchkey: [server] public_url: must be set\nhint: ")


def test_reports_listeners_that_cannot_be_loaded(tmp_path: Path) -> None:
    done = run(tmp_path, "manifest", LATCHKEY_SERVER_PUBLIC_URL="https://a.example", LATCHKEY_LISTENERS_MODULES="gone")
    assert done.returncode == 1
    assert "latchkey: listener module gone: there is no such module" in done.stderr


@pytest.mark.parametrize(
    "arguments", [("--yaml", "--link"), ("--json", "--yaml"), ("--diff", "x", "--yaml"), ("--diff", "x", "--link")]
)
def test_refuses_two_formats_at_once(folder: Path, arguments: tuple[str, ...]) -> None:
    assert run(folder, "manifest", *arguments).returncode == 2


def test_needs_no_secret_and_creates_no_store(folder: Path) -> None:
    run_json(folder, "config", "show")
    assert run(folder, "manifest", SLACK_SIGNING_SECRET="sentinel").stdout.count("sentinel") == 0
    assert {path.name for path in folder.iterdir()} <= {"config.toml", "our_app.py", "__pycache__"}
