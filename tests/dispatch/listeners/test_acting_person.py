"""Whose token a listener gets: the bot's, the acting person's, the installer's, or a custom step's."""

import asyncio
import random
from typing import Any

import pytest

from latchkey.errors import NotInstalled
from latchkey.storage import UserToken
from tests.dispatch.doubles import INSTALL_URL, Bench, action, command, event, reply_to, sent, submission
from tests.storage.conformance.installations.models import installation
from tests.support.waiting import until

BOT = "xoxb-sentinel"


def give(bench: Bench, *user_ids: str, latest: str | None = None) -> None:
    for user_id in user_ids:
        bench.installations.users[user_id] = UserToken(user_id, f"xoxp-{user_id}", None)
    if latest is not None:
        bench.installations.users[None] = bench.installations.users[latest]


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("payload", [event(), action(), submission(), command()])
def test_a_listener_gets_the_token_of_the_person_who_acts(bench: Bench, payload: Any, cached: bool) -> None:
    bench.installations.cached = cached
    give(bench, "U1", "U2", latest="U2")
    seen: list[Any] = []

    async def listener(ack: Any, client: Any, context: Any, user_client: Any, user_token: str | None) -> None:
        await ack()
        seen.append((client.token, context.user_token, context["user_token"], user_token, user_client.token))

    for register in (bench.app.event("app_mention"), bench.app.action("a"), bench.app.view("form")):
        register(listener)
    bench.app.command("/hi")(listener)
    if payload.event:
        bench.send(payload)
    else:
        bench.reply_to(payload)
    assert seen == [(BOT, *["xoxp-U1"] * 4)]


@pytest.mark.parametrize("names_user", ["context", "user_client", "user_token"])
def test_a_person_without_a_token_never_gets_another_persons(bench: Bench, names_user: str) -> None:
    give(bench, "U2", latest="U2")
    bench.act_as_installer = True
    seen: list[Any] = []
    functions = {
        "context": lambda ack, context: seen.append(context.user_token) or ack(),
        "user_client": lambda ack, user_client: seen.append(user_client) or ack(),
        "user_token": lambda ack, user_token: seen.append(user_token) or ack(),
    }
    bench.app.command("/hi")(functions[names_user])
    bench.reply_to(command(user_id="U1"))
    assert seen == [None]


def test_an_error_handler_gets_the_token_of_the_person_who_acts(bench: Bench) -> None:
    give(bench, "U1")
    seen: list[Any] = []

    @bench.app.command("/hi")
    async def fail() -> None:
        raise ValueError

    @bench.app.error
    async def handle(user_token: str | None) -> None:
        seen.append(user_token)

    bench.reply_to(command())
    assert seen == ["xoxp-U1"]


def test_tokens_are_not_printed_with_the_context(bench: Bench) -> None:
    give(bench, "U1")
    printed: list[str] = []
    bench.app.command("/hi")(lambda ack, context: printed.append(f"{context} {context!r}") or ack())
    bench.reply_to(command(bot_access_token="xwfp-sentinel"))
    assert "xox" not in printed[0]
    assert "xwfp" not in printed[0]
    assert "user_token" in printed[0]


@pytest.mark.parametrize(
    ("user_id", "act_as_installer", "token"),
    [("U1", False, "xoxp-U1"), ("U1", True, "xoxp-U2"), ("U3", True, "xoxp-U2")],
)
def test_without_a_bot_the_client_acts_as_configured(
    bench: Bench, user_id: str, act_as_installer: bool, token: str
) -> None:
    bench.installations.bot = None
    give(bench, "U1", "U2", latest="U2")
    bench.act_as_installer = act_as_installer
    seen: list[str] = []

    async def listener(ack: Any, client: Any, say: Any) -> None:
        await ack("done")
        seen.append(client.token)
        await say("hello")

    bench.app.command("/hi")(listener)
    bench.app.event("app_mention")(listener)
    assert bench.reply_to(command(user_id=user_id)).body == b"done"
    bench.send(event(user=user_id))
    assert seen == [token, token]
    assert [method for method, _ in bench.clients.calls] == ["chat.postMessage"] * 2


