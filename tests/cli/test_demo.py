"""`latchkey demo`, run as a process: its steps, its ports, and that nothing outlives it."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from latchkey.simulator import Browser
from latchkey.simulator.demo import ssh_instructions
from tests.support.programs import process_with
from tests.support.running import install_by_page, write_on_page
from tests.support.waiting import until_blocking

ROOT = Path(__file__).resolve().parent.parent.parent
TIMEOUT = 30.0
"""Seconds after which a test fails."""


def demo(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "latchkey", "demo", *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_step_passes() -> None:
    done = demo("--check", PYTHONIOENCODING="utf-8")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    steps = len(lines) - 1
    assert steps > 15
    assert all(line.startswith("✔ ") for line in lines[:-1])
    assert lines[-1] == f"{steps} of {steps} steps passed"


def test_marks_are_words_if_the_terminal_has_no_utf8() -> None:
    done = demo("--check", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stdout.startswith("ok the server answers url_verification")


@pytest.mark.parametrize("arguments", [("--nonsense",), ("extra",), ("--port", "99999"), ("--check", "--config", "x")])
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...]) -> None:
    assert demo(*arguments).returncode == 2


class Demo:
    """A running `latchkey demo`, in a session of its own, with its own folder for temporary files."""

    COMMAND = "demo"

    def __init__(self, folder: Path, *arguments: str, **environ: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "latchkey", self.COMMAND, *arguments],
            env={"PATH": os.environ["PATH"], "TMPDIR": str(folder), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def wait_until_it_runs(self) -> str:
        """Return what it has printed."""
        return self.read_until("Press Ctrl-C")

    def read_until(self, text: str) -> str:
        """Return what it prints, up to the first line that contains `text`."""
        assert self.process.stdout is not None
        printed = ""
        for line in self.process.stdout:
            printed += line
            if text in line:
                return printed
        raise AssertionError(printed)

    def server(self) -> int | None:
        """Return the process id of the server, which works in the temporary folder."""
        return process_with(str(self.folder), "\0serve\0")

    def is_gone(self) -> bool:
        return self.server() is None and not list(self.folder.iterdir())


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    started: list[Demo] = []

    def start(*arguments: str, **environ: str) -> Demo:
        started.append(Demo(tmp_path, *arguments, **environ))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.communicate()


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_is_left_behind_whatever_ends_it(start: Callable[..., Demo], number: signal.Signals) -> None:
    """SIGHUP: the terminal was closed, as at the end of an SSH connection."""
    running = start()
    running.wait_until_it_runs()
    assert running.server() is not None
    to = os.kill if number is signal.SIGKILL else os.killpg
    to(running.process.pid, number)
    assert running.process.wait(TIMEOUT) == (-signal.SIGKILL if number is signal.SIGKILL else 0)
    until_blocking(running.is_gone)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_early_end_leaves_nothing_behind_and_prints_no_traceback(
    start: Callable[..., Demo], number: signal.Signals
) -> None:
    starting = start()
    until_blocking(starting.server)  # it has been started, and does not listen yet
    os.killpg(starting.process.pid, number)
    printed, _ = starting.process.communicate(timeout=TIMEOUT)
    assert starting.process.returncode == (-signal.SIGKILL if number is signal.SIGKILL else 0)
    assert printed == ""
    until_blocking(starting.is_gone)


def test_server_that_dies_ends_the_demo_with_the_end_of_its_log(start: Callable[..., Demo]) -> None:
    running = start()
    running.wait_until_it_runs()
    server = running.server()
    assert server is not None
    os.kill(server, signal.SIGKILL)
    printed, _ = running.process.communicate(timeout=TIMEOUT)
    assert running.process.returncode == 1
    assert "latchkey: the server exited unexpectedly; the end of its log:" in printed
    assert running.is_gone()


def test_port_that_was_asked_for_is_used_or_refused(start: Callable[..., Demo], taken_port: int) -> None:
    done = demo("--port", str(taken_port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"latchkey: cannot listen on 127.0.0.1:{taken_port}: Address already in use\nhint: ")


def test_two_demos_run_beside_each_other(start: Callable[..., Demo]) -> None:
    first, second = start().wait_until_it_runs(), start().wait_until_it_runs()
    assert first.splitlines()[0] != second.splitlines()[0]
    assert first.splitlines()[1] != second.splitlines()[1]


@pytest.fixture
def own_app(tmp_path: Path) -> Iterator[Path]:
    """The configuration of an app with a store and secrets of its own, none of which may be used."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "config.toml").write_text(
        '[server]\nlisten = "0.0.0.0:80"\npublic_url = "https://app.example"\n'
        '[slack]\nclient_id = "1.2"\nscopes = ["chat:write"]\noptional_scopes = ["commands"]\ntoken_rotation = true\n'
        '[install]\nworkspaces = ["T0OTHER"]\nsuccess_url = "https://app.example/thanks"\n'
        '[storage]\npath = "own.sqlite"\nkeyring = "own-keyring"\nurl = "postgresql://sentinel.invalid/x"\n[backup]\npath = "own-backups"\n'
        '[listeners]\nmodules = ["ours"]\n'
    )
    (folder / "ours.py").write_text(
        "import os\nfrom pathlib import Path\n"
        "def register(app):\n    app.command('/where')(where)\n    app.command('/fail')(fail)\n"
        "def where(ack):\n"
        "    secrets = [name for name, value in os.environ.items() if 'sentinel' in value]\n"
        "    print(f'in {Path.cwd().name} with {secrets}')\n"
        "    ack()\n"
        "def fail(ack):\n    raise ValueError('on purpose')\n"
    )
    yield folder / "config.toml"
    assert sorted(path.name for path in folder.iterdir() if path.name != "__pycache__") == ["config.toml", "ours.py"]


