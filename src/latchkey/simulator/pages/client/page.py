"""Serves the page, its scripts and styles, and the changes that keep it up to date."""

from __future__ import annotations

from pathlib import Path

from tornado.iostream import StreamClosedError
from tornado.web import StaticFileHandler

from latchkey.simulator.model import World
from latchkey.simulator.pages.guard import GuardedHandler

HEARTBEAT_SECONDS = 15.0


class PageHandler(GuardedHandler):
    """GET /: the page; everything in it is made by its scripts."""

    def get(self) -> None:
        self.render(str(Path(__file__).parent / "page.html"))


class AssetHandler(GuardedHandler, StaticFileHandler):
    """GET /assets/…: scripts and styles."""

    FOLDER = Path(__file__).parent / "assets"

    def set_extra_headers(self, path: str) -> None:
        self.set_header("Cache-Control", "no-cache")


class ChangesHandler(GuardedHandler):
    """GET /page/changes: changes as server-sent events, from `after` or, after a break, the last one that was seen.

    The event `reset` asks the page to read the whole state again. Nothing waits in memory for a slow page: it reads
    from the changes that are kept for all pages.
    """

    def initialize(self, world: World) -> None:
        self.world = world
        self.is_closed = False

    def on_connection_close(self) -> None:
        self.is_closed = True
        self.world.changes.wake()

    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        changes = self.world.changes
        start, _, number = self.request.headers.get("Last-Event-ID", self.get_query_argument("after", "")).partition(
            "-"
        )
        seen = int(number) if start == changes.start and number.isdigit() else -1
        try:
            while not self.is_closed:
                found = changes.after(seen)
                if found is None:
                    seen = changes.last
                    self.write(f"id: {changes.start}-{seen}\nevent: reset\ndata: {{}}\n\n")
                for change in found or ():
                    seen = change.number
                    self.write(f"id: {changes.start}-{seen}\nevent: {change.kind}\ndata: {change.data}\n\n")
                await self.flush()
                if not await changes.wait(seen, HEARTBEAT_SECONDS):
                    self.write(": still connected\n\n")
        except StreamClosedError:
            return
