"""`latchkey listeners`: what is registered, and where."""

import json
from pathlib import Path

import pytest

from tests.support.command_line import on_a_terminal, run, run_json

MODULE = """\
import functools
import re


def traced(function):
    @functools.wraps(function)
    async def wrapped(**arguments):
        return await function(**arguments)
    return wrapped


class Poll:
    async def __call__(self, ack):
        await ack()


def register(app):
    print("loading")
    app.event("app_mention")(greet)
    app.message(re.compile(r"ticket (\\d+)"))(ticket)
    app.message()(ticket)
    app.command("/poll")(Poll())
    app.block_action({"block_id": "poll", "action_id": re.compile("^vote")})(functools.partial(vote, 1))
    app.view_closed("settings")(greet)
    app.error(failed)


async def greet(say):
    await say("hello")


@traced
async def ticket(say):
    await say("a ticket")


async def vote(points, ack):
    await ack()


async def failed(error):
    pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "empty.py").write_text("def register(app):\n    pass\n")
    (tmp_path / "config.toml").write_text('[listeners]\nmodules = ["mine", "empty"]\n')
    return tmp_path


def line_of(text: str) -> int:
    return 1 + next(number for number, line in enumerate(MODULE.splitlines()) if text in line)


def test_lists_what_is_registered_and_where(folder: Path) -> None:
    done = run(folder, "listeners")
    assert done.returncode == 0
    ticket = f"mine.ticket\tmine\tmine.py:{line_of('@traced')}"
    assert done.stdout.splitlines() == [
        "kind\tmatches\tfunction\tmodule\twhere",
        f"event\tapp_mention\tmine.greet\tmine\tmine.py:{line_of('def greet')}",
        f"message\t/ticket (\\d+)/\t{ticket}",
        f"message\tany text\t{ticket}",
        f"command\t/poll\tmine.Poll\tmine\tmine.py:{line_of('def __call__')}",
        f"action\ttype=block_actions block_id=poll action_id=/^vote/\tmine.vote\tmine\tmine.py:{line_of('def vote')}",
        f"view\ttype=view_closed callback_id=settings\tmine.greet\tmine\tmine.py:{line_of('def greet')}",
        f"error\tany error\tmine.failed\tmine\tmine.py:{line_of('def failed')}",
    ]


def test_what_modules_print_is_not_part_of_the_result(folder: Path) -> None:
    done = run(folder, "listeners", "--json")
    assert done.stderr == "loading\n"
    assert json.loads(done.stdout)


def test_names_modules_that_register_nothing(folder: Path) -> None:
    assert run(folder, "listeners").stderr.splitlines()[-2:] == [
        "7 listeners in 2 modules",
        "note: the module empty registers nothing",
    ]


def test_json_has_names_patterns_and_absolute_paths(folder: Path) -> None:
    listeners = json.loads(run(folder, "listeners", "--json").stdout)["listeners"]
    assert listeners[1] == {
        "module": "mine",
        "kind": "message",
        "matches": {"pattern": "ticket (\\d+)"},
        "function": "mine.ticket",
        "id": "mine.ticket",
        "file": str(folder / "mine.py"),
        "line": line_of("@traced"),
    }
    assert listeners[4]["matches"] == {
        "type": "block_actions", "block_id": "poll", "action_id": {"pattern": "^vote"},
    }  # fmt: skip


def test_lists_the_shipped_app_on_a_narrow_terminal(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[listeners]\nmodules = ["latchkey.example"]\n')
    [mention, *_] = run_json_quietly(tmp_path)
    _, shown = on_a_terminal(tmp_path, "listeners", columns=60)
    assert f"{mention['file']}:{mention['line']}\n" in shown


def run_json_quietly(folder: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = run_json(folder, "listeners")["listeners"]
    return found


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("import nope", "it needs nope, which is not installed"),
        ("x = 1", "it has no function register(app)"),
        ("def register(app):\n    app.command(1)", "its register(app) raised ValueError"),
    ],
)
def test_module_that_cannot_be_loaded_exits_with_1_as_serve_does(folder: Path, module: str, reason: str) -> None:
    (folder / "mine.py").write_text(module)
    done = run(folder, "listeners")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"latchkey: listener module mine: {reason}" in done.stderr


def test_invalid_configuration_exits_with_78(folder: Path) -> None:
    (folder / "config.toml").write_text("[listeners]\nmodules = 1\n")
    done = run(folder, "listeners")
    assert (done.returncode, done.stdout) == (78, "")