@pytest.mark.parametrize("cached", [True, False])
def test_without_a_bot_and_a_token_of_the_person_nothing_runs(
    bench: Bench, cached: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    bench.installations.bot = None
    bench.installations.cached = cached
    give(bench, "U2", latest="U2")
    ran: list[int] = []
    bench.app.command("/hi")(lambda ack: ran.append(1))
    bench.app.event("app_mention")(lambda: ran.append(1))
    assert bench.reply_to(command(user_id="U1")).body.decode() == f"Please install this app first! {INSTALL_URL}"
    bench.send(event(user="U1"))
    assert not ran
    assert "there is no installation of '/T1' with a bot, or a token of U1" in caplog.text


def test_a_message_posted_with_a_persons_token_is_the_apps_own(bench: Bench) -> None:
    """Otherwise an app that repeats messages as their author never stops."""
    give(bench, "U1")
    ran: list[int] = []
    bench.app.event("message")(lambda: ran.append(1))
    own = event("message", user="U1", app_id="A1")
    own.body["api_app_id"] = "A1"
    others = event("message", user="U1", app_id="A2")
    others.body["api_app_id"] = "A1"
    bench.send(own)
    assert not ran
    bench.send(others)
    assert ran


@pytest.mark.parametrize(
    "payload",
    [
        event("function_executed", bot_access_token="xwfp-step"),
        action(bot_access_token="xwfp-step", function_data={"execution_id": "Fx1"}),
        submission(bot_access_token="xwfp-step", function_data={"execution_id": "Fx1"}),
    ],
)
def test_a_custom_step_prefers_its_own_token(bench: Bench, payload: Any) -> None:
    seen: list[Any] = []

    async def listener(ack: Any, client: Any, context: Any) -> None:
        await ack()
        seen.append((client.token, context.function_bot_access_token, context.bot_token))

    for register in (bench.app.event("function_executed"), bench.app.action("a"), bench.app.view("form")):
        register(listener)
    if payload.event:
        bench.send(payload)
    else:
        bench.reply_to(payload)
    assert seen == [("xwfp-step", "xwfp-step", BOT)]


def test_client_for_returns_only_what_is_named(bench: Bench) -> None:
    give(bench, "U2", latest="U2")
    seen: list[Any] = []

    @bench.app.command("/hi")
    async def listener(ack: Any, client_for: Any) -> None:
        await ack()
        seen.append((await client_for(None, "T1")).token)
        seen.append((await client_for(None, "T1", "U2")).token)
        seen.append((await bench.app.client_for(None, "T1", "U2")).token)
        for ids in ((None, "T9"), (None, "T1", "U1"), (None, "T9", "U2")):
            with pytest.raises(NotInstalled) as caught:
                await client_for(*ids)
            seen.append(str(caught.value))

    bench.installations.users["U2"] = UserToken("U2", "xoxp-U2", None)
    bench.reply_to(command())
    assert seen[:3] == [BOT, "xoxp-U2", "xoxp-U2"]
    assert seen[3] == "there is no installation of '/T9' with a bot's token"
    assert seen[4] == "there is no installation of '/T1' with a token of the person U1"


def test_client_for_blocks_in_a_sync_listener(bench: Bench) -> None:
    give(bench, "U2")
    seen: list[Any] = []

    @bench.app.command("/hi")
    def listener(ack: Any, client_for: Any, user_client: Any) -> None:
        ack()
        client = client_for(None, "T1", "U2")
        seen.append((client.token, client.api_call("test")["ok"], user_client))

    bench.reply_to(command())
    assert seen == [("xoxp-U2", True, None)]


def test_client_for_says_that_it_needs_the_server(bench: Bench) -> None:
    with pytest.raises(RuntimeError, match="only while the server runs"):
        asyncio.run(bench.app.client_for(None, "T1"))


@pytest.mark.parametrize("calls", [400, pytest.param(10_000, marks=pytest.mark.long)])
def test_a_person_never_sees_another_persons_token_in_interleaved_calls(bench: Bench, calls: int) -> None:
    """Bolt for Python erases A's token if B calls in a workspace that A has installed last; nobody's is erased here."""
    people, without = [f"U{number}" for number in range(20)], {"U3", "U7"}
    bench.installations = store = bench.store.installations  # type: ignore[assignment]
    for user_id in people:
        store.save(installation(user_id=user_id, user_token=None if user_id in without else f"xoxp-{user_id}-0"))
    wrong: list[Any] = []
    ran: list[str] = []

    async def listener(ack: Any, context: Any, user_client: Any) -> None:
        await ack()
        await asyncio.sleep(random.random() / 200)
        person = context.user_id
        tokens = [context.user_token, user_client.token if user_client else None]
        is_right = all(token is None if person in without else token.startswith(f"xoxp-{person}-") for token in tokens)
        if not is_right:
            wrong.append((person, tokens))
        ran.append(person)

    bench.app.event("app_mention")(listener)
    bench.app.command("/hi")(listener)

    async def install_again() -> None:
        for number in range(calls // 100):
            user_id = random.choice([person for person in people if person not in without])
            await store.async_save(installation(user_id=user_id, user_token=f"xoxp-{user_id}-{number + 1}"))

    async def use(interactions: Any, events: Any) -> None:
        installing = asyncio.create_task(install_again())
        for begin in range(0, calls, 100):
            await asyncio.gather(
                *(sent(events, event(user=random.choice(people))) for _ in range(50)),
                *(reply_to(interactions, command(user_id=random.choice(people))) for _ in range(50)),
            )
            await until(lambda begin=begin: len(ran) == begin + 100)  # type: ignore[misc]
        await installing

    bench.run(use)
    assert not wrong
    assert len(ran) == calls
    tokens = [store.find_user_token(None, "T1", user_id=user_id) for user_id in people]
    assert [user_id for user_id, token in zip(people, tokens, strict=True) if token is None] == sorted(without)
