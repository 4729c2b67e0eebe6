"""SIGHUP applies new secrets and the log level to the running server, or changes nothing."""

import asyncio
import contextlib
import dataclasses
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.running import Running, running
from tests.support.waiting import WAIT_SECONDS, until

OLD, NEW = "sentinel-old-signing-secret", "sentinel-new-signing-secret"


@contextlib.asynccontextmanager
async def with_secret_files(folder: Path, **more: str) -> AsyncIterator[Running]:
    """A server that reads its secrets from files; `signing` contains the signing secrets."""
    (folder / "signing").write_text(OLD)
    (folder / "client").write_text("sentinel-old-client-secret")
    environment = {
        **more,
        "SLACK_SIGNING_SECRET_FILE": str(folder / "signing"), "SLACK_CLIENT_SECRET_FILE": str(folder / "client"),
    }  # fmt: skip
    async with running(folder, environment=environment) as it:
        slack_has(it, "sentinel-old-client-secret")
        yield it


def slack_has(it: Running, client_secret: str) -> None:
    it.slack.world.app = dataclasses.replace(it.slack.world.app, client_secret=client_secret)


async def reload(it: Running, expected: str = "reloaded") -> str:
    """Send SIGHUP, and return what the server logs about it once that contains `expected`."""
    before = len(it.server.log.read_text())
    os.kill(it.server.pid, signal.SIGHUP)
    await until(lambda: expected in it.server.log.read_text()[before:])
    return it.server.log.read_text()[before:]


async def mention(it: Running, secret: str) -> int:
    return (await it.slack.sender.mention(it.slack.workspace(), "hello", secret=secret)).status


@pytest.mark.gen_test(timeout=30)
async def test_signing_secret_can_be_added_and_the_old_one_removed(tmp_path: Path) -> None:
    async with with_secret_files(tmp_path) as it:
        assert (await mention(it, OLD), await mention(it, NEW)) == (200, 403)
        (tmp_path / "signing").write_text(f"{NEW}\n{OLD}\n")
        assert "2 signing secrets" in await reload(it)
        assert (await mention(it, OLD), await mention(it, NEW)) == (200, 200)
        (tmp_path / "signing").write_text(f"{NEW}\n")
        await reload(it)
        assert (await mention(it, OLD), await mention(it, NEW)) == (403, 200)


@pytest.mark.gen_test(timeout=30)
async def test_new_client_secret_is_used_for_the_next_install(tmp_path: Path) -> None:
    async with with_secret_files(tmp_path) as it:
        assert await it.install() == 200
        slack_has(it, "sentinel-new-client-secret")
        assert await it.install() == 401
        (tmp_path / "client").write_text("sentinel-new-client-secret")
        await reload(it)
        assert await it.install() == 200


@pytest.mark.gen_test(timeout=30)
async def test_log_level_can_be_raised_and_lowered(tmp_path: Path) -> None:
    async with with_secret_files(tmp_path) as it:
        config = tmp_path / "config.toml"
        for level, seen in (("info", True), ("warning", False), ("info", True)):
            config.write_text(config.read_text().replace('"info"', f'"{level}"').replace('"warning"', f'"{level}"'))
            os.kill(it.server.pid, signal.SIGHUP)
            async with asyncio.timeout(WAIT_SECONDS):
                while await logs_a_request(it) != seen:
                    pass


@pytest.mark.gen_test(timeout=30)
async def test_ends_of_events_are_logged_only_while_that_is_wanted(tmp_path: Path) -> None:
    async with with_secret_files(tmp_path) as it:
        it.slack.world.app = dataclasses.replace(it.slack.world.app, signing_secret=OLD)
        await it.install()
        config = tmp_path / "config.toml"
        for wanted in ("false", "true"):
            config.write_text(re.sub("events = .*", f"events = {wanted}", config.read_text()))
            await reload(it)
            before = len(it.server.log.read_text())
            for number in (1, 2):  # the end of the first is logged before the second is answered
                answered = len(it.slack.world.messages) + 2
                await it.slack.people.mention(it.slack.workspace(), f"{number}")
                await until(lambda answered=answered: len(it.slack.world.messages) == answered)  # type: ignore[misc]
            end = re.compile(
                r" INFO latchkey\.events the listeners have ended event_id=Ev\w+ attempt=1 ms=[\d.]+ outcome=done "
            )
            assert bool(end.search(it.server.log.read_text()[before:])) is (wanted == "true")


async def logs_a_request(it: Running) -> bool:
    before = len(it.server.log.read_text())
    assert await it.status("/healthz") == 200
    assert await it.status("/readyz") == 200  # by now the first request has been logged
    return "GET /healthz 200" in it.server.log.read_text()[before:]


@pytest.mark.parametrize("fault", ["the secret's file is gone", "the configuration is wrong"])
@pytest.mark.gen_test(timeout=30)
async def test_invalid_configuration_changes_nothing_and_is_logged(tmp_path: Path, fault: str) -> None:
    async with with_secret_files(tmp_path) as it:
        (tmp_path / "signing").write_text(NEW)
        if "file" in fault:
            (tmp_path / "client").unlink()
        else:
            config = tmp_path / "config.toml"
            config.write_text(config.read_text() + "lovel = 1\n")
        logged = await reload(it)
        assert "ERROR latchkey not reloaded: " in logged
        assert ("No such file" if "file" in fault else "did you mean level?") in logged
        assert (await mention(it, OLD), await mention(it, NEW)) == (200, 403)


@pytest.mark.gen_test(timeout=30)
async def test_warns_about_settings_that_need_a_restart(tmp_path: Path) -> None:
    async with with_secret_files(tmp_path) as it:
        config = tmp_path / "config.toml"
        config.write_text(config.read_text() + "[events]\nmax_attempts = 2\n")
        await reload(it, "WARNING latchkey setting events.max_attempts changed; restart to apply it")
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets" / "storage_url").write_text("postgresql://someone:sentinel@db/latchkey")
        logged = await reload(it, "WARNING latchkey setting storage.url changed; restart to apply it")
        assert "sentinel" not in logged


@pytest.mark.gen_test(timeout=30)
async def test_old_and_new_secrets_are_scrubbed_from_the_log(tmp_path: Path) -> None:
    (tmp_path / "talking_app.py").write_text(
        "def register(app):\n    @app.event('app_mention')\n"
        f"    def talk(logger):\n        logger.warning('it is {OLD} or {NEW}')\n"
    )
    async with with_secret_files(tmp_path, LATCHKEY_LISTENERS_MODULES="talking_app") as it:
        (tmp_path / "signing").write_text(NEW)
        await reload(it)
        assert await it.install() == 200
        assert await mention(it, NEW) == 200
        await until(lambda: "it is [hidden] or [hidden]" in it.server.log.read_text())
        assert "sentinel" not in it.server.log.read_text()
