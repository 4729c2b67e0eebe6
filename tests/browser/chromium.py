"""Opens pages in Debian's Chromium and reports what is wrong with them: accessibility, layout, blocked content."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import axe_playwright_python
from playwright.async_api import ConsoleMessage, Page, async_playwright

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync")  # fmt: skip
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = (1280, 390)
HEIGHT = 844
MIN_MARGIN = 12
"""Pixels between the edge of the window and what is in it."""
LAYOUT = """() => {
    const boxes = [...document.querySelectorAll("section, footer, main:not(:has(section))")].map(item => item.getBoundingClientRect())
    return {
        overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        margin: Math.min(...boxes.map(box => Math.min(box.left, document.documentElement.clientWidth - box.right))),
    }
}"""


class Reader:
    """A browser window; `check` examines the page that it shows, light and dark, wide and narrow."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self.problems: list[str] = []
        self.checked: list[str] = []
        self._folder = folder
        self._messages: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self._messages.append(f"script error: {error}"))

    def _hear(self, message: ConsoleMessage) -> None:
        # Chromium reports a 4xx or 5xx page as an error, which is intended; but not that of anything in the page.
        if message.type in ("error", "warning") and message.location["url"] != self.page.url:
            self._messages.append(f"{message.text} ({message.location['url'].partition('?')[0]})")

    async def check(self, name: str, *, widths: Sequence[int] = WIDTHS, has_margins: bool = True) -> None:
        """Examine the current page, and add what is wrong with it to `problems`. Saves a picture of each variant.

        `has_margins`: whether its content must stay away from the edges of the window.
        """
        self.checked.append(name)
        self.problems += [f"{name}: {message}" for message in self._messages]
        self._messages.clear()
        for width in widths:
            await self.page.set_viewport_size({"width": width, "height": HEIGHT})
            for scheme in SCHEMES:
                await self.page.emulate_media(color_scheme=scheme)
                await self.page.screenshot(path=self._folder / f"{name}-{scheme}-{width}.png", full_page=True)
                found = [*await self._layout(has_margins), *await self._accessibility()]
                self.problems += [f"{name}, {scheme}, {width} px: {problem}" for problem in found]

    async def _layout(self, has_margins: bool) -> list[str]:
        layout = await self.page.evaluate(LAYOUT)
        problems = [f"is {layout['overflow']} px wider than the window"] if layout["overflow"] > 0 else []
        return problems + (
            [f"has a margin of {layout['margin']} px"] if has_margins and layout["margin"] < MIN_MARGIN else []
        )

    async def _accessibility(self) -> list[str]:
        # Evaluated by the debugger, which the page's Content-Security-Policy does not restrict.
        debugger = await self.page.context.new_cdp_session(self.page)
        await debugger.send("Runtime.evaluate", {"expression": AXE})
        answer: dict[str, Any] = await debugger.send(
            "Runtime.evaluate", {"expression": "axe.run(document)", "awaitPromise": True, "returnByValue": True}
        )
        await debugger.detach()
        results = answer["result"]["value"]
        assert results["passes"], "axe ran"
        return [
            f"{violation['impact']}: {violation['id']} ({violation['nodes'][0]['html'][:120]})"
            for violation in results["violations"]
        ]


@asynccontextmanager
async def reader(folder: Path) -> AsyncIterator[Reader]:
    """Open a window. Pictures of its pages go into `folder`."""
    folder.mkdir(exist_ok=True)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        context = await chromium.new_context()
        yield Reader(await context.new_page(), folder)
        await chromium.close()
