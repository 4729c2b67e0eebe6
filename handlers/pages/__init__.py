"""The pages that a person sees, as HTML from the templates in this folder.

Invariant: Tornado's templates escape every value, and a page loads nothing but its icon. Its
one style sheet is inline, and named by its hash in the Content-Security-Policy.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tornado.template import Loader

from latchkey.slackapi.oauth import Links
from latchkey.slackapi.paths import INSTALL_PATH
from latchkey.slackapi.scopes import Permission

_FOLDER = Path(__file__).resolve().parent
_STYLE = (_FOLDER / "style.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_TEMPLATES = Loader(str(_FOLDER), autoescape="xhtml_escape")
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
ICON_PATH = "/slack/icon.svg"
"""Below /slack/, because a proxy forwards nothing else that a page needs."""
SVG_ICON = (_FOLDER / "icon.svg").read_bytes()
ICO_ICON = (_FOLDER / "icon.ico").read_bytes()


@dataclass(frozen=True)
class AppProfile:
    """What the pages say about the app and the people behind it; empty texts are left out."""

    name: str = "Latchkey"
    description: str = ""
    operator: str = ""
    support_url: str = ""
    privacy_url: str = ""


class Pages:
    """Makes the pages of one app."""

    def __init__(
        self,
        app: AppProfile,
        bot_permissions: Sequence[Permission] = (),
        user_permissions: Sequence[Permission] = (),
    ) -> None:
        self._app = app
        self._bot_permissions = bot_permissions
        self._user_permissions = user_permissions

    def home(self) -> bytes:
        return self._render("home.html", self._app.name)

    def install(self, authorize_url: str) -> bytes:
        return self._render(
            "install.html",
            f"Add {self._app.name} to Slack",
            authorize_url=authorize_url,
            bot_permissions=self._bot_permissions,
            user_permissions=self._user_permissions,
        )

    def installed(self, name: str, links: Links, *, is_org: bool) -> bytes:
        """`name` is that of the workspace, or of the organization; may be empty."""
        return self._render("installed.html", f"{self._app.name} is installed", name=name, links=links, is_org=is_org)

    def nothing_installed(self) -> bytes:
        """The page for a browser of which it is not known that it has installed the app."""
        return self._render("nothing_installed.html", "Nothing to show here")

    def failed(
        self, title: str, what: str, advice: str, *, slack_error: str, restart_url: str, request_id: str
    ) -> bytes:
        """`slack_error` is the code that Slack gave as the reason; empty if it gave none.

        `restart_url` is where to start again; empty if that is of no use.
        """
        return self._render(
            "failed.html",
            title,
            request_id,
            what=what,
            advice=advice,
            slack_error=slack_error,
            restart_url=restart_url,
        )

    def error(self, status: int, request_id: str) -> bytes:
        title, what = _ERRORS.get(status) or _ERRORS[500 if status >= 500 else 400]
        return self._render("error.html", title, request_id, what=what, status=status)

    def _render(self, template: str, title: str, request_id: str = "", **values: Any) -> bytes:
        return _TEMPLATES.load(template).generate(
            title=title,
            request_id=request_id,
            app=self._app,
            style=_STYLE,
            icon_path=ICON_PATH,
            install_path=INSTALL_PATH,
            **values,
        )


_ERRORS = {
    400: ("This request is not valid", "The server could not understand the request."),
    404: ("Page not found", "There is no page at this address."),
    405: ("Method not allowed", "This address does not accept this kind of request."),
    500: ("Something went wrong", "The server could not handle the request. The reason is in its log."),
    503: ("The server is busy", "The server cannot handle the request right now. Try again in a minute."),
}
