"""`complete` and `fail`, which end a run of a custom step (mirrors `slack_bolt.context.complete` and `.fail`).

Each calls the API with the client of its listener: it returns a coroutine with an AsyncWebClient, otherwise the
response.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from latchkey.slackapi.requests import Payload

STEP_ARGUMENTS = frozenset({"complete", "fail"})


class _EndOfStep:
    """What both have."""

    name: str

    def __init__(self, payload: Payload, client: Callable[[], Any], called: set[str]) -> None:
        """`client` returns the listener's own. `called` has the names of those that were called for the payload."""
        self.function_execution_id = payload.function_execution_id
        self._client = client
        self._called = called

    @property
    def client(self) -> Any:
        return self._client()

    def has_been_called(self) -> bool:
        """Whether it was called for this payload, in this attempt."""
        return self.name in self._called

    def _begin(self) -> str:
        """Return the id of the run that ends now. Raises ValueError if the payload belongs to none."""
        if self.function_execution_id is None:
            raise ValueError(f"{self.name}() works only for a custom step: this payload belongs to no run of one")
        self._called.add(self.name)
        return self.function_execution_id


class CompleteStep(_EndOfStep):
    """Ends the run successfully (method functions.completeSuccess)."""

    name = "complete"

    def __call__(self, outputs: Mapping[str, Any] | None = None) -> Any:
        """Raises ValueError if there is no run."""
        run_id = self._begin()
        return self.client.functions_completeSuccess(function_execution_id=run_id, outputs=outputs or {})


class FailStep(_EndOfStep):
    """Ends the run with an error, which Slack shows to the person (method functions.completeError)."""

    name = "fail"

    def __call__(self, error: str) -> Any:
        """Raises ValueError if there is no run."""
        return self.client.functions_completeError(function_execution_id=self._begin(), error=error)
