"""Loading listener modules: the search order, Bolt's templates unchanged, and the reason for each refusal."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from latchkey.dispatch import load_listeners
from latchkey.errors import ListenerLoadError
from tests.dispatch.doubles import Bench, action, command, event, interaction, submission

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _restored_imports(tmp_path: Path) -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_module_beside_the_configuration_comes_before_the_checkouts(tmp_path: Path) -> None:
    write(tmp_path / "mine", "their_app.py", "def register(app): app.command('/mine')(lambda ack: ack())")
    write(tmp_path / "project", "their_app.py", "def register(app): app.command('/other')(lambda ack: ack())")
    app = load_listeners(["their_app"], tmp_path / "mine", tmp_path / "project")
    assert app.matching(command("/mine"))
    assert not app.matching(command("/other"))


def test_pythons_path_comes_before_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "library", "their_app.py", "def register(app): app.command('/library')(lambda ack: ack())")
    write(tmp_path / "checkout", "their_app.py", "def register(app): app.command('/other')(lambda ack: ack())")
    monkeypatch.syspath_prepend(str(tmp_path / "library"))
    sys.path.insert(0, str(tmp_path / "checkout"))
    app = load_listeners(["their_app"], tmp_path / "nothing_here", tmp_path / "checkout")
    assert app.matching(command("/library"))


OBJECTS = """
import functools

class Greeter:
    async def __call__(self, say): ...

async def greet(word, say): ...

def register(app):
    app.event("app_mention")(Greeter())
    app.event("app_mention")(functools.partial(greet, "hello"))
"""


def test_listeners_have_the_same_ids_after_a_restart(tmp_path: Path) -> None:
    """Stored events refer to their listeners by id, so an id must not contain an object's address."""
    write(tmp_path, "their_objects.py", OBJECTS)
    kept = []  # so that no address is used again
    for _ in range(2):
        kept.append(load_listeners(["their_objects"], tmp_path))
        ids = [listener.id for listener in kept[-1].listeners]
        assert ids == ["their_objects.Greeter", "their_objects.greet"]


OWN_MODULES = ("config", "errors", "logs", "storage", "commands", "doctor", "handlers", "metrics", "server", "cli")
"""Modules of a user's own that are named like packages of ours."""


def write_own_modules(folder: Path) -> None:
    for name in OWN_MODULES:
        write(folder, "handlers/__init__.py" if name == "handlers" else f"{name}.py", f"OWNER = 'their {name}'")


@pytest.mark.parametrize("listener", ["async def listener(say):", "def listener(say):"])
@pytest.mark.parametrize("is_lazy", [False, True])
def test_a_listeners_own_modules_do_not_conflict_with_ours(
    tmp_path: Path, bench: Bench, listener: str, is_lazy: bool
) -> None:
    write_own_modules(tmp_path)
    imports = f"import {', '.join(OWN_MODULES)}"
    say = "await say" if listener.startswith("async") else "say"
    lines = [
        "" if is_lazy else imports,
        listener,
        f"    {imports if is_lazy else 'pass'}",
        f"    for module in ({', '.join(OWN_MODULES)}):",
        f"        {say}(module.OWNER)",
        "def register(app):",
        "    app.event('app_mention')(listener)",
    ]
    write(tmp_path, "their_app.py", "\n".join(lines))
    bench.app = load_listeners(["their_app"], tmp_path, ROOT)
    bench.send(event())
    assert [message["text"] for _, message in bench.clients.calls] == [f"their {name}" for name in OWN_MODULES]


TEMPLATE = {
    "__init__.py": """
from their_listeners import actions, commands, events, messages, shortcuts, views

def register_listeners(app):
    for part in (actions, commands, events, messages, shortcuts, views):
        part.register(app)
""",
    "commands/__init__.py": """
from slack_bolt import App
from .hello import hello

def register(app: App):
    app.command("/hi")(hello)
""",
    "commands/hello.py": """
from logging import Logger
from slack_bolt import Ack, Respond

def hello(command, ack: Ack, respond: Respond, logger: Logger):
    try:
        ack()
        respond(f"Responding to {command['text']}")
    except Exception as error:
        logger.error(error)
""",
    "actions/__init__.py": """
from slack_bolt import Ack, App
from slack_sdk import WebClient

def on_click(ack: Ack, client: WebClient, body: dict):
    ack()
    client.views_update(view_id="V1", view={"type": "modal", "user": body["user"]["id"]})

def register(app: App):
    app.action("a")(on_click)
""",
    "events/__init__.py": """
def opened(client, event, logger):
    client.views_publish(user_id=event["user"], view={"type": "home", "blocks": []})

def register(app):
    app.event("app_home_opened")(opened)
""",
    "messages/__init__.py": """
import re
from slack_bolt import BoltContext, Say

def greet(context: BoltContext, say: Say):
    say(f"{context['matches'][0]}, how are you?")

def register(app):
    app.message(re.compile("(hi|hello)"))(greet)
""",
    "shortcuts/__init__.py": """
def opened(body, ack, client):
    ack()
    client.views_open(trigger_id=body["trigger_id"], view={"type": "modal"})

def register(app):
    app.shortcut("s")(opened)
""",
    "views/__init__.py": """
def sent(view, ack, body, client):
    ack()
    client.chat_postMessage(channel=body["user"]["id"], text=view["callback_id"])

def register(app):
    app.view("form")(sent)
""",
}


