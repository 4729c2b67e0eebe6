"""The pages besides the install flow, and the icon."""

from __future__ import annotations

from typing import Any

from tornado.web import RequestHandler

from latchkey.handlers.base import BaseHandler
from latchkey.handlers.pages import ICO_ICON, ICON_PATH, SVG_ICON


class HomeHandler(BaseHandler):
    """GET /"""

    def get(self) -> None:
        self.write_page(self.services.pages.home())


class NotFoundHandler(BaseHandler):
    """Any unknown path, with any method."""

    def prepare(self) -> None:
        super().prepare()
        self.send_error(404)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.clear_header("Allow")
        super().write_error(404, **kwargs)


class IconHandler(BaseHandler):
    """GET /slack/icon.svg, and /favicon.ico for browsers that ask for it without reading a page."""

    compute_etag = RequestHandler.compute_etag

    def get(self) -> None:
        is_svg = self.request.path == ICON_PATH
        self.set_header("Content-Type", "image/svg+xml" if is_svg else "image/x-icon")
        self.set_header("Cache-Control", "public, max-age=86400")
        self.finish(SVG_ICON if is_svg else ICO_ICON)
