"""What a save does to the app that `latchkey dev` runs."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from latchkey.simulator import Browser
from tests.dev.workbench import LISTENERS, MOUNTED, NATIVE, workbench
from tests.support.waiting import until

SECOND = LISTENERS.replace('"first"', '"second"')


@pytest.mark.gen_test
@pytest.mark.parametrize("config", [NATIVE, MOUNTED], ids=["native", "mounted"])
async def test_save_replaces_the_app_and_a_broken_one_does_not(tmp_path: Path, config: str) -> None:
    async with workbench(tmp_path, config) as it:
        assert await it.version() == "first"
        [line] = await it.saved(SECOND)
        assert line.endswith("/app/ours.py")
        assert await it.version() == "second"

        error = await it.refused(SECOND + "def broken(:\n")
        assert error.startswith("not reloaded, the last version that worked still runs:\nlistener module ours: ")
        assert 'ours.py", line 13\n    def broken(:\n' in error
        assert await it.version() == "second"

        error = await it.refused(SECOND + "1 / 0\n")
        assert 'ours.py", line 13, in <module>' in error
        assert "importlib" not in error
        assert "exit" in await it.refused(SECOND + "raise SystemExit('exit')\n")
        assert await it.version() == "second"

        await it.saved(LISTENERS)
        assert await it.version() == "first"
        assert it.installs == 1


@pytest.mark.gen_test
async def test_saves_within_a_second_of_the_same_size_are_loaded(tmp_path: Path) -> None:
    """Python uses a file of bytecode whose source has the same size and the same second."""
    async with workbench(tmp_path) as it:
        for answer in ("one..", "two..", "three", "four."):
            await it.saved(LISTENERS.replace("first", answer))
            assert await it.version() == answer


@pytest.mark.gen_test
async def test_import_that_never_ends_is_ended_by_the_next_save(tmp_path: Path) -> None:
    async with workbench(tmp_path) as it:
        count = len(it.pids)
        it.save("while True:\n    pass\n")
        await until(lambda: len(it.pids) > count)
        assert await it.version() == "first"
        await it.saved(SECOND)
        assert await it.version() == "second"
        await until(lambda: is_ended(it.pids[count]))


@pytest.mark.gen_test
async def test_module_can_be_renamed_with_the_configuration(tmp_path: Path) -> None:
    async with workbench(tmp_path) as it:
        package = it.folder / "greetings"
        package.mkdir()
        (it.folder / "ours.py").rename(package / "__init__.py")
        (package / "words.py").write_text("WORD = 'from the package'\n")
        it.save(LISTENERS.replace('"first"', "WORD") + "from greetings.words import WORD\n", "greetings/__init__.py")
        await it.saved('[listeners]\nmodules = ["greetings"]\n', "config.toml")
        assert await it.version() == "from the package"
        await it.saved("WORD = 'from another one'\n", "greetings/words.py")
        assert await it.version() == "from another one"


@pytest.mark.gen_test
async def test_mistake_in_the_configuration_is_shown(tmp_path: Path) -> None:
    async with workbench(tmp_path) as it:
        error = await it.refused('[listners]\nmodules = ["ours"]\n', "config.toml")
        assert "config.toml" in error
        assert "did you mean listeners" in error
        assert await it.version() == "first"


@pytest.mark.gen_test
async def test_app_that_is_broken_at_the_start_is_answered_with_503_until_it_is_corrected(tmp_path: Path) -> None:
    browser = Browser()
    async with workbench(tmp_path, listeners="import nowhere\n") as it:
        assert it.failed[0].startswith("not loaded:\nlistener module ours: it needs nowhere, which is not installed\n")
        page = await browser.get(f"{it.bench.url}/slack/install")
        assert (page.code, b"The app cannot be loaded." in page.body) == (503, True)
        await it.saved(LISTENERS)
        await until(lambda: it.installs == 1)
        assert await it.version() == "first"
    browser.close()


@pytest.mark.gen_test
async def test_server_that_ends_by_itself_is_reported_and_started_by_the_next_save(tmp_path: Path) -> None:
    async with workbench(tmp_path) as it:
        os.kill(it.pids[-1], signal.SIGKILL)
        await until(lambda: it.failed)
        assert it.failed == ["the server has ended by itself; save a file to start it again"]
        response = await it.bench.slack.people.mention(it.bench.slack.workspace(), "hello")
        assert response.status == 503
        await it.saved(SECOND)
        assert await it.version() == "second"


@pytest.mark.gen_test
async def test_new_commands_and_scopes_are_shown_and_the_app_is_installed_again_for_scopes(tmp_path: Path) -> None:
    async with workbench(tmp_path) as it:
        more = LISTENERS.replace("def register(app):\n", 'def register(app):\n    app.command("/more")(answer)\n')
        _, changed = await it.saved(more)
        assert changed == "the manifest has changed; Slack must get it too:\n  + command /more"
        assert it.installs == 1
        before = len(it.said)
        await it.saved(NATIVE + '[slack]\nscopes = ["app_mentions:read", "commands", "users:read"]\n', "config.toml")
        await until(lambda: it.installs == 2)
        assert it.said[before + 1].endswith("  + scope users:read\n  - scope chat:write")
        await it.saved(LISTENERS)
        assert "- command /more" in it.said[-1]


@pytest.mark.gen_test
async def test_running_listener_is_finished_before_its_version_ends(tmp_path: Path) -> None:
    slow = LISTENERS.replace(
        'await ack("first")', 'await ack()\n    import asyncio; await asyncio.sleep(0.5); Path("done").touch()'
    )
    async with workbench(tmp_path, listeners=slow) as it:
        await it.version()
        await it.saved(SECOND)
        assert (it.folder / "done").exists()


def is_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def saves_under_load(tmp_path: Path, config: str, count: int, rate: float) -> list[float]:
    """Save `count` times while events arrive; return the seconds from each save to the reload.

    Asserts that each event was acknowledged and that its listener ran.
    """
    sent: list[asyncio.Task[object]] = []
    async with workbench(tmp_path, config) as it:

        async def load() -> None:
            while True:
                event = it.bench.slack.sender.mention(it.bench.slack.workspace(), f"{len(sent)}")
                sent.append(asyncio.create_task(event))
                await asyncio.sleep(1 / rate)

        loading = asyncio.create_task(load())
        seconds = []
        loop = asyncio.get_running_loop()
        for number in range(count):
            started = loop.time()
            await it.saved(f"{LISTENERS}# {number}\n")
            seconds.append(loop.time() - started)
        loading.cancel()
        responses = await asyncio.gather(*sent)
        assert {response.status for response in responses} == {200}
        ran = it.folder / "events"
        await until(lambda: len(set(ran.read_text().split())) == len(sent))
        assert not it.failed
    return sorted(seconds)


@pytest.mark.gen_test
@pytest.mark.parametrize("config", [NATIVE, MOUNTED], ids=["native", "mounted"])
async def test_reloads_under_load_lose_no_event(tmp_path: Path, config: str) -> None:
    await saves_under_load(tmp_path, config, 4, 50)


@pytest.mark.long
@pytest.mark.gen_test(timeout=600)
@pytest.mark.parametrize("config", [NATIVE, MOUNTED], ids=["native", "mounted"])
async def test_200_reloads_under_load_lose_no_event_and_take_less_than_a_second(tmp_path: Path, config: str) -> None:
    seconds = await saves_under_load(tmp_path, config, 200, 50)
    print(f"save to reload, p50 {seconds[100]:.2f} s, p95 {seconds[190]:.2f} s, longest {seconds[-1]:.2f} s")
    assert seconds[190] < 1.0
