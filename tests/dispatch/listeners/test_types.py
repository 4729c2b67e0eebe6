"""The types for authors, which an author's module uses; mypy checks it together with the source."""

import inspect
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import latchkey
from latchkey.dispatch import App
from latchkey.dispatch.listeners import types
from latchkey.dispatch.listeners.arguments import AGENT_ARGUMENTS, AgentFunctions
from latchkey.dispatch.listeners.arguments.custom_step import CompleteStep, FailStep
from latchkey.dispatch.listeners.arguments.message_fields import ACK, RESPOND, SAY
from tests.dispatch.listeners import authors_module

ROOT = Path(__file__).resolve().parents[3]


def test_mypy_checks_an_authors_module_strictly() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert settings["strict"] is True
    assert str(Path(authors_module.__file__).relative_to(ROOT)) in settings["files"]


def test_an_authors_module_runs() -> None:
    app = App()
    authors_module.register(app)
    assert len(app.listeners) == 5


def test_latchkey_offers_every_type_and_nothing_else_of_the_server() -> None:
    assert all(getattr(latchkey, name) is getattr(types, name) for name in types.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Runner'"):
        latchkey.Runner  # noqa: B018


def test_import_latchkey_imports_none_of_them() -> None:
    code = "import sys, latchkey; print([name for name in sys.modules if name.startswith(('latchkey.', 'slack'))])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize(("kind", "names"), [(types.AnyAck, ACK), (types.AnySay, SAY), (types.AnyRespond, RESPOND)])
def test_the_types_have_the_parameters_of_the_functions(kind: Any, names: tuple[str, ...]) -> None:
    parameters = [*inspect.signature(kind.__call__).parameters][1:]
    assert [name for name in parameters if name != "more"] == list(names)


@pytest.mark.parametrize(("kind", "function"), [(types.AnyComplete, CompleteStep), (types.AnyFail, FailStep)])
def test_the_types_of_steps_have_the_parameters_of_the_functions(kind: Any, function: Any) -> None:
    assert [*inspect.signature(kind.__call__).parameters] == [*inspect.signature(function.__call__).parameters]
    assert kind.has_been_called
    assert function.has_been_called


@pytest.mark.parametrize("name", sorted(AGENT_ARGUMENTS))
def test_the_types_of_agents_have_the_parameters_of_the_functions(name: str) -> None:
    kind = getattr(types, "Any" + "".join(map(str.capitalize, name.split("_"))))
    ours = inspect.signature(getattr(AgentFunctions, name)).parameters
    assert [*inspect.signature(kind.__call__).parameters] == [*ours]
