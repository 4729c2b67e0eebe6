"""The end of an installation: its unfinished events are dropped, and its own listeners still run."""

import itertools
from typing import Any

import pytest
from slack_sdk.oauth.installation_store import Installation

from latchkey.dispatch import App
from latchkey.errors import NoToken, StoreUnavailable
from latchkey.handlers.services import Services
from latchkey.simulator import Slack
from latchkey.storage import Store
from tests.support.clocks import Clock
from tests.support.counts import count
from tests.support.stores import unfinished
from tests.support.waiting import until

ORG, TEAM, OTHER = "E0FOREST", "T0CEDAR", "T0ELM"
UNINSTALLED = {"type": "app_uninstalled"}
TOKENS_REVOKED = {"type": "tokens_revoked", "tokens": {"oauth": ["U0ALICE"], "bot": ["UBOTACME"]}}
WORKSPACE_ONLY = {"authorizations": None}
"""A wrapper that names no installation, as Slack documents these events."""


def save(store: Store, clock: Clock, enterprise_id: str | None, team_id: str | None) -> None:
    store.installations.save(
        Installation(
            enterprise_id=enterprise_id, team_id=team_id, is_enterprise_install=team_id is None, user_id="U0ALICE",
            bot_token="xoxb-sentinel", bot_id="B1", bot_user_id="UBOT", user_token="xoxp-sentinel",
            installed_at=clock(),
        )
    )  # fmt: skip


def installed_teams(store: Store) -> set[tuple[str | None, str | None]]:
    return {(found.enterprise_id, found.team_id) for found in store.installations.page().installations}


@pytest.fixture
def attempts(listeners: App) -> list[str]:
    """The attempts of a listener that always fails, so that its events stay unfinished."""
    made: list[str] = []

    @listeners.event("app_mention")
    async def failing(event: dict[str, Any]) -> None:
        made.append(event["text"])
        raise ValueError

    return made


def of_org(org_wide: bool, team_id: str | None = TEAM) -> dict[str, Any]:
    """Return the wrapper of an event for an org's installation, or for that of one of its workspaces."""
    authorization = {"enterprise_id": ORG, "team_id": team_id, "is_enterprise_install": org_wide}
    return {"team_id": team_id, "enterprise_id": ORG, "authorizations": [authorization]}


async def mention(slack: Slack, services: Services, text: str = "x", **wrapper: Any) -> None:
    """Send an event, and return when its first attempt has failed."""
    before = count(services.metrics, "events_retried")
    assert (await slack.sender.mention(slack.workspace(), text, wrapper=wrapper)).status == 200
    await until(lambda: count(services.metrics, "events_retried") > before)


async def send(slack: Slack, event: dict[str, Any], **wrapper: Any) -> int:
    return (await slack.sender.event(slack.workspace(), event, wrapper=wrapper or WORKSPACE_ONLY)).status


@pytest.mark.gen_test
@pytest.mark.parametrize("settings", [{"events": {"durable": True}}, {"events": {"durable": False}}])
async def test_uninstall_drops_unfinished_events_and_counts_them(
    http_server: object,
    installed: Slack,
    attempts: list[str],
    services: Services,
    store: Store,
    all_logs: pytest.LogCaptureFixture,
) -> None:
    await mention(installed, services, "one")
    await mention(installed, services, "two")
    assert await send(installed, UNINSTALLED) == 200
    assert unfinished(store) == []
    assert count(services.metrics, "events_dropped") == 2
    assert services.metrics.registry.get_sample_value("latchkey_inbox_events") == 0
    assert "app_uninstalled removed 3 records and dropped 2 unfinished events team=T0ACME" in all_logs.text


@pytest.mark.gen_test
async def test_uninstall_drops_only_the_events_of_its_workspace(
    http_server: object, installed: Slack, attempts: list[str], services: Services, store: Store, clock: Clock
) -> None:
    save(store, clock, None, OTHER)
    await mention(installed, services, team_id=OTHER, authorizations=None)
    assert await send(installed, UNINSTALLED) == 200
    assert len(unfinished(store)) == 1


@pytest.mark.gen_test
async def test_late_uninstall_keeps_a_newer_installation_and_its_events(
    http_server: object, installed: Slack, attempts: list[str], services: Services, store: Store, clock: Clock
) -> None:
    await mention(installed, services, "before")
    uninstalled_at = int(clock())
    clock.now += 60
    save(store, clock, None, "T0ACME")
    clock.now += 1
    await mention(installed, services, "after")
    for _ in range(2):  # late, and repeated
        assert await send(installed, UNINSTALLED, event_time=uninstalled_at, **WORKSPACE_ONLY) == 200
    assert installed_teams(store) == {(None, "T0ACME")}
    [kept] = unfinished(store)
    assert b"after" in kept.body  # type: ignore[union-attr]


