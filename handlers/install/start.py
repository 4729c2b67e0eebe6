"""GET /slack/install: issue a state, tie it to the browser, and link or redirect to Slack."""

from __future__ import annotations

from urllib.parse import urlencode

from latchkey.errors import LinkError, StoreError
from latchkey.handlers.install import failures
from latchkey.handlers.install.cookies import remember_attempt
from latchkey.slackapi.paths import LINK_ARGUMENT
from latchkey.storage import value_fault

MAX_LINK_LENGTH = 2000


class InstallHandler(failures.InstallFlowHandler):
    async def get(self) -> None:
        teams = self.get_query_arguments("team")
        try:
            values = {**self._unsigned_values(), **await self._signed_values()}
            if value_fault(values):
                raise failures.InstallFailed(failures.REQUEST)
            state = await self.services.store.states.async_issue_with(
                values, self._query() if values else "", self.services.state_seconds
            )
        except StoreError as error:
            self.fail(failures.InstallFailed(failures.STORE, cause=error))
            return
        except failures.InstallFailed as failed:
            self.fail(failed)
            return
        url = self.services.oauth.authorize_url(state, teams[0] if len(teams) == 1 else None)
        remember_attempt(self, state)
        if self.services.show_install_page:
            self.write_page(self.services.pages.install(url))
        else:
            self.redirect(url)

    def _query(self) -> str:
        """Return the query of this request, without parameters that have no meaning here."""
        names = ["team", LINK_ARGUMENT, *self.services.unsigned_metadata]
        return urlencode([(name, value) for name in names for value in self.get_query_arguments(name)])

    async def _signed_values(self) -> dict[str, str]:
        """Return the values of a link from `latchkey install-link`."""
        links = self.get_query_arguments(LINK_ARGUMENT)
        if not links:
            return {}
        if len(links) > 1 or len(links[0]) > MAX_LINK_LENGTH:
            raise failures.InstallFailed(failures.LINK)
        try:
            return await self.services.store.async_install_link_values(links[0])
        except LinkError as error:
            failure = failures.EXPIRED_LINK if error.reason == "expired" else failures.LINK
            raise failures.InstallFailed(failure, cause=error) from error

    def _unsigned_values(self) -> dict[str, str]:
        """Return the query parameters that `[install] unsigned_metadata` names; others are ignored."""
        values: dict[str, str] = {}
        for name in self.services.unsigned_metadata:
            found = self.get_query_arguments(name)
            if len(found) > 1:
                raise failures.InstallFailed(failures.REQUEST)
            if found and found[0]:
                values[name] = found[0]
        return values
