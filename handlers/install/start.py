"""GET /slack/install: issue a state, tie it to the browser, and link or redirect to Slack."""

from __future__ import annotations

from latchkey.errors import StoreError
from latchkey.handlers.install import failures
from latchkey.handlers.install.cookies import remember_attempt


class InstallHandler(failures.InstallFlowHandler):
    async def get(self) -> None:
        teams = self.get_query_arguments("team")
        try:
            state = await self.services.store.states.async_issue()
        except StoreError as error:
            self.fail(failures.STORE, cause=error)
            return
        url = self.services.oauth.authorize_url(state, teams[0] if len(teams) == 1 else None)
        remember_attempt(self, state)
        if self.services.show_install_page:
            self.write_page(self.services.pages.install(url))
        else:
            self.redirect(url)