@pytest.mark.gen_test
@pytest.mark.parametrize("tokens", [{"oauth": ["U0ALICE"]}, {"oauth": ["U0BOB"], "bot": []}])
async def test_a_persons_revocation_drops_no_events(
    http_server: object, installed: Slack, attempts: list[str], services: Services, store: Store, tokens: Any
) -> None:
    await mention(installed, services)
    assert await send(installed, {"type": "tokens_revoked", "tokens": tokens}) == 200
    assert len(unfinished(store)) == 1
    assert count(services.metrics, "events_dropped") == 0


@pytest.mark.gen_test
async def test_uninstall_listeners_run_without_a_token(
    http_server: object, installed: Slack, listeners: App, services: Services
) -> None:
    seen: dict[str, Any] = {}

    @listeners.event("app_uninstalled")
    async def forget(context: Any, client: Any) -> None:
        seen.update(team=context.team_id, token=context.bot_token, bot=context.bot_user_id)
        with pytest.raises(NoToken, match=r"cannot call chat\.postMessage: the workspace has removed the app"):
            await client.chat_postMessage(channel="C1", text="bye")

    @listeners.event("tokens_revoked")
    def forget_tokens(client: Any) -> None:
        with pytest.raises(NoToken):
            client.auth_test()
        seen["sync"] = True

    for event in (TOKENS_REVOKED, UNINSTALLED):
        assert await send(installed, event) == 200
    await until(lambda: count(services.metrics, "events_finished") == 2)
    assert seen == {"team": "T0ACME", "token": None, "bot": None, "sync": True}
    assert installed.world.calls == []


@pytest.mark.gen_test
async def test_listeners_of_a_revocation_run_if_the_token_left_has_expired(
    http_server: object, slack: Slack, listeners: App, store: Store, clock: Clock
) -> None:
    tokens: list[str | None] = []

    @listeners.event("tokens_revoked")
    async def forget_person(context: Any) -> None:
        tokens.append(context.bot_token)

    save(store, clock, None, "T0ACME")
    bot = store.installations.find_bot(enterprise_id=None, team_id="T0ACME")
    assert bot is not None
    bot.bot_refresh_token, bot.bot_token_expires_at = "xoxe-sentinel", int(clock()) - 1
    store.installations.save_bot(bot)
    assert await send(slack, {"type": "tokens_revoked", "tokens": {"oauth": ["U0ALICE"]}}) == 200
    await until(lambda: tokens == [None])


@pytest.mark.gen_test
async def test_a_late_uninstalls_listeners_do_not_get_a_later_installations_token(
    http_server: object, installed: Slack, listeners: App, services: Services, store: Store, clock: Clock
) -> None:
    tokens: list[str | None] = []

    @listeners.event("app_uninstalled")
    async def forget(context: Any) -> None:
        tokens.append(context.bot_token)

    @listeners.event("tokens_revoked")
    async def forget_person(context: Any) -> None:
        tokens.append(context.bot_token)

    uninstalled_at = int(clock())
    clock.now += 60
    save(store, clock, None, "T0ACME")
    assert await send(installed, UNINSTALLED, event_time=uninstalled_at, **WORKSPACE_ONLY) == 200
    await until(lambda: tokens == [None])
    assert await send(installed, {"type": "tokens_revoked", "tokens": {"oauth": ["U0BOB"]}}) == 200
    await until(lambda: tokens == [None, "xoxb-sentinel"])


@pytest.mark.gen_test
async def test_a_repeated_uninstall_does_not_drop_the_first_ones_listeners(
    http_server: object, installed: Slack, listeners: App, services: Services, store: Store
) -> None:
    runs: list[int] = []

    @listeners.event("app_uninstalled")
    async def forget(context: Any) -> None:
        runs.append(context.attempt)
        if context.attempt == 1:
            raise ValueError

    event_id = {"event_id": "Ev1", **WORKSPACE_ONLY}
    for _ in range(2):
        assert await send(installed, UNINSTALLED, **event_id) == 200
    await until(lambda: runs == [1, 2])
    assert count(services.metrics, "events_dropped") == 0


ENDINGS = [UNINSTALLED, TOKENS_REVOKED, {"type": "team_access_revoked", "team_ids": ["T0ACME"]}]


@pytest.mark.gen_test
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_any_order_and_any_repetition_removes_the_same_without_a_call(
    http_server: object, installed: Slack, store: Store, clock: Clock, order: tuple[int, ...]
) -> None:
    save(store, clock, None, OTHER)
    save(store, clock, ORG, None)
    for number in (*order, *order):
        assert await send(installed, ENDINGS[number]) == 200
    assert installed_teams(store) == {(None, OTHER), (ORG, None)}
    assert store.installations.find_bot(enterprise_id=None, team_id="T0ACME") is None
    assert installed.world.calls == []


