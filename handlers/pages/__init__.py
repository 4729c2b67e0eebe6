"""The pages that a person sees, as HTML from the templates in this folder.

Invariant: Tornado's templates escape every value, and a page loads nothing. Its
one style sheet is inline, and named by its hash in the Content-Security-Policy.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from tornado.template import Loader

_FOLDER = Path(__file__).resolve().parent
_STYLE = (_FOLDER / "style.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_TEMPLATES = Loader(str(_FOLDER), autoescape="xhtml_escape")
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def home(install_path: str) -> bytes:
    return _render("home.html", "A Slack app is running here", install_path=install_path)


def install(authorize_url: str) -> bytes:
    return _render("install.html", "Add this app to your workspace", authorize_url=authorize_url)


def installed(name: str | None, app_link: str, browser_link: str) -> bytes:
    return _render("installed.html", "The app is installed", name=name, app_link=app_link, browser_link=browser_link)


def failed(title: str, what: str, advice: str, install_path: str, request_id: str) -> bytes:
    return _render("failed.html", title, request_id, what=what, advice=advice, install_path=install_path)


def error(status: int, reason: str, request_id: str) -> bytes:
    return _render("error.html", f"{status} {reason}", request_id)


def _render(template: str, title: str, request_id: str = "", **values: str | None) -> bytes:
    return _TEMPLATES.load(template).generate(title=title, request_id=request_id, style=_STYLE, **values)