SECRETS = {
    "SLACK_CLIENT_SECRET": "sentinel",
    "SLACK_SIGNING_SECRET_FILE": "/sentinel",
    "CREDENTIALS_DIRECTORY": "/sentinel",
    "LATCHKEY_STORAGE_URL_FILE": "/sentinel",
}


@pytest.mark.gen_test
async def test_runs_the_app_of_a_configuration_without_its_store_and_secrets(
    start: Callable[..., Demo], own_app: Path
) -> None:
    running = start(
        "--config",
        str(own_app),
        "--port",
        "0",
        **SECRETS,
        LATCHKEY_STORAGE_PATH=str(own_app.parent / "sentinel.sqlite"),
    )
    server, slack = re.findall(r"http://localhost:\d+", await asyncio.to_thread(running.wait_until_it_runs))
    browser = Browser()
    assert await install_by_page(browser, server) == 200
    await write_on_page(browser, slack, "/where")
    await write_on_page(browser, slack, "/fail")
    browser.close()
    log = await asyncio.to_thread(running.read_until, "ValueError: on purpose")
    assert "in own with []" in log
    assert "Traceback (most recent call last)" in log
    assert 'ours.py", line 11, in fail' in log


def test_mistake_in_the_configuration_ends_the_demo_with_its_cause(start: Callable[..., Demo], own_app: Path) -> None:
    (own_app.parent / "ours.py").write_text("def register(app) pass")
    printed, _ = start("--config", str(own_app)).process.communicate(timeout=TIMEOUT)
    assert "listener module ours: its import raised SyntaxError" in printed
    (own_app.parent / "ours.py").touch()


def test_prints_quotes_as_ascii_if_the_locale_has_no_more(start: Callable[..., Demo]) -> None:
    printed = start(LC_ALL="POSIX", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0").wait_until_it_runs()
    assert 'click "Add to Slack", then "Allow"' in printed


@pytest.mark.parametrize(
    ("connection", "host"),
    [
        ("198.51.100.7 50000 93.184.216.34 22", "93.184.216.34"),
        ("198.51.100.7 50000 10.0.0.5 22", "HOST"),  # the address behind a router is not the one to connect to
        ("nonsense 1 nonsense 2", "HOST"),
    ],
)
def test_says_how_to_reach_it_through_ssh(connection: str, host: str) -> None:
    shown = ssh_instructions({"SSH_CONNECTION": connection}, 8080, 8091)
    assert "  ssh -L 8080:localhost:8080 -L 8091:localhost:8091 " in shown
    assert shown.endswith(f"@{host}\n")


def test_says_nothing_of_ssh_to_people_at_the_machine() -> None:
    assert ssh_instructions({}, 8080, 8090) == ""