class TestOrgs:
    @pytest.fixture(autouse=True)
    def _installations(self, store: Store, clock: Clock) -> None:
        """The org, and one of its workspaces on its own."""
        save(store, clock, ORG, None)
        save(store, clock, ORG, OTHER)

    @pytest.mark.gen_test
    async def test_an_orgs_uninstall_drops_its_events_but_not_those_of_a_workspaces_own_installation(
        self, http_server: object, slack: Slack, attempts: list[str], services: Services, store: Store, clock: Clock
    ) -> None:
        await mention(slack, services, "org-wide", **of_org(True))
        await mention(slack, services, "without the flag", **of_org(False, "T0FIR"))
        await mention(slack, services, "own", **of_org(False, OTHER))
        save(store, clock, None, TEAM)  # from before it joined the org
        await mention(slack, services, "own, and earlier", **of_org(False, TEAM))
        assert await send(slack, UNINSTALLED, **of_org(True, None)) == 200
        assert sorted(b"own" in kept.body for kept in unfinished(store)) == [True, True]  # type: ignore[union-attr]
        assert count(services.metrics, "events_dropped") == 2
        assert installed_teams(store) == {(ORG, OTHER), (None, TEAM)}

    @pytest.mark.gen_test
    async def test_a_workspaces_uninstall_keeps_the_org_and_its_events(
        self, http_server: object, slack: Slack, attempts: list[str], services: Services, store: Store
    ) -> None:
        await mention(slack, services, "org-wide", **of_org(True, OTHER))
        assert await send(slack, UNINSTALLED, **of_org(False, OTHER)) == 200
        assert installed_teams(store) == {(ORG, None)}
        assert len(unfinished(store)) == 1

    @pytest.mark.gen_test
    async def test_an_org_that_takes_a_workspace_away_ends_only_that_workspace(
        self, http_server: object, slack: Slack, attempts: list[str], services: Services, store: Store, clock: Clock
    ) -> None:
        save(store, clock, ORG, TEAM)
        for team_id in (TEAM, "T0FIR"):
            await mention(slack, services, team_id, **of_org(True, team_id))
        event = {"type": "team_access_revoked", "team_ids": [TEAM, OTHER]}
        assert await send(slack, event, team_id=None, enterprise_id=ORG, authorizations=None) == 200
        assert installed_teams(store) == {(ORG, None)}
        [kept] = unfinished(store)
        assert b"T0FIR" in kept.body  # type: ignore[union-attr]

    @pytest.mark.gen_test
    async def test_team_access_revoked_keeps_what_was_installed_later(
        self, http_server: object, slack: Slack, store: Store, clock: Clock
    ) -> None:
        event = {"type": "team_access_revoked", "team_ids": [OTHER]}
        fields = {"team_id": None, "enterprise_id": ORG, "authorizations": None}
        assert await send(slack, event, event_time=int(clock()) - 1, **fields) == 200
        assert installed_teams(store) == {(ORG, None), (ORG, OTHER)}

    @pytest.mark.gen_test
    async def test_team_access_granted_removes_nothing(self, http_server: object, slack: Slack, store: Store) -> None:
        event = {"type": "team_access_granted", "team_ids": [TEAM, OTHER]}
        assert await send(slack, event, team_id=None, enterprise_id=ORG, authorizations=None) == 200
        assert installed_teams(store) == {(ORG, None), (ORG, OTHER)}

    @pytest.mark.gen_test
    @pytest.mark.parametrize("team_ids", [None, [], "T0ELM", [""], [None], [OTHER, "a/b"], {"T0ELM": 1}])
    async def test_malformed_team_ids_remove_nothing(
        self, http_server: object, slack: Slack, store: Store, team_ids: object
    ) -> None:
        event = {"type": "team_access_revoked", "team_ids": team_ids}
        assert await send(slack, event, team_id=None, enterprise_id=ORG, authorizations=None) == 400
        assert installed_teams(store) == {(ORG, None), (ORG, OTHER)}


@pytest.mark.gen_test
async def test_an_uninstall_that_stops_halfway_is_completed_when_slack_sends_it_again(
    http_server: object,
    installed: Slack,
    attempts: list[str],
    services: Services,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await mention(installed, services)

    async def unavailable(*_: object, **__: object) -> int:
        raise StoreUnavailable("io", "the disk failed")

    with monkeypatch.context() as patched:
        patched.setattr(store.installations, "async_remove_revoked", unavailable)
        assert await send(installed, UNINSTALLED, event_id="Ev1", **WORKSPACE_ONLY) == 503
    assert unfinished(store) == []
    assert installed_teams(store) == {(None, "T0ACME")}
    assert await send(installed, UNINSTALLED, event_id="Ev1", **WORKSPACE_ONLY) == 200
    assert installed_teams(store) == set()
