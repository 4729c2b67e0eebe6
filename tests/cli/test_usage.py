"""Help, usage errors and suggestions of every command."""

import os
import re
from collections.abc import Iterator
from pathlib import Path as FilePath

import click
import pytest

from latchkey.cli import main
from latchkey.cli.commands import COMMANDS, GROUPS, cli
from latchkey.commands.terminal import Number, Time, Word
from tests.cli.command_tree import Path, commands, has_own_help, is_lenient, name_of

ROOT = FilePath(__file__).resolve().parent.parent.parent
EVERY = list(commands())
OURS = [(path, command) for path, command in EVERY if has_own_help(command)]
STRICT = [(path, command) for path, command in OURS if not is_lenient(command)]


def each(cases: list[tuple[Path, click.Command]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("path", "command"), cases, ids=[name_of(path) for path, _ in cases])


def misspelt(word: str) -> str:
    """Return the word with two letters swapped, as hurried fingers type it."""
    middle = len(word) // 2
    swapped = word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]
    return swapped if swapped != word else word + word[-1]


@pytest.fixture(params=[60, 80])
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("COLUMNS", str(request.param))
    return int(request.param)


class Output:
    """The exit code of a command, and what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        try:
            self.code = main(arguments)
        except SystemExit as ended:
            self.code = int(ended.code or 0)
        self.stdout, self.stderr = capsys.readouterr()

    def has_usage_error(self, *parts: str) -> bool:
        """Return whether it is one line with these parts and one hint, and the exit code is 2."""
        error, hint = self.stderr.splitlines()
        assert error.startswith("latchkey: ")
        assert hint.startswith("hint: ")
        return (self.code, self.stdout) == (2, "") and all(part in self.stderr for part in parts)


@each(OURS)
def test_help_is_complete_at_every_width(
    path: Path, command: click.Command, columns: int, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = Output(capsys, *path, "--help")
    assert (shown.code, shown.stderr) == (0, "")
    assert shown.stdout.startswith(f"Usage: latchkey {name_of(path)} ")
    lines = shown.stdout.splitlines()
    assert all(len(line) <= columns for line in lines)
    assert not any(line.endswith("...") for line in lines[1:]), "a summary is cut"


@each(OURS)
def test_every_command_and_option_is_explained(path: Path, command: click.Command) -> None:
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@each(OURS)
def test_help_command_shows_the_same_as_the_option(
    path: Path, command: click.Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Output(capsys, "help", *path).stdout == Output(capsys, *path, "--help").stdout


@pytest.mark.parametrize("columns", [60, 80])
def test_help_lists_every_command_with_a_full_summary(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for arguments in (("--help",), ("help",), ("-h",)):
        shown = Output(capsys, *arguments)
        assert (shown.code, shown.stderr) == (0, "")
        text = " ".join(shown.stdout.split())
        for name, entry in COMMANDS.items():
            assert f"{name} {entry.summary}" in text
        assert [line[:-1] for line in shown.stdout.splitlines() if line[:-1] in GROUPS] == list(GROUPS)


def test_summaries_fit_on_one_line_of_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = [" ".join(line.split()) for line in Output(capsys, "--help").stdout.splitlines()]
    for name, entry in COMMANDS.items():
        assert f"{name} {entry.summary}" in lines


@each(EVERY)
def test_misspelt_command_is_suggested(path: Path, command: click.Command, capsys: pytest.CaptureFixture[str]) -> None:
    *groups, name = path
    wrong = misspelt(name)
    shown = Output(capsys, *groups, wrong)
    assert shown.has_usage_error(f"no such command '{wrong}'", "did you mean", f"'{name}'")


def options(command: click.Command) -> Iterator[str]:
    for parameter in command.get_params(click.Context(command)):
        if isinstance(parameter, click.Option):
            yield from (name for name in parameter.opts if name.startswith("--"))


@each(STRICT)
def test_misspelt_option_is_suggested(path: Path, command: click.Command, capsys: pytest.CaptureFixture[str]) -> None:
    for name in options(command):
        wrong = f"--{misspelt(name[2:])}"
        shown = Output(capsys, *path, wrong)
        assert shown.has_usage_error(f"no such option {wrong}; did you mean '{name}'?"), shown.stderr


def test_help_of_the_tests_lists_the_options_that_conftest_adds() -> None:
    conftest = (ROOT / "tests" / "conftest.py").read_text()
    command = cli.get_command(click.Context(cli), "test")
    assert command is not None
    ours = {name for item in command.params if isinstance(item, click.Option) for name in item.opts}
    assert ours == set(re.findall(r'addoption\(\s*"(--\w+)"', conftest))


@pytest.mark.parametrize("name", ["long", "wheel", "browser", "boot", "programs", "outside"])
def test_misspelt_option_of_the_tests_is_suggested(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Output(capsys, "test", f"--{misspelt(name)}")
    assert shown.has_usage_error(f"did you mean '--{name}'?")


def test_a_value_that_is_like_an_option_of_the_tests_goes_to_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    passed_on: list[str] = []
    monkeypatch.setattr(os, "execv", lambda _, arguments: passed_on.extend(arguments))
    monkeypatch.setattr(os, "chdir", lambda _: None)
    cli.main(["test", "-m", "long", "--long"], standalone_mode=False)
    assert passed_on[-3:] == ["--long", "-m", "long"]


@each(STRICT)
def test_unknown_option_is_named(path: Path, command: click.Command, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Output(capsys, *path, "--zzz")
    assert shown.has_usage_error("no such option --zzz", f"latchkey {name_of(path)} --help")
    assert "did you mean" not in shown.stderr


def values(kind: type[click.ParamType]) -> list[tuple[Path, click.Parameter]]:
    return [
        (path, parameter) for path, command in OURS for parameter in command.params if isinstance(parameter.type, kind)
    ]


def typed(parameter: click.Parameter, value: str) -> list[str]:
    return [max(parameter.opts, key=len), value] if isinstance(parameter, click.Option) else [value]


@pytest.mark.parametrize(("path", "parameter"), values(Word))
def test_misspelt_value_is_suggested(
    path: Path, parameter: click.Parameter, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(parameter.type, Word)
    for word in parameter.type.choices:
        shown = Output(capsys, *path, *typed(parameter, misspelt(word)))
        assert shown.has_usage_error(f"not '{misspelt(word)}'; did you mean '{word}'?"), shown.stderr
        shown = Output(capsys, *path, *typed(parameter, "zzz"))
        assert all(other in shown.stderr for other in parameter.type.choices)
        assert Output(capsys, *path, *typed(parameter, word.upper())).has_usage_error(f"did you mean '{word}'?")


@pytest.mark.parametrize(("path", "parameter"), values(Number))
@pytest.mark.parametrize("value", ["many", "-1", "1.5", "", "99999999999x"])
def test_value_that_is_not_such_a_number_is_explained(
    path: Path, parameter: click.Parameter, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = Output(capsys, *path, *typed(parameter, value))
    assert shown.has_usage_error(f"{max(parameter.opts, key=len)}: expected a whole number", f"not '{value}'")


@pytest.mark.parametrize(("path", "parameter"), values(Time))
@pytest.mark.parametrize("value", ["7", "d", "0d", "-1d", "1.5h", "9999d", "7 d", ""])
def test_value_that_is_not_such_a_time_is_explained(
    path: Path, parameter: click.Parameter, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = Output(capsys, *path, *typed(parameter, value))
    assert shown.has_usage_error(f"{max(parameter.opts, key=len)}: expected a time", f"not '{value}'")


@each(OURS)
def test_values_have_types_that_explain_themselves(path: Path, command: click.Command) -> None:
    kinds = (Number, Time, Word, click.Path, type(click.STRING), type(click.BOOL), type(click.UNPROCESSED))
    for parameter in command.params:
        assert isinstance(parameter.type, kinds), parameter.name


@each([(path, command) for path, command in STRICT if any(item.required for item in command.params)])
def test_missing_argument_is_named_with_the_usage(
    path: Path, command: click.Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Output(capsys, *path).has_usage_error(" is missing", f"usage: latchkey {name_of(path)} ")


def accepted_arguments(command: click.Command) -> int:
    counts = [item.nargs for item in command.params if isinstance(item, click.Argument)]
    return 1000 if -1 in counts else sum(counts)


@each([(path, command) for path, command in STRICT if accepted_arguments(command) < 1000])
def test_extra_argument_is_refused(path: Path, command: click.Command, capsys: pytest.CaptureFixture[str]) -> None:
    if isinstance(command, click.Group):
        assert Output(capsys, *path, "zzz").has_usage_error(f"no such command 'zzz' of `latchkey {name_of(path)}`")
        return
    required = [item.opts[0] for item in command.params if isinstance(item, click.Option) and item.required]
    words = [*(word for option in required for word in (option, "x")), *["caddy"] * (accepted_arguments(command) + 1)]
    assert Output(capsys, *path, *words).has_usage_error("extra argument", f"see `latchkey {name_of(path)} --help`")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("start", "'serve'"),
        ("run", "'serve'"),
        ("rotate", "'keys rotate'"),
        ("verify", "'keys verify'"),
        ("check", "'config check' or 'installs check'"),
        ("install", "'installs', 'install-link' or 'install-service'"),
    ],
)
def test_command_of_another_group_or_tool_is_suggested(
    typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Output(capsys, typed).has_usage_error(f"did you mean {meant}?")


def test_unknown_command_without_a_likeness_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Output(capsys, "xyzzy")
    assert shown.stderr == "latchkey: no such command 'xyzzy'\nhint: see `latchkey --help`\n"


@each(STRICT)
def test_option_with_a_missing_or_needless_value_is_named(
    path: Path, command: click.Command, capsys: pytest.CaptureFixture[str]
) -> None:
    see = f"see `latchkey {name_of(path)} --help`"
    for item in command.params:
        if isinstance(item, click.Option):
            name = max(item.opts, key=len)
            wrong, problem = (f"{name}=x", "takes no value") if item.is_flag else (name, "needs a value")
            assert Output(capsys, *path, wrong).has_usage_error(f"latchkey: {name} {problem}", see)
