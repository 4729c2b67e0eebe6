"""The only Web API method that Bolt calls by itself: auth.test, for the workspace that the token belongs to."""

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


app = web.Application()
app.router.add_route("*", "/api/auth.test", auth_test)
web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None)
