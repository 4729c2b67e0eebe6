"""Exchanges long-lived tokens for pairs of an access token and a refresh token, each once.

Invariant: an exchange is stored before anything else uses the pair. If its response is lost, the long-lived token stays
valid, because Slack ends it only with the first refresh of the pair.
https://docs.slack.dev/authentication/using-token-rotation
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from latchkey.errors import SlackRateLimited, SlackRefused, SlackUnavailable
from latchkey.slackapi.client import ProxyFor, WebClients
from latchkey.slackapi.token_calls import TokenCalls
from latchkey.storage import Attempt, BlockingTokens, TokenId, TokenPair


@dataclass
class Exchanged:
    """The result of exchanging some tokens."""

    exchanged: int = 0
    skipped: int = 0
    """Tokens that expire already, or that another process is exchanging."""
    failed: list[tuple[TokenId, str]] = field(default_factory=list)
    """Tokens that were not exchanged, and why: Slack's error code, or a phrase. They stay as they were."""
    complete: bool = True
    """Whether every token was tried. If Slack limits the rate or does not answer, the rest is left for later."""


async def exchange_tokens(
    tokens: BlockingTokens,
    token_ids: Iterable[TokenId],
    *,
    api_url: str,
    client_id: str,
    client_secret: str,
    proxy_for: ProxyFor,
    clock: Callable[[], float] = time.time,
) -> Exchanged:
    """Exchange each of these tokens that is long-lived (method oauth.v2.exchange), for a command.

    Raises StoreUnavailable or UnreadableRecord.
    """
    result = Exchanged()
    async with WebClients(api_url=api_url, proxy_for=proxy_for) as web:
        calls = TokenCalls(web, client_id=client_id, client_secret=lambda: client_secret)
        for token_id in token_ids:
            pair = tokens.pair(token_id)
            if pair is None or pair.expires_at is not None:
                result.skipped += pair is not None
                continue
            attempt = tokens.begin(token_id, pair, clock(), early=True)
            if not isinstance(attempt, Attempt):
                result.skipped += 1
                continue
            try:
                issued = await calls.exchange(pair.access_token)
            except SlackRefused as error:
                tokens.cancel(attempt)
                result.failed.append((token_id, error.reason))
            except SlackUnavailable as error:
                tokens.cancel(attempt)
                result.failed.append((token_id, _advice(error)))
                result.complete = False
                return result
            else:
                new = TokenPair(issued.access_token, issued.refresh_token, int(clock()) + issued.expires_in)
                result.exchanged += tokens.complete(attempt, new)
    return result


def _advice(error: SlackUnavailable) -> str:
    return "rate limited, run the command again later" if isinstance(error, SlackRateLimited) else error.reason
