"""The floor: a Tornado handler that responds with 200 and does nothing else."""

import asyncio
import os

from tornado.web import Application, RequestHandler


class Nothing(RequestHandler):
    def post(self) -> None:
        self.finish(b"")


async def main() -> None:
    application = Application([("/slack/events", Nothing)], log_function=lambda handler: None)
    application.listen(int(os.environ["PORT"]), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
