"""The few pages that a person sees, as HTML.

Rule: every value is escaped here, and a page loads nothing: its one style sheet
is inline, and named by its hash in the Content-Security-Policy.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape

STYLE = """
:root{color-scheme:light dark;--ink:#1d1c1d;--soft:#616061;--line:#dddddd;--card:#ffffff;--ground:#f4f2f5;--accent:#4a154b;--on:#ffffff}
@media(prefers-color-scheme:dark){:root{--ink:#e8e6e9;--soft:#a9a5ab;--line:#3a363c;--card:#242126;--ground:#18161a;--accent:#d8b4da;--on:#241125}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--ground);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{width:100%;max-width:30rem;padding:2.25rem 2rem 1.75rem;background:var(--card);border:1px solid var(--line);border-radius:14px}
.mark{display:inline-grid;place-items:center;width:2.75rem;height:2.75rem;border-radius:50%;border:2px solid var(--accent);
color:var(--accent);font-size:1.35rem;font-weight:700;line-height:1}
h1{margin:.9rem 0 .5rem;font-size:1.45rem;line-height:1.25}
p{margin:.5rem 0}
a{color:var(--accent)}
.button{display:inline-block;margin:1rem 0 .5rem;padding:.65rem 1.2rem;border-radius:8px;background:var(--accent);color:var(--on);
font-weight:600;text-decoration:none}
.button:focus-visible{outline:3px solid var(--soft);outline-offset:2px}
.small{margin-top:1.5rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--soft);font-size:.85rem}
code{font:.95em ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere}
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def _page(title: str, mark: str, content: str, *, head: str = "", request_id: str = "") -> str:
    foot = f'<p class="small">Request <code>{escape(request_id)}</code></p>' if request_id else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title>{head}<style>{STYLE}</style></head><body><main>"
        f'<div class="mark" aria-hidden="true">{mark}</div><h1>{escape(title)}</h1>{content}{foot}</main></body></html>'
    )


def home(install_path: str) -> str:
    return _page(
        "A Slack app lives here",
        "#",
        f'<p>To use it, add it to your workspace.</p><a class="button" href="{escape(install_path)}">Install the app</a>',
    )


def install(authorize_url: str) -> str:
    return _page(
        "Add this app to your workspace",
        "+",
        "<p>Slack will ask you which workspace it is for, and what the app may do there.</p>"
        f'<a class="button" href="{escape(authorize_url)}">Add to Slack</a>'
        '<p class="small">The link is good for ten minutes. Reload the page for a new one.</p>',
    )


def installed(name: str | None, app_link: str, browser_link: str) -> str:
    where = f"It is in <strong>{escape(name)}</strong> now." if name else "It is in your workspace now."
    return _page(
        "The app is installed",
        "&#10003;",
        f'<p>{where} Slack opens by itself; if it does not:</p><a class="button" href="{escape(app_link)}">Open Slack</a>'
        f'<p>or <a href="{escape(browser_link)}">open it in this browser</a>.</p>',
        head=f'<meta http-equiv="refresh" content="1; url={escape(app_link)}">',
    )


def failed(title: str, what: str, advice: str, install_path: str, request_id: str) -> str:
    return _page(
        title,
        "!",
        f'<p>{escape(what)}</p><p>{escape(advice)}</p><a class="button" href="{escape(install_path)}">Start again</a>',
        request_id=request_id,
    )


def error(status: int, reason: str, request_id: str) -> str:
    return _page(f"{status} {reason}", "!", '<p><a href="/">To the start page</a></p>', request_id=request_id)
