"""An AsyncWebClient that reports method, outcome and duration of every request to a callback.

Invariant: only a method's name and Slack's own error code are reported, never what was sent or received. Both become
labels of a metric, so they are short and few.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.file_upload_v2_result import FileUploadV2Result

from latchkey.slackapi.client.outcomes import (
    CANCELLED,
    TIMEOUT,
    UNREACHABLE,
    UNREADABLE,
    CallObserver,
    ignore_call,
    outcome_of,
)
from latchkey.slackapi.client.proxy import ProxyFor, no_proxy
from latchkey.slackapi.json_text import to_plain, well_formed


class InstrumentedClient(AsyncWebClient):
    """A client that calls `on_call` after every request, retries included."""

    def __init__(
        self,
        *,
        on_call: CallObserver = ignore_call,
        api_proxy: Mapping[str, Any] | None = None,
        proxy_for: ProxyFor = no_proxy,
        **settings: Any,
    ) -> None:
        """`api_proxy` is what `proxy_for` returns for the Web API's URL; files are uploaded to others."""
        super().__init__(**settings)
        # slack_sdk has taken a proxy from the environment, without regard to NO_PROXY.
        self.proxy = None
        self._api_proxy = api_proxy or {}
        self._proxy_for = proxy_for
        self._on_call = on_call

    async def _request(self, *, http_verb: str, api_url: str, req_args: dict[str, Any]) -> dict[str, Any]:
        # slack_sdk sends both the first request of a call and those for further pages through this method.
        req_args = {**_encodable(req_args), **self._api_proxy}
        started, outcome = time.monotonic(), CANCELLED
        try:
            response = await super()._request(http_verb=http_verb, api_url=api_url, req_args=req_args)
            outcome = outcome_of(response["status_code"], response["data"])
            return response
        except TimeoutError:
            outcome = TIMEOUT
            raise
        except (aiohttp.ClientError, OSError):
            outcome = UNREACHABLE
            raise
        except Exception:
            outcome = UNREADABLE
            raise
        finally:
            self._on_call(api_url.rpartition("/")[2], outcome, time.monotonic() - started)

    async def _upload_file(self, *, url: str, data: bytes, **_: Any) -> FileUploadV2Result:
        # slack_sdk has no place for the headers that a proxy requires.
        assert self.session is not None
        async with self.session.post(url, data=data, **self._proxy_for(url)) as response:
            return FileUploadV2Result(status=response.status, body=await response.text())


def _encodable(req_args: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with slack_sdk's objects converted, and without text that cannot be encoded."""
    json, forms = req_args.get("json"), {name: req_args.get(name) for name in ("params", "data")}
    return {
        **req_args,
        **({"json": to_plain(json)} if json else {}),
        **{name: well_formed(fields) for name, fields in forms.items() if isinstance(fields, dict)},
    }
