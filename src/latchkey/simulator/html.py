"""The stand-in's pages as HTML. Plain, and labelled for what they are."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import urlencode

from latchkey.simulator.model import World

STYLE = """
:root{color-scheme:light dark;--ink:#1d1c1d;--soft:#616061;--line:#dcdcdc;--card:#fff;--ground:#f3f1f5;--accent:#4a154b;--on:#fff;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e8e6e9;--soft:#a9a5ab;--line:#3a363c;--card:#221f24;--ground:#161418;--accent:#d8b4da;--on:#241125;--bad:#ffb4ab}}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,"Segoe UI",Roboto,sans-serif}
header{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:center;padding:.7rem 1.2rem;border-bottom:1px solid var(--line);background:var(--card)}
header b{font-size:1.05rem}header span{color:var(--soft);font-size:.85rem}
nav{display:flex;gap:.4rem;margin-left:auto}
nav a{padding:.25rem .7rem;border-radius:99px;color:var(--ink);text-decoration:none;border:1px solid var(--line)}
nav a[aria-current]{background:var(--accent);color:var(--on);border-color:var(--accent)}
main{display:grid;grid-template-columns:minmax(0,1.5fr) minmax(0,1fr);gap:1rem;max-width:70rem;margin:1rem auto;padding:0 1rem}
@media(max-width:48rem){main{grid-template-columns:minmax(0,1fr)}}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1rem 1.2rem}
h2{margin:0 0 .6rem;font-size:1rem}
.message{padding:.35rem 0}.message b{margin-right:.5rem}.message small,.note{color:var(--soft)}
.private{border-left:3px solid var(--line);padding-left:.6rem}
form.row{display:flex;gap:.5rem;margin-top:.6rem}
input,select,textarea{flex:1;width:100%;padding:.5rem .6rem;border:1px solid var(--line);border-radius:8px;background:var(--ground);color:var(--ink);font:inherit}
button,.button{padding:.5rem .9rem;border:1px solid var(--accent);border-radius:8px;background:var(--accent);color:var(--on);font:inherit;font-weight:600;text-decoration:none;cursor:pointer}
button.quiet{background:transparent;color:var(--ink);border-color:var(--line)}
table{width:100%;border-collapse:collapse;font-size:.88rem}td{padding:.25rem .3rem;border-top:1px solid var(--line);vertical-align:top}
td:last-child{text-align:right;white-space:nowrap;color:var(--soft)}
.form{border:2px solid var(--accent);margin-bottom:1rem}.form label{display:block;margin:.6rem 0 .2rem;font-weight:600}
.error{color:var(--bad);font-size:.88rem}.center{max-width:30rem;margin:3rem auto;padding:1.6rem}
.actions{display:flex;gap:.6rem;margin-top:1.2rem;flex-wrap:wrap}
"""


def page(title: str, content: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{content}</body></html>"
    )


def header(tabs: str = "") -> str:
    return f"<header><b>Stand-in Slack</b><span>on this machine, not Slack</span>{tabs}</header>"


def consent(world: World, query: Mapping[str, str]) -> str:
    """Return the page with Allow and Cancel."""
    scopes = ", ".join(filter(None, [query.get("scope", ""), query.get("user_scope", "")])).replace(",", ", ")
    chosen = query.get("team")
    options = "".join(
        f'<option value="{escape(team_id)}"{" selected" if team_id == chosen else ""}>{escape(workspace.name)}</option>'
        for team_id, workspace in world.workspaces.items()
    )
    return page(
        "Allow the app?",
        f'{header()}<section class="center"><h2>The app asks for access to a workspace</h2>'
        f'<p class="note">It wants: {escape(scopes)}</p>'
        f'<form method="post" action="?{escape(urlencode(query))}"><label>Workspace<br>'
        f'<select name="workspace">{options}</select></label><div class="actions">'
        '<button name="decision" value="allow">Allow</button>'
        '<button class="quiet" name="decision" value="cancel">Cancel</button></div></form></section>',
    )


def refused(code: str) -> str:
    return page(
        "Something went wrong",
        f'{header()}<section class="center"><h2>Something went wrong when authorizing this app</h2>'
        f"<p>Error: <code>{escape(code)}</code></p></section>",
    )
