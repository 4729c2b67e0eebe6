"""GET /slack/installed: the success page, which can be reloaded."""

from __future__ import annotations

from latchkey.handlers.base import BaseHandler
from latchkey.handlers.install.cookies import receipt_of
from latchkey.slackapi.oauth import Links


class InstalledHandler(BaseHandler):
    def get(self) -> None:
        pages = self.services.pages
        receipt = receipt_of(self)
        if receipt is None:
            self.write_page(pages.nothing_installed())
            return
        links = Links(receipt.app_link, receipt.browser_link)
        self.write_page(pages.installed(receipt.name, links, is_org=receipt.is_org))
