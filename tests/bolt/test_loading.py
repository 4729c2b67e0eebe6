"""Loading the app that [bolt] names: every way of writing one, and what is refused."""

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from latchkey.bolt import BoltApp, load_bolt_app
from latchkey.bolt.own_tokens import OwnTokens
from latchkey.errors import ListenerLoadError

NUMBERS = itertools.count()


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Write a module, and return its name."""
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("SLACK_BOT_TOKEN", "SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    written: list[str] = []

    def write_module(text: str) -> str:
        name = f"bolt_module_{next(NUMBERS)}"
        (tmp_path / f"{name}.py").write_text(text)
        written.append(name)
        return name

    yield write_module
    for name in written:
        sys.modules.pop(name, None)


SYNC = "from slack_bolt import App\n"
ASYNC = "from slack_bolt.async_app import AsyncApp\n"


@pytest.mark.parametrize(
    ("text", "path", "is_async"),
    [
        (SYNC + "app = App(token='xoxb-1', signing_secret='s')", "app", False),
        (ASYNC + "app = AsyncApp(token='xoxb-1', signing_secret='s')", "app", True),
        (SYNC + "def make():\n    return App(token='xoxb-1')", "make", False),
        (ASYNC + "async def make():\n    return AsyncApp(token='xoxb-1')", "make", True),
        (SYNC + "class web:\n    app = App(token='xoxb-1')", "web.app", False),
    ],
    ids=["App", "AsyncApp", "a factory", "an async factory", "an attribute"],
)
def test_an_app_is_found(write: Callable[[str], str], text: str, path: str, is_async: bool) -> None:
    assert load_bolt_app(f"{write(text)}:{path}", []).is_async is is_async


def test_a_token_is_not_verified_at_slack_when_the_app_is_loaded(write: Callable[[str], str]) -> None:
    # With verification, Bolt would call auth.test at an address where nothing listens.
    name = write(
        SYNC + "from slack_sdk import WebClient\n"
        "app = App(client=WebClient('xoxb-1', base_url='http://127.0.0.1:9/'), signing_secret='s')"
    )
    assert load_bolt_app(f"{name}:app", []).app.name == f"{name}.py"


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("app = 1", "app", "app is neither an App nor an AsyncApp"),
        ("", "app", "it has no app"),
        ("import nothing_such", "app", "it needs nothing_such"),
        ("1/0", "app", "its import raised ZeroDivisionError"),
        ("import sys\nsys.exit(3)", "app", "its import raised SystemExit: 3"),
        ("import sys\ndef make():\n    sys.exit(3)", "make", r"make\(\) raised SystemExit: 3"),
        ("def make():\n    1/0", "make", r"make\(\) raised ZeroDivisionError.*line 2"),
        (SYNC + "app = App(token='xoxb-1')\napp.start(3000)", "app", "App.start"),
        (
            SYNC + "from slack_bolt.adapter.socket_mode import SocketModeHandler\napp = App(token='xoxb-1')\n"
            "SocketModeHandler(app, 'xapp-1').start()",
            "app",
            "Socket Mode",
        ),
    ],
    ids=["another object", "no such name", "a missing package", "an import that fails", "an import that exits",
         "a factory that exits", "a factory that fails",
         "a server", "Socket Mode"],
)  # fmt: skip
def test_what_cannot_be_mounted_is_refused_with_the_reason(
    write: Callable[[str], str], text: str, path: str, message: str
) -> None:
    with pytest.raises(ListenerLoadError, match=message) as refused:
        load_bolt_app(f"{write(text)}:{path}", [])
    assert "xapp-1" not in str(refused.value)


def test_a_refused_server_says_where_to_put_the_call(write: Callable[[str], str]) -> None:
    with pytest.raises(ListenerLoadError) as refused:
        load_bolt_app(f"{write(SYNC + 'app = App(token=str(1))' + chr(10) + 'app.start()')}:app", [])
    assert "__main__" in (refused.value.hint or "")


def test_app_can_start_again_after_loading(write: Callable[[str], str]) -> None:
    from slack_bolt import App

    before = (App.start, App.__init__)
    load_bolt_app(f"{write(SYNC + 'app = App(token=str(1))')}:app", [])
    assert (App.start, App.__init__) == before


REGISTERS = {
    "async functions": ("async def hi(ack): ...\ndef register(app):\n    app.command('/hi')(hi)", True),
    "other functions": ("def hi(ack): ...\ndef register_listeners(app):\n    app.command('/hi')(hi)", False),
    "async registration": ("async def hi(ack): ...\nasync def register(app):\n    app.command('/hi')(hi)", True),
    "an Assistant": (
        """from slack_bolt import Assistant
