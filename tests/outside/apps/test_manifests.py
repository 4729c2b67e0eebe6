"""The manifest that each of Slack's templates needs here, compared with the one that it ships."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.outside.apps.driving import FAKES
from tests.outside.apps.edits import edited_copy
from tests.outside.apps.samples import ENVIRONMENT, SAMPLES, Sample
from tests.outside.checkouts import Checkout
from tests.outside.differences import UNEXPLAINED, Difference
from tests.outside.page import table, write_section

pytestmark = pytest.mark.outside
INTRODUCTION = (
    "`latchkey manifest --diff` compares the manifest that the app's listeners need here with the template's own. The "
    "app's name, its scopes and `org_deploy_enabled`, which no listener declares, are set as in the template's. What "
    "Latchkey leaves to the author is not compared, such as parameters of functions; see [manifest.md](manifest.md)."
)
DIFFERENCES = [
    Difference(
        r"request_url|redirect_urls|slash_commands\[.*\]\.url|socket_mode_enabled",
        "The templates are for Socket Mode, or for a tunnel; here Slack calls the server's public URL.",
    ),
    Difference(
        r"bot_events: .*(app_uninstalled|tokens_revoked|team_access_revoked)",
        "The server needs these events to delete tokens that Slack has revoked.",
    ),
    Difference(
        r"display_name",
        "Made of `[app] name`, with the characters that Slack's documentation allows in a bot's name.",
    ),
    Difference(
        r"\.(description|name): ",
        "A listener's docstring describes it; the templates' listeners have none.",
    ),
    Difference(
        r"function_executed|function_runtime",
        "Slack's documentation requires both for functions that run outside of Slack. This template is from a preview.",
    ),
    Difference(
        r"interactivity\.is_enabled: missing at Slack: true",
        "The template has listeners for buttons, but its manifest does not turn interactivity on.",
    ),
    Difference(
        r"messages_tab_enabled: true at Slack, false here",
        "The template has no listener for direct messages, so nobody would answer there.",
    ),
]
"""In this order; the first that matches counts."""


def differences(sample: Sample, source: Path, folder: Path) -> Iterator[str]:
    folder.mkdir()
    shipped: dict[str, Any] = json.loads((source / "manifest.json").read_text())
    scopes = shipped["oauth_config"]["scopes"]
    variables = {
        **os.environ,
        **ENVIRONMENT,
        "PYTHONPATH": f"{source}:{FAKES}",
        "SLACK_BOT_TOKEN": "xoxb-sentinel",
        "LATCHKEY_LISTENERS_MODULES": "",
        "LATCHKEY_BOLT_APP": "app:app",
        "LATCHKEY_APP_NAME": shipped["display_information"]["name"],
        "LATCHKEY_SLACK_SCOPES": ",".join(scopes["bot"]),
        "LATCHKEY_SLACK_USER_SCOPES": ",".join(scopes.get("user", ())),
        "LATCHKEY_SERVER_PUBLIC_URL": "https://slack.example.com",
        "LATCHKEY_MANIFEST_ORG_DEPLOYMENT": str(shipped["settings"].get("org_deploy_enabled", False)).lower(),
    }
    command = [sys.executable, "-m", "latchkey", "manifest", "--diff", str(source / "manifest.json")]
    run = subprocess.run(command, check=False, cwd=folder, env=variables, capture_output=True, text=True)
    assert run.returncode == 1, run.stderr
    yield from run.stdout.splitlines()


def what_differs(line: str) -> str:
    """Return the path without the name of an item, or the item if it is an event."""
    path, _, values = line.partition(": ")
    return values.rpartition(": ")[2] if path.endswith("bot_events") else re.sub(r"\[.*\]", "[…]", path)


def test_every_difference_from_a_templates_own_manifest_is_explained(
    checkout: Callable[[str], Checkout], tmp_path: Path
) -> None:
    found: dict[str, set[str]] = defaultdict(set)
    templates: dict[str, set[str]] = defaultdict(set)
    unexplained: list[str] = []
    for index, sample in enumerate(SAMPLES):
        source = tmp_path / f"{index}-copy"
        edited_copy(checkout(sample.repository).path, sample.edits, source)
        for line in differences(sample, source / sample.variant, tmp_path / f"{index}"):
            reason = next((item.reason for item in DIFFERENCES if re.search(item.pattern, line)), UNEXPLAINED)
            found[reason].add(what_differs(line))
            templates[reason].add(sample.name)
            if reason is UNEXPLAINED:
                unexplained.append(f"{sample.name}: {line}")
    rows: list[list[object]] = [
        [", ".join(f"`{path}`" for path in sorted(paths)), len(templates[reason]), reason]
        for reason, paths in found.items()
    ]
    lines = [INTRODUCTION, "", *table(["what differs", "templates", "why"], rows)]
    write_section("manifests", "Manifests of Slack's templates", lines)
    assert not unexplained, "\n".join(unexplained)
