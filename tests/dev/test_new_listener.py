"""`latchkey new`: its module runs in `latchkey dev`, its test passes, and nothing is overwritten."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.dev.workbench import LISTENERS, NATIVE, Recording, workbench
from tests.support.command_line import run
from tests.support.waiting import until

AGENT = NATIVE + '[slack]\nscopes = ["app_mentions:read", "assistant:write", "chat:write", "commands", "im:history"]\n'


async def added(it: Recording, name: str, kind: str) -> None:
    """Run `latchkey new` beside a running app, and wait until its module is served."""
    before = len(it.manifests)
    done = await asyncio.to_thread(run, it.folder, "new", name, "--kind", kind)
    assert (done.returncode, "needs more scopes" in done.stdout) == (0, False), done.stderr
    await until(lambda: len(it.manifests) > before and any("config.toml" in line for line in it.said))
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"test_{name}.py"]
    passed = await asyncio.to_thread(subprocess.run, tests, cwd=it.folder, capture_output=True, text=True, check=False)
    assert passed.returncode == 0, passed.stdout


@pytest.mark.gen_test
async def test_mention_is_answered(tmp_path: Path) -> None:
    async with workbench(tmp_path) as it:
        await added(it, "greetings", "mention")
        slack = it.bench.slack
        await slack.people.mention(slack.workspace(), "hi")
        await until(lambda: any(message.text == "Hello <@U0ALICE>!" for message in slack.world.messages))


@pytest.mark.gen_test
async def test_command_opens_a_form_that_checks_its_input(tmp_path: Path) -> None:
    async with workbench(tmp_path) as it:
        await added(it, "say_hello", "command")
        slack = it.bench.slack
        response = await slack.people.command(slack.workspace(), "/say-hello")
        assert (response.status, response.body) == (200, "")
        [opened] = slack.world.views.values()
        for name, errors in (("A", {"answer": "Type at least two letters."}), ("Ada", None)):
            response = await slack.people.submit(
                opened, {"answer": {"text": {"type": "plain_text_input", "value": name}}}
            )
            assert (response.document or {}).get("errors") == errors
        await until(lambda: any(message.text == "Hello Ada!" for message in slack.world.messages))
        assert not slack.world.views


@pytest.mark.gen_test
async def test_agent_suggests_prompts_and_streams_its_answer(tmp_path: Path) -> None:
    async with workbench(tmp_path, AGENT) as it:
        await added(it, "helper", "agent")
        slack = it.bench.slack
        root = await slack.people.start_thread(slack.workspace())
        await until(lambda: any(message.text == "How can I help?" for message in slack.world.messages))
        [response] = await slack.people.say(replace(slack.workspace(), channel_id=root.channel), "Why?", root.ts)
        assert response.status == 200
        await until(lambda: any(m.text == "You asked: Why?" and not m.is_streaming for m in slack.world.messages))


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text(NATIVE)
    (tmp_path / "ours.py").write_text(LISTENERS)
    return tmp_path


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('modules = ["ours"]\n', 'modules = ["ours", "fresh"]\n'),
        ('modules = ["ours", ] # ours\n', 'modules = ["ours", "fresh"] # ours\n'),
        ("modules = []\n", 'modules = ["fresh"]\n'),
    ],
)
def test_adds_the_module_to_the_list_and_changes_nothing_else(app: Path, before: str, after: str) -> None:
    config = app / "config.toml"
    rest = "# A comment.\n[log]\nlevel = 'info'\n\n[listeners]\n# [x]\n", "\n[manifest]\norg_deployment = false"
    config.write_text(rest[0] + before + rest[1])
    config.chmod(0o640)
    done = run(app, "new", "fresh")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"added fresh to [listeners] modules in {config.name}"
    assert config.read_text() == rest[0] + after + rest[1]
    assert config.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("text", ["", '[listeners]\nmodules = [\n  "listeners",\n]\n'])
def test_says_the_line_to_add_if_the_list_is_missing_or_on_several_lines(app: Path, text: str) -> None:
    (app / "config.toml").write_text(text)
    done = run(app, "new", "fresh")
    assert done.returncode == 0
    assert done.stdout.endswith('add this to config.toml:\n  [listeners]\n  modules = ["listeners", "fresh"]\n')
    assert (app / "config.toml").read_text() == text


def test_names_the_scopes_that_are_missing(app: Path) -> None:
    done = run(app, "new", "helper", "--kind", "agent")
    scopes = '["app_mentions:read", "chat:write", "commands", "assistant:write", "im:history"]'
    assert done.stdout.endswith(f"it needs more scopes; set this in config.toml:\n  [slack]\n  scopes = {scopes}\n")


@pytest.mark.parametrize("existing", ["fresh.py", "test_fresh.py", "fresh/__init__.py"])
def test_never_overwrites_or_hides_a_module(app: Path, existing: str) -> None:
    (app / existing).parent.mkdir(exist_ok=True)
    (app / existing).write_text("# mine\n")
    before = sorted(app.rglob("*"))
    done = run(app, "new", "fresh")
    assert done.returncode == 1
    assert "already" in done.stderr
    assert sorted(app.rglob("*")) == before
    assert (app / "config.toml").read_text() == NATIVE


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("say-hello", "'say-hello' is not the name of a Python module; did you mean say_hello?"),
        ("2nd", "'2nd' is not the name of a Python module"),
        ("class", "'class' is not the name of a Python module"),
        ("Größe", "'Größe' is not the name of a Python module; did you mean gr_e?"),
        ("../x", "'../x' is not the name of a Python module; did you mean x?"),
        ("Hello", "'Hello' is not a good name"),
        ("a" * 25, f"'{'a' * 25}' is not a good name"),
        ("json", "there is already a module json"),
        ("ours", "ours.py already exists; nothing was written"),
        ("latchkey", "there is already a module latchkey"),
    ],
)
def test_refuses_names_that_do_not_work(app: Path, name: str, error: str) -> None:
    done = run(app, "new", name)
    assert done.returncode == 1
    assert error in done.stderr.splitlines()[0]
    assert sorted(path.name for path in app.iterdir()) == ["config.toml", "ours.py"]


def test_needs_a_configuration(tmp_path: Path) -> None:
    done = run(tmp_path, "new", "fresh")
    assert (done.returncode, list(tmp_path.iterdir())) == (1, [])
    assert "latchkey config init" in done.stderr
