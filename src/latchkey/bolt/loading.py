"""Loads the app that `[bolt]` names, and registers its modules."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import ModuleType
from typing import Any

from slack_bolt.app.app import App
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from latchkey.bolt.guards import StartedByImport, guarded, with_environment
from latchkey.bolt.introspection import listeners_of
from latchkey.bolt.mounted import BoltApp
from latchkey.bolt.naming import name_of
from latchkey.dispatch import LOAD_ERRORS, import_module, load_error, register_function
from latchkey.errors import ListenerLoadError

_BOT_TOKEN = "SLACK_BOT_TOKEN"  # noqa: S105  # a name
_TOKEN_HINT = f'set it, or write os.environ.get("{_BOT_TOKEN}"): the tokens come from the store of this server'


def load_bolt_app(reference: str, modules: Sequence[str], credentials: Mapping[str, str] | None = None) -> BoltApp:
    """Return the app that `reference` ("module:attribute") names, with the listeners of these modules.

    Without a reference, an app is made for the modules: an AsyncApp if their functions are async, otherwise an App.
    `credentials` are those of the environment variables that Bolt apps read; they are set meanwhile if they are not.
    Raises ListenerLoadError.
    """
    with guarded(), with_environment(credentials or {}):
        if reference:
            app = _find(reference)
            for name in modules:
                _register(name, app)
            return BoltApp(reference, app)
        return BoltApp(f"bolt:{modules[0]}", _make(modules), is_ours=True)


def _find(reference: str) -> App | AsyncApp:
    module_name, _, path = reference.partition(":")
    found: Any = _calling(module_name, "its import", lambda: import_module(module_name))
    for name in path.split("."):
        if not hasattr(found, name):
            raise ListenerLoadError(module_name, f"it has no {path}", hint=f"[bolt] app is {reference!r}")
        found = getattr(found, name)
    if callable(found) and not isinstance(found, App | AsyncApp):
        factory: Callable[[], Any] = found
        found = _calling(module_name, f"{path}()", factory)
        if inspect.iscoroutine(found):
            found = _run(module_name, path, found)
    if not isinstance(found, App | AsyncApp):
        raise ListenerLoadError(module_name, f"{path} is neither an App nor an AsyncApp of slack_bolt, nor returns one")
    return found


def _make(modules: Sequence[str]) -> App | AsyncApp:
    """Return an app with the listeners of the modules.

    Only an AsyncApp checks the functions, so it is tried first.
    """
    options: dict[str, Any] = {"signing_secret": "", "request_verification_enabled": False, "name": modules[0]}
    app: App | AsyncApp = AsyncApp(authorize=_refuse_async, **options)
    try:
        for name in modules:
            _register(name, app)
    except ListenerLoadError:
        app = App(authorize=_refuse, **options)
        for name in modules:
            _register(name, app)
        _refuse_async_functions(app, modules[0])
    return app


def _refuse_async_functions(app: App, module: str) -> None:
    """Raise ListenerLoadError for a coroutine function, which an App would call and never run."""
    for found in listeners_of(app):
        for function in (found.function, *found.lazy):
            if inspect.iscoroutinefunction(function):
                raise ListenerLoadError(
                    module,
                    f"{name_of(function)} is async, and others of the listeners are not",
                    hint="an AsyncApp runs only async functions, an App only others: make all of them the same",
                )


def _register(name: str, app: App | AsyncApp) -> None:
    module: ModuleType = _calling(name, "its import", lambda: import_module(name))
    known, register = register_function(name, module)
    result = _calling(name, f"its {known}(app)", lambda: register(app))
    if inspect.iscoroutine(result):
        _run(name, f"its {known}(app)", result)


def _run(module: str, what: str, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run an async function of the author's to its end, before the server's own event loop runs."""
    return _calling(module, what, lambda: asyncio.run(coroutine))


def _calling(module: str, what: str, function: Callable[[], Any]) -> Any:
    """Return the function's result. Raises ListenerLoadError with what it raised."""
    try:
        return function()
    except ListenerLoadError as error:
        if isinstance(error.__cause__, StartedByImport):
            raise _started(module, error.__cause__) from error.__cause__
        if isinstance(cause := error.__cause__, KeyError) and cause.args == (_BOT_TOKEN,):
            raise load_error(module, what, cause, hint=_TOKEN_HINT) from cause
        raise
    except StartedByImport as error:
        raise _started(module, error) from error
    except LOAD_ERRORS as error:
        raise load_error(module, what, error) from error


def _started(module: str, error: StartedByImport) -> ListenerLoadError:
    return ListenerLoadError(module, str(error), hint=error.hint)


async def _refuse_async(**_: Any) -> AuthorizeResult:
    """Authorize nothing: the store takes its place."""
    raise NotImplementedError


def _refuse(**_: Any) -> AuthorizeResult:
    """Authorize nothing: the store takes its place."""
    raise NotImplementedError
