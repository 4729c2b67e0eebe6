"""GET /slack/oauth/callback: from Slack's redirect to a saved installation.

Invariant: the state is consumed first, even if everything else is wrong. A code is
exchanged last, and its tokens are saved, or the installation is undone, before anything else can fail.
"""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from slack_sdk.oauth.installation_store import Installation

from latchkey.dispatch import InstallFailure, InstallRequest
from latchkey.errors import InstallCheckFailed, LatchkeyError, OAuthError, SlackUnavailable, StoreError
from latchkey.handlers.install import failures
from latchkey.handlers.install.cookies import give_receipt, is_same_browser, receipt_of
from latchkey.handlers.install.failures import InstallFailed
from latchkey.handlers.install.refusal import undo_refused
from latchkey.handlers.receipts import Receipt, digest
from latchkey.metrics import INSTALLED
from latchkey.slackapi.client import UNEXPECTED_RESPONSE, is_error_code
from latchkey.slackapi.oauth import links
from latchkey.slackapi.paths import INSTALL_PATH, INSTALLED_PATH
from latchkey.storage import IssuedState

MAX_ARGUMENT_LENGTH = 1024
"""Slack's codes are under 200 characters, and our states are 51."""

logger = logging.getLogger("latchkey.oauth")


class CallbackHandler(failures.InstallFlowHandler):
    def head(self) -> None:
        """Respond without any effect: only a person's own GET may install the app."""

    async def get(self) -> None:
        if "prefetch" in self.request.headers.get("Sec-Purpose", "") + self.request.headers.get("Purpose", ""):
            self.send_error(503)  # a speculative request must not consume the state that the click needs
            return
        try:
            state, code, error = (self._argument(name) for name in ("state", "code", "error"))
            if state is None and error is None:
                # Slack's own "Add" buttons send no state: begin an install that has one; never exchange this code.
                self.redirect(INSTALL_PATH)
                return
            await self._install(state, code, error)
        except InstallFailed as failed:
            self.report(failed)
            if not await self._show_apps_failure(failed):
                self.show(failed)

    async def _install(self, state: str | None, code: str | None, error: str | None) -> None:
        issued = await self._take_state(state)
        was_valid = issued is not None and issued.is_valid
        same_browser = state is not None and is_same_browser(self, state)
        if issued is not None and same_browser:  # nobody else may continue this person's install
            self.start_query = issued.start_query
        self._check_error(error)
        if not was_valid and self._has_succeeded_before(state, code):
            self.redirect(INSTALLED_PATH, status=303)
            return
        self._check_state(was_valid)
        self._check_browser(same_browser)
        code = self._check_code(code)
        issued_values = issued.custom_values if issued is not None else {}
        async with self.services.undoer.gate.installing():
            installation = await self._exchange(code)
            installation.custom_values = {**await self._earlier_values(installation), **issued_values}
            refusal = self._check_workspace(installation) or await self._check_with_listeners(installation)
            if refusal is None:
                await self._save(installation)
        if refusal is not None:
            raise await undo_refused(self.services.undoer, installation, refusal)
        self.services.events.check_replays()  # the event of this install is among them
        await self._enrich(installation)
        await self._show_success(installation, digest(state, code))

    def _argument(self, name: str) -> str | None:
        values = self.get_query_arguments(name)
        if len(values) > 1 or any(len(value) > MAX_ARGUMENT_LENGTH for value in values):
            raise InstallFailed(failures.REQUEST)
        return values[0] if values and values[0] else None

    async def _take_state(self, state: str | None) -> IssuedState | None:
        try:
            return None if state is None else await self.services.store.states.async_take(state)
        except StoreError as error:
            raise InstallFailed(failures.STORE, cause=error) from error

    def _check_error(self, error: str | None) -> None:
        if error == "access_denied":
            raise InstallFailed(failures.CANCELLED)
        if error is not None:
            raise InstallFailed(failures.SLACK_ERROR, error if is_error_code(error) else "")

    def _has_succeeded_before(self, state: str | None, code: str | None) -> bool:
        """Return whether this callback has installed the app in this browser: someone went back, or reloaded."""
        receipt = receipt_of(self)
        return receipt is not None and receipt.callback == digest(state, code)

    def _check_state(self, was_valid: bool) -> None:
        if not was_valid:
            raise InstallFailed(failures.STATE)

    def _check_browser(self, same_browser: bool) -> None:
        if not same_browser:
            raise InstallFailed(failures.BROWSER)

    def _check_code(self, code: str | None) -> str:
        if code is None:
            raise InstallFailed(failures.NO_CODE)
        return code

    async def _exchange(self, code: str) -> Installation:
        try:
            return await self.services.oauth.exchange(code)
        except OAuthError as error:
            slack_error = "" if error.reason == UNEXPECTED_RESPONSE else error.reason
            raise InstallFailed(failures.CODE, slack_error, cause=error) from error
        except SlackUnavailable as error:
            raise InstallFailed(failures.SLACK, cause=error) from error

    def _check_workspace(self, installation: Installation) -> InstallFailed | None:
        """Return why the app may not be installed there, or None if it may."""
        team_id = None if installation.is_enterprise_install else installation.team_id
        self.team_id = installation.team_id or installation.enterprise_id
        is_allowed = self.services.allowed_workspaces.allow(installation.enterprise_id, team_id)
        return None if is_allowed else InstallFailed(failures.WORKSPACE)

    async def _check_with_listeners(self, installation: Installation) -> InstallFailed | None:
        """Return why a `before_install` function refuses the installation, or None."""
        try:
            reason = await self.services.install_hooks.refusal(installation, self.request_id)
        except InstallCheckFailed as error:
            return InstallFailed(failures.CHECK, cause=error)
        if reason is None:
            return None
        return InstallFailed(failures.REFUSED._replace(what=reason) if reason else failures.REFUSED)

    async def _earlier_values(self, installation: Installation) -> dict[str, str]:
        """Return the workspace's values, so that installing again without the link keeps them."""
        try:
            earlier = await self.services.store.installations.async_find_installation(
                enterprise_id=installation.enterprise_id,
                team_id=installation.team_id,
                is_enterprise_install=installation.is_enterprise_install,
            )
        except StoreError as error:  # the tokens are still to be saved
            logger.warning("earlier values could not be read: %s request_id=%s", error, self.request_id)
            return {}
        return earlier.custom_values if earlier is not None else {}

    async def _save(self, installation: Installation) -> None:
        try:
            event = self.services.install_hooks.installed_event(installation, self.request_id)
            await self.services.store.installations.async_save_new(installation, event)
        except StoreError as error:
            raise InstallFailed(failures.STORE, cause=error) from error
        self.services.metrics.installs[INSTALLED].inc()
        logger.info("the app was installed team=%s request_id=%s", self.team_id, self.request_id)

    async def _enrich(self, installation: Installation) -> None:
        """Add the details from auth.test. The tokens are saved already, so a failure is only logged."""
        try:
            enriched = await self.services.oauth.enrich(installation)
            await self.services.store.installations.async_enrich(enriched)
        except LatchkeyError as error:
            logger.warning("auth.test details could not be added: %s request_id=%s", error, self.request_id)

    async def _show_success(self, installation: Installation, callback: str) -> None:
        """Redirect to the success page; a callback cannot be reloaded, and its URL contains a code.

        A mounted app may have a page of its own, which is the response to the callback itself.
        """
        own = self.services.success_url
        if own:
            query = urlencode({"team": self.team_id or "", "app": installation.app_id or ""})
            self.redirect(f"{own}{'&' if '?' in own else '?'}{query}")
            return
        app_link, browser_link = links(installation)
        name = installation.team_name or installation.enterprise_name or ""
        give_receipt(self, Receipt(callback, name, app_link, browser_link, bool(installation.is_enterprise_install)))
        page = await self.services.install_hooks.success_page(self._for_app, installation, self.request_id)
        if page is None:
            self.redirect(INSTALLED_PATH, status=303)
        else:
            self.write_reply(page)

    async def _show_apps_failure(self, failed: InstallFailed) -> bool:
        """Respond with a mounted app's own page, if it has one and the operator has none; returns whether."""
        if self.services.failure_url:
            return False
        reason = failed.slack_error if failed.failure is failures.SLACK_ERROR else failed.failure.reason
        failure = InstallFailure(reason or failed.failure.reason, failed.failure.status, failed.cause)
        page = await self.services.install_hooks.failure_page(self._for_app, failure, self.request_id)
        if page is not None:
            self.write_reply(page)
        return page is not None

    @property
    def _for_app(self) -> InstallRequest:
        headers = self.request.headers
        return InstallRequest(self.request.query, {name: headers.get_list(name) for name in headers})