assistant = Assistant()
@assistant.thread_started
def hi(say): ...
def register(app):
    app.assistant(assistant)
""",
        False,
    ),
    "sync middleware": ("def log(next): next()\ndef register(app):\n    app.use(log)\n", False),
}


@pytest.mark.parametrize(("text", "is_async"), REGISTERS.values(), ids=REGISTERS.keys())
def test_modules_get_the_kind_of_app_that_their_functions_need(
    write: Callable[[str], str], text: str, is_async: bool
) -> None:
    app = load_bolt_app("", [write(text)])
    assert app.is_async is is_async
    assert not app.brings_tokens


def test_modules_can_register_with_an_app_of_the_authors(write: Callable[[str], str]) -> None:
    app = write(SYNC + "app = App(token='xoxb-1')")
    listeners = write("def hi(ack): ...\ndef register(app):\n    app.command('/hi')(hi)")
    assert names(load_bolt_app(f"{app}:app", [listeners])) == [f"{listeners}.hi"]


def test_a_mix_of_async_and_other_functions_is_refused(write: Callable[[str], str]) -> None:
    name = write("async def a(ack): ...\ndef b(ack): ...\ndef register(app):\n"
                 "    app.command('/a')(a)\n    app.command('/b')(b)")  # fmt: skip
    with pytest.raises(ListenerLoadError, match=r"\.a is async, and others"):
        load_bolt_app("", [name])


def names(app: BoltApp) -> list[str]:
    return [listener.name for listener in app.listeners]


ENVIRONMENT = {"SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": "secret", "SLACK_SIGNING_SECRET": "signing"}


@pytest.mark.parametrize("flavour", [SYNC + "Made = App\n", ASYNC + "Made = AsyncApp\n"], ids=["App", "AsyncApp"])
def test_an_app_for_one_token_keeps_it_although_the_client_id_is_set(
    write: Callable[[str], str], flavour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    app = load_bolt_app(f"{write(flavour + 'app = Made(token=str(1))')}:app", [])
    assert app.own_tokens is OwnTokens.TOKEN
    assert os.environ["SLACK_CLIENT_ID"] == "1.2"


def test_an_app_without_a_token_is_one_for_many_workspaces(
    write: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    assert not load_bolt_app(f"{write(SYNC + 'app = App()')}:app", []).brings_tokens


def test_an_app_reads_this_servers_credentials_as_environment_variables_only_while_it_is_loaded(
    write: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_CLIENT_ID", "of the environment")
    monkeypatch.delenv("SLACK_SIGNING_SECRET", raising=False)
    name = write(SYNC + "import os\nread = {name: os.environ[name] for name in ('SLACK_CLIENT_ID', 'SLACK_CLIENT_SECRET',"
                 "'SLACK_SIGNING_SECRET')}\napp = App(token='xoxb-1')")  # fmt: skip
    load_bolt_app(f"{name}:app", [], ENVIRONMENT)
    assert sys.modules[name].read == {**ENVIRONMENT, "SLACK_CLIENT_ID": "of the environment"}
    assert "SLACK_SIGNING_SECRET" not in os.environ


def test_a_missing_bot_token_is_refused_with_what_to_write_instead(write: Callable[[str], str]) -> None:
    with pytest.raises(ListenerLoadError, match="KeyError: 'SLACK_BOT_TOKEN'") as refused:
        load_bolt_app(write("import os\ntoken = os.environ['SLACK_BOT_TOKEN']") + ":app", [])
    assert "os.environ.get" in (refused.value.hint or "")