def test_a_folder_like_bolts_starter_template_works_unchanged(tmp_path: Path, bench: Bench) -> None:
    for name, text in TEMPLATE.items():
        write(tmp_path / "their_listeners", name, text)
    bench.ack_timeout = 2
    bench.app = load_listeners(["their_listeners"], tmp_path)
    for payload in (command(), action(), interaction("shortcut", callback_id="s"), submission()):
        assert bench.reply_to(payload).status == 200
    bench.send(event("app_home_opened"), event("message"))
    calls = [name for name, _ in bench.clients.calls]
    assert sorted(calls) == [
        "chat.postMessage", "chat.postMessage", "https://hooks.slack.com/commands/1", "views.open", "views.publish", "views.update",
    ]  # fmt: skip
    assert ("chat.postMessage", {"text": "hello, how are you?", "channel": "C1"}) in bench.clients.calls


def test_a_module_in_a_missing_package_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ListenerLoadError, match="listener module their_package.app: there is no such module"):
        load_listeners(["their_package.app"], tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no such module"),
        ("import their_missing_library", "it needs their_missing_library, which is not installed"),
        ("\ndef (", r"its import raised SyntaxError: .* \(their_app.py, line 2\)$"),
        ("import sys\nsys.exit(3)", r"its import raised SystemExit: 3 \(their_app.py, line 2\)$"),
        ("import sys\ndef register(app): sys.exit(3)", r"its register\(app\) raised SystemExit: 3"),
        ("1 / 0", r"its import raised ZeroDivisionError: .*\(their_app.py, line 1\)$"),
        ("\nfrom os import nonsense", r"its import raised ImportError: .*\(their_app.py, line 2\)$"),
        ("\n\nimport json\njson.loads('{')", r"its import raised JSONDecodeError: .*\(their_app.py, line 4\)$"),
        ("x = 1", r"it has no function register\(app\)"),
        ("def register(app): app.nonsense('x')", r"its register\(app\) raised AttributeError"),
        (
            "def register(app):\n  app.event('x')(lambda nonsense: 1)",
            r"unknown argument 'nonsense'.* \(their_app.py, line 2\)$",
        ),
        (
            "def register(app):\n\n  @app.event('x')\n  def f(nonsense): 1",
            r"unknown argument 'nonsense'.* \(their_app.py, line 3\)$",
        ),
        (
            "def register(app):\n  app.command('x')",
            r"ValueError: \"x\" is no command: it must begin with \"/\".* \(their_app.py, line 2\)$",
        ),
        (
            "import re\ndef register(app):\n  app.command(re.compile('^deploy'))",
            r"ValueError: the pattern \"\^deploy\" matches no command: commands begin with \"/\"",
        ),
        ("async def register(app): 1", r"its register\(app\) is async"),
        ("async def register_listeners(app): 1", r"its register_listeners\(app\) is async"),
        ("import asyncio\ndef register(app): return asyncio.sleep(0)", r"its register\(app\) is async"),
        ("register = 7", r"its register\(app\) raised TypeError: 'int' object is not callable$"),
        ("import functools\nregister = functools.partial(print, file=7)", r"its register\(app\) raised AttributeError"),
        (
            "def f(): yield\ndef register(app): app.event('x')(f)",
            "their_app.f contains yield, so a call of it runs nothing",
        ),
        (
            "async def f(): yield\ndef register(app): app.event('x')(f)",
            "their_app.f contains yield, so a call of it runs nothing",
        ),
        ("def register(app): app.event('message.channels')", 'arrive as "message"'),
        (
            "def register(app): app.command('/x')(lazy=[print])",
            r"a lazy listener \(lazy=\) needs Bolt: put this module under .bolt. modules",
        ),
        ("def register(app): app.assistant(7)", "app.assistant needs Bolt: put this module under .bolt. modules"),
        ("def register(app): app.step('x')", "only Bolt has app.step: Slack has retired steps from apps"),
    ],
)
def test_a_module_that_cannot_be_loaded_is_named_with_the_reason(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        write(tmp_path, "their_app.py", text)
    with pytest.raises(ListenerLoadError, match=said) as caught:
        load_listeners(["their_app"], tmp_path)
    assert caught.value.module == "their_app"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (
            "from slack_bolt import App\nbolt = App(token='x', signing_secret='s', token_verification_enabled=False)",
            'mount its App of slack_bolt: [bolt] app = "their_app:bolt" in config.toml',
        ),
        (
            "from slack_bolt.async_app import AsyncApp\nbolt = AsyncApp(token='x', signing_secret='s')",
            'mount its App of slack_bolt: [bolt] app = "their_app:bolt" in config.toml',
        ),
        (
            "from latchkey import App\napp = App()\n@app.event('x')\ndef f(say): say('x')",
            "write `def register(app):` around the listeners, instead of `app = App()`",
        ),
        ("from slack_bolt import App, Say", ""),
    ],
)
def test_a_module_with_an_app_of_its_own_is_refused_with_what_to_do(tmp_path: Path, text: str, hint: str) -> None:
    write(tmp_path, "their_app.py", text)
    with pytest.raises(ListenerLoadError, match=r"it has no function register\(app\)") as caught:
        load_listeners(["their_app"], tmp_path)
    assert caught.value.hint == hint
