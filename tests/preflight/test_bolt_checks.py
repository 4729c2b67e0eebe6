"""Native listeners beside a mounted Bolt app: what is refused, and what is only warned about."""

import itertools
import sys
from collections.abc import Iterator

import pytest

from latchkey.errors import ConfigError
from latchkey.preflight import refuse_start
from tests.preflight.conftest import Home

NUMBERS = itertools.count()


@pytest.fixture
def both(home: Home) -> Iterator[Home]:
    """A configuration in which a Bolt app is mounted; `write` gives it and the native listeners something to do."""
    yield home
    for name in [name for name in sys.modules if name.startswith(("native_", "mounted_"))]:
        del sys.modules[name]


def write(home: Home, native: str, mounted: str) -> None:
    """Write two modules, each with one registration."""
    number = next(NUMBERS)
    for kind, text, setting in (("native", native, "LISTENERS"), ("mounted", mounted, "BOLT")):
        name = f"{kind}_{number}"
        (home.folder / f"{name}.py").write_text(
            f"import re\ndef register(app):\n    app.{text}(run)\ndef run(ack): ...\n"
        )
        home.environ[f"LATCHKEY_{setting}_MODULES"] = name


SAME = [
    ("command('/x')", "command('/x')", "command /x"),
    ("action('a')", "action('a')", "action a"),
    ("view('v')", "view('v')", "view view_submission v"),
    ("view_closed('v')", "view_closed('v')", "view view_closed v"),
    ("shortcut('s')", "shortcut('s')", "shortcut s"),
    ("options('o')", "options('o')", "options o"),
]


@pytest.mark.parametrize(("native", "mounted", "what"), SAME, ids=[what for *_, what in SAME])
def test_one_name_in_both_is_refused(both: Home, native: str, mounted: str, what: str) -> None:
    write(both, native, mounted)
    [found] = both.findings()
    assert found.code == "bolt-conflict"
    assert f"are both registered for the {what}" in found.message
    with pytest.raises(ConfigError):
        refuse_start([found])


@pytest.mark.parametrize(
    ("native", "mounted"),
    [
        ("command(re.compile('/x'))", "command('/xy')"),
        ("command('/xy')", "command(re.compile('/x'))"),
        ("action(re.compile('^a'))", "action(re.compile('b$'))"),
        ("action('a')", "action({'block_id': 'b', 'action_id': 'a'})"),
        ("block_action('a')", "action('a')"),
    ],
)
def test_names_that_may_overlap_are_warned_about(both: Home, native: str, mounted: str) -> None:
    write(both, native, mounted)
    [found] = both.findings()
    assert (found.code, found.refusal) == ("bolt-overlap", None)


@pytest.mark.parametrize(
    ("native", "mounted"),
    [
        ("command('/x')", "command('/y')"),
        ("command(re.compile('^/x'))", "command('/y')"),
        ("view('v')", "view_closed('v')"),
        ("event('app_mention')", "event('app_mention')"),
        ("action('a')", "command('a')"),
    ],
)
def test_what_cannot_overlap_has_no_finding(both: Home, native: str, mounted: str) -> None:
    write(both, native, mounted)
    assert both.findings() == []


def test_a_module_in_both_is_refused(both: Home) -> None:
    write(both, "command('/x')", "command('/y')")
    both.environ["LATCHKEY_LISTENERS_MODULES"] = both.environ["LATCHKEY_BOLT_MODULES"]
    found = both.findings()
    assert found[0].code == "bolt-conflict"
    assert "is also in [listeners] modules" in found[0].message


def test_with_bolt_the_default_of_the_listener_modules_is_empty(both: Home) -> None:
    write(both, "command('/x')", "command('/x')")
    del both.environ["LATCHKEY_LISTENERS_MODULES"]
    assert both.findings() == []
    assert both.context().settings.listeners.modules == []


def test_tokens_of_the_apps_own_are_warned_about(both: Home) -> None:
    (both.folder / "mounted_own.py").write_text("from slack_bolt import App\napp = App(token='xoxb-sentinel')\n")
    both.environ |= {"LATCHKEY_BOLT_APP": "mounted_own:app"}
    [found] = both.findings()
    assert found.code == "bolt-tokens"
    assert "xoxb-sentinel" not in found.message
