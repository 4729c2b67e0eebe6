"""Renders this folder's templates."""

from __future__ import annotations

from pathlib import Path

from tornado.web import RequestHandler

from latchkey.simulator.model import World

TEMPLATES = Path(__file__).parent


class TemplateHandler(RequestHandler):
    """A handler with `render()`; Tornado's templates escape every value."""

    def initialize(self, world: World) -> None:
        self.world = world

    def get_template_path(self) -> str:
        return str(TEMPLATES)
