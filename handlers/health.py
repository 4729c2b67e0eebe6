"""GET /healthz: the process is alive. GET /readyz: the store can be read, written and decrypted."""

from __future__ import annotations

from latchkey.errors import StoreError, StoreUnavailable
from latchkey.handlers.base import BaseHandler


class HealthHandler(BaseHandler):
    def get(self) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("ok\n")


class ReadyHandler(BaseHandler):
    async def get(self) -> None:
        """Respond with 200 `ready`, or 503 and the reason in one word: locked, full, read-only, damaged, timeout, …

        200 `degraded` means that some records need keys that are missing; the log says which.
        """
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        try:
            whole = await self.services.store.async_ready()
        except StoreError as error:
            self.set_status(503)
            self.finish(f"{error.reason if isinstance(error, StoreUnavailable) else 'unreadable'}\n")
            return
        self.finish("ready\n" if whole else "degraded\n")
