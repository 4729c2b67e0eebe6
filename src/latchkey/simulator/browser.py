"""A minimal browser: it keeps cookies, and follows redirects if told to."""

from __future__ import annotations

from http.cookies import SimpleCookie
from urllib.parse import urljoin

from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse

MAX_REDIRECTS = 5


class Browser:
    """One person's browser, used for one host: cookies are sent to every URL."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}
        self._client = AsyncHTTPClient(force_instance=True)

    def close(self) -> None:
        self._client.close()

    async def open(self, url: str) -> HTTPResponse:
        """Get a URL as a person's browser does: follow its redirects, and return the page at their end."""
        response = await self.get(url)
        for _ in range(MAX_REDIRECTS):
            if "Location" not in response.headers:
                break
            url = urljoin(url, response.headers["Location"])
            response = await self.get(url)
        return response

    async def get(self, url: str, **headers: str) -> HTTPResponse:
        return await self._fetch(HTTPRequest(url, headers=self._headers(headers), follow_redirects=False))

    async def post(self, url: str, body: str, headers: dict[str, str] | None = None) -> HTTPResponse:
        """Send a body, as a form unless `headers` name another Content-Type."""
        sent = self._headers({"Content-Type": "application/x-www-form-urlencoded", **(headers or {})})
        return await self._fetch(HTTPRequest(url, "POST", headers=sent, body=body, follow_redirects=False))

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {**headers, **({"Cookie": cookie} if cookie else {})}

    async def _fetch(self, request: HTTPRequest) -> HTTPResponse:
        response = await self._client.fetch(request, raise_error=False)
        for line in response.headers.get_list("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                if morsel.value:
                    self.cookies[name] = morsel.value
                else:  # the server clears the cookie
                    self.cookies.pop(name, None)
        return response
