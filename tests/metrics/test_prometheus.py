"""The scrape configuration, the alert rules and the dashboard, checked with the real Prometheus."""

import asyncio
import json
import re
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.metrics.test_metrics import traffic, with_listeners
from tests.support.programs import program
from tests.support.running import Running, running

ROOT = Path(__file__).resolve().parent.parent.parent
CONFIG = ROOT / "docs" / "prometheus" / "prometheus.yml"
ALERTS = ROOT / "docs" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "docs" / "grafana" / "latchkey.json"
FED_SECONDS = 60

pytestmark = pytest.mark.programs("prometheus", "promtool")


def promtool(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def queries() -> dict[str, str]:
    """Return the dashboard's queries by panel, with its variables filled in as Grafana does it."""
    found = {}
    for panel in panels():
        for target in panel.get("targets", ()):
            expression = target["expr"].replace("$__rate_interval", "30s").replace("$job", "latchkey")
            found[f"{panel['title']} {target['refId']}"] = expression.replace("$instance", ".*")
    return found


def test_promtool_accepts_the_rules_and_the_configuration() -> None:
    assert "SUCCESS: 24 rules found" in promtool("check", "rules", str(ALERTS))
    assert "is valid" in promtool("check", "config", str(CONFIG))


def test_each_alert_fires_only_under_its_condition() -> None:
    promtool("test", "rules", str(ROOT / "tests" / "metrics" / "alerts_test.yml"))
    tested = set(
        re.findall(r'alertname="(\w+)", alertstate', (ROOT / "tests" / "metrics" / "alerts_test.yml").read_text())
    )
    assert tested == set(re.findall(r"alert: (\w+)", ALERTS.read_text()))


def test_each_panel_of_the_dashboard_is_complete() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    assert dashboard["uid"] == "latchkey"
    assert dashboard["schemaVersion"] >= 36
    numbers = [panel["id"] for panel in panels()]
    assert len(set(numbers)) == len(numbers)
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        grid = panel["gridPos"]
        cells = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])}  # fmt: skip
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert panel["fieldConfig"]["defaults"]["unit"]
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert variables == {"datasource", "job", "instance"}


def test_alerts_and_dashboard_use_only_documented_metrics() -> None:
    explained = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE))
    asked = re.findall(r"\b((?:latchkey|process)_\w+)\b", ALERTS.read_text() + "\n".join(queries().values()))
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked} <= explained


@pytest.mark.gen_test(timeout=150)
async def test_a_real_prometheus_has_data_for_every_panel(tmp_path: Path, unused_port: int) -> None:
    app = tmp_path / "app"
    app.mkdir()
    async with running(app, environment=with_listeners(app)) as it:
        assert await it.install() == 200
        config = scrape_config(tmp_path, it.server.metrics_url)
        arguments = [f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}", f"--web.listen-address=127.0.0.1:{unused_port}"]  # fmt: skip
        with program(tmp_path, "prometheus", *arguments, port=unused_port):
            api = f"http://127.0.0.1:{unused_port}/api/v1"
            await cause_failures(it)
            empty = await feed(it, api)
            assert not empty, empty
            rules = (await asked(it, f"{api}/rules"))["groups"][0]["rules"]
            assert {(rule["health"], rule.get("lastError", "")) for rule in rules} == {("ok", "")}
            assert len(rules) == 24
            targets = (await asked(it, f"{api}/targets"))["activeTargets"]
            assert [(target["health"], target["lastError"]) for target in targets] == [("up", "")]


def scrape_config(folder: Path, url: str) -> Path:
    """Return our configuration with this server as its target, and an interval of 0.2 s instead of 15."""
    text = CONFIG.read_text().replace("15s", "200ms").replace("127.0.0.1:9464", url.split("/")[2])
    (folder / "alerts.yml").write_text(ALERTS.read_text())
    path = folder / "prometheus.yml"
    path.write_text(text)
    return path


async def cause_failures(it: Running) -> None:
    """Cause failures and revocations, which normal traffic does not."""
    with closing(sqlite3.connect(it.store)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert await it.status("/readyz") == 503
        other.rollback()
    await it.slack.people.uninstall(it.slack.workspace())
    it.slack.turn_token_rotation_on()  # some panels are about tokens that expire
    assert await it.install() == 200


async def feed(it: Running, api: str) -> dict[str, str]:
    """Keep the server busy until each query has a result; returns those without one in the end."""
    deadline = time.monotonic() + FED_SECONDS
    left = queries()
    while left and time.monotonic() < deadline:
        await traffic(it)
        await asyncio.sleep(0.2)
        for name, expression in list(left.items()):
            if (await asked(it, f"{api}/query?{urlencode({'query': expression})}"))["result"]:
                del left[name]
    return left


async def asked(it: Running, url: str) -> Any:
    response = await it.browser.get(url)
    document = json.loads(response.body)
    assert document["status"] == "success", document
    return document["data"]
