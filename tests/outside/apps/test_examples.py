"""Bolt's examples, mounted unchanged: each of their listeners gets a signed request."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.outside.apps.driving import FAKES, drive
from tests.outside.apps.every_listener import steps_for
from tests.outside.checkouts import Checkout, packages
from tests.outside.page import table, write_section

pytestmark = pytest.mark.outside
REPOSITORY = "slackapi/bolt-python"
MADE = re.compile(r"^(\w+)(?:: \w+)? = (?:Async)?App\(", re.MULTILINE)
"""The variable of an app, in a module that makes one."""
ENVIRONMENT = {
    "SLACK_SCOPES": "chat:write",
    "SLACK_STATE_S3_BUCKET_NAME": "bucket",
    "SLACK_INSTALLATION_S3_BUCKET_NAME": "bucket",
}
WITH_BOLT = "Fails with Bolt 1.30.0 itself, when it is imported."
EXCEPTIONS = {
    "aws_chalice/oauth_app.py": WITH_BOLT,
    "falcon/async_app.py": WITH_BOLT,
    "falcon/async_oauth_app.py": WITH_BOLT,
    "fastapi/async_app_custom_props.py": "A listener needs what a FastAPI route of the app adds to the request. Here "
    "Slack's requests do not come through the app's own routes.",
    "django/oauth_app/slack_listeners.py": "Not run: it needs its Django project.",
    "google_cloud_functions/oauth_main.py": "Not run: it needs Google's data store.",
    "socket_mode_proxy.py": "Not run to its end: it calls Slack through a proxy that it expects on this machine.",
    "dialogs_app.py": "Not run to its end: the simulator has no `dialog.open`, which Slack replaced by forms in 2019.",
    "workflow_steps": "Loads. Not run: Slack has retired steps from apps.",
}
INTRODUCTION = (
    "Each module in `examples/` that makes an app is named in `[bolt] app`, unchanged. Each of its listeners that "
    "Latchkey can see gets one signed request: it must be answered with 200, and no listener may raise an exception."
)


async def outcome(module: Path, folder: Path, installed: Path) -> str:
    """Return an empty text if each of the app's listeners passes, otherwise what went wrong."""
    folder.mkdir()
    app = f"{module.stem}:{MADE.findall(module.read_text())[-1]}"
    environment = {**ENVIRONMENT, "PYTHONPATH": f"{module.parent}:{FAKES}:{installed}"}
    credentials = {"SLACK_BOT_TOKEN": "xoxb-sentinel", "SLACK_APP_TOKEN": "xapp-sentinel", "SLACK_SIGNING_SECRET": "s"}
    variables = {**os.environ, **credentials, **environment, "LATCHKEY_BOLT_APP": app, "LATCHKEY_LISTENERS_MODULES": ""}
    command = [sys.executable, "-m", "latchkey", "listeners", "--json"]
    listed = subprocess.run(command, check=False, cwd=folder, env=variables, capture_output=True, text=True)
    if listed.returncode:
        return next(line for line in listed.stderr.splitlines() if line.startswith("latchkey: "))
    steps = steps_for(json.loads(listed.stdout)["listeners"])
    return await drive(steps, folder, settings={"LATCHKEY_BOLT_APP": app}, environment=environment)


@pytest.mark.gen_test(timeout=1800)
async def test_each_listener_of_bolts_examples_passes_mounted_unchanged(
    request: pytest.FixtureRequest, checkout: Callable[[str], Checkout], tmp_path: Path
) -> None:
    bolt = checkout(REPOSITORY)
    examples = bolt.path / "examples"
    modules = [path for path in sorted(examples.rglob("*.py")) if MADE.search(path.read_text())]
    passed: list[str] = []
    failed: dict[str, str] = {}
    for index, module in enumerate(modules):
        name = str(module.relative_to(examples))
        if problem := await outcome(module, tmp_path / f"{index}", packages(request.config)):
            failed[name] = problem
        elif not name.startswith("workflow_steps"):
            passed.append(name)
    rows: list[list[object]] = [[f"`{name}`", reason] for name, reason in EXCEPTIONS.items()]
    summary = f"{len(passed)} of {len(modules)} pass ({bolt})."
    lines = [INTRODUCTION, "", summary, "", *table(["the others", "why"], rows)]
    write_section("examples", "Bolt's examples, mounted", lines)
    unexplained = [f"{name}: {text}" for name, text in failed.items() if not name.startswith(tuple(EXCEPTIONS))]
    assert not unexplained, "\n".join(unexplained)
