"""The Web API methods that servers call by themselves: auth.test, for the workspace that the token belongs to, and the
refresh of a token. GET refreshes returns how many there were.
"""

import os

from aiohttp import web


async def auth_test(request: web.Request) -> web.Response:
    number = int(request.headers["Authorization"].rpartition("-")[2])
    document = {
        "ok": True,
        "url": "https://bench.slack.com/",
        "team": "bench",
        "user": "bot",
        "team_id": f"T{number:08d}",
        "user_id": f"UBOT{number:08d}",
        "bot_id": f"B{number:08d}",
    }
    return web.json_response(document, headers={"x-oauth-scopes": "chat:write,commands"})


issued: list[int] = []


async def refresh(request: web.Request) -> web.Response:
    number = len(issued)
    issued.append(number)
    return web.json_response(
        {
            "ok": True,
            "access_token": f"xoxe.xoxb-1-{number}",
            "refresh_token": f"xoxe-1-{number}",
            "expires_in": 43_200,
            "token_type": "bot",
        }
    )


async def refreshes(request: web.Request) -> web.Response:
    return web.Response(text=str(len(issued)))


app = web.Application()
app.router.add_route("*", "/api/auth.test", auth_test)
app.router.add_route("*", "/api/oauth.v2.access", refresh)
app.router.add_get("/api/refreshes", refreshes)
web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None)
