"""Mounted apps that raise, exit, return the wrong thing or never answer: nothing is lost, and the server goes on."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError as FutureCancelled
from typing import Any

import pytest
from slack_bolt import BoltResponse

from latchkey.handlers import Services
from latchkey.simulator import Slack
from tests.bolt.flavours import both_flavours, fit, new_app
from tests.support.counts import count
from tests.support.waiting import until

Mount = Callable[[Any], Any]

ENDINGS = [SystemExit(2), asyncio.CancelledError(), FutureCancelled(), ValueError("wrong")]
endings = pytest.mark.parametrize("ending", ENDINGS, ids=["sys.exit", "cancelled", "future cancelled", "ValueError"])


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"retry_delay": lambda attempts, chance: 0.01, "ack_timeout": 1.0}


def raiser(ending: BaseException, times: int = 1) -> Callable[[], None]:
    """Return a function that ends like this the first `times` times that it is called."""
    left = [ending] * times

    def end() -> None:
        if left:
            raise left.pop()

    return end


def in_listener(app: Any, end: Any) -> None:
    app.event("app_mention")(fit(app, end))


def in_lazy_listener(app: Any, end: Any) -> None:
    app.event("app_mention")(ack=fit(app, lambda ack: ack()), lazy=[fit(app, end)])


def in_matcher(app: Any, end: Any) -> None:
    def matches() -> bool:
        end()
        return True

    app.event("app_mention", matchers=[fit(app, matches)])(fit(app, lambda: None))


def in_middleware(app: Any, end: Any) -> None:
    def middleware(next_: Any) -> Any:
        end()
        return next_()

    app.use(fit(app, middleware))
    app.event("app_mention")(fit(app, lambda: None))


PLACES = [in_listener, in_lazy_listener, in_matcher, in_middleware]


@pytest.mark.gen_test
@both_flavours
@pytest.mark.parametrize("place", PLACES, ids=[place.__name__ for place in PLACES])
@endings
async def test_an_event_is_retried_however_the_apps_code_ends(
    installed: Slack, mount: Mount, services: Services, place: Any, ending: BaseException, is_async: bool
) -> None:
    app = new_app(is_async)
    place(app, raiser(ending))
    mount(app)
    assert (await installed.sender.mention(installed.workspace(), "hi")).status == 200
    await until(lambda: count(services.metrics, "events_finished") == 1)
    assert count(services.metrics, "events_retried") == 1


@pytest.mark.gen_test
@both_flavours
@endings
async def test_a_command_gets_an_error_however_the_apps_code_ends(
    installed: Slack, mount: Mount, ending: BaseException, is_async: bool
) -> None:
    app = new_app(is_async)
    app.command("/listener")(fit(app, raiser(ending)))
    app.command("/middleware", middleware=[fit(app, raiser(ending))])(fit(app, lambda ack: ack()))
    mount(app)
    assert (await installed.sender.command(installed.workspace(), "/listener")).status == 500
    answer = await installed.sender.command(installed.workspace(), "/middleware")
    # Bolt has a response only for an Exception; otherwise the person gets this server's.
    assert answer.status == 500 or "something went wrong" in answer.body


@pytest.mark.gen_test
@both_flavours
async def test_an_error_handler_that_raises_changes_nothing(
    installed: Slack, mount: Mount, services: Services, is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    app = new_app(is_async)
    app.command("/broken")(fit(app, raiser(ValueError("listener"))))
    app.event("app_mention")(fit(app, raiser(ValueError("listener"))))
    app.error(fit(app, raiser(SystemExit(3), times=2)))
    mount(app)
    assert (await installed.sender.command(installed.workspace(), "/broken")).status == 500
    await installed.sender.mention(installed.workspace(), "hi")
    await until(lambda: count(services.metrics, "events_finished") == 1)
    assert count(services.metrics, "events_retried") == 1
    assert caplog.text.count("the app's error handler raised RuntimeError") == 2


@pytest.mark.gen_test
@both_flavours
async def test_what_is_no_response_is_an_error_that_names_its_type(
    installed: Slack, mount: Mount, services: Services, is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[Any] = ["text", None]
    app = new_app(is_async)

    def middleware(next_: Any) -> Any:
        return answers.pop(0) or next_()

    app.use(fit(app, middleware))
    app.event("app_mention")(fit(app, lambda: None))
    mount(app)
    await installed.sender.mention(installed.workspace(), "hi")
    await until(lambda: count(services.metrics, "events_finished") == 1)
    assert count(services.metrics, "events_retried") == 1
    assert "returned an object of type str instead of a BoltResponse" in caplog.text


@pytest.mark.gen_test
@both_flavours
async def test_an_unusual_response_reaches_slack_in_a_valid_form(
    installed: Slack, mount: Mount, is_async: bool
) -> None:
    big = "x" * 10_000_000
    responses = {
        "/big": BoltResponse(status=200, body=big),
        "/header": BoltResponse(status=200, body="ok", headers={"X-Good": "1", "X-Bad": "a\r\nSet-Cookie: b=c"}),
        "/status": BoltResponse(status=42, body="odd"),
    }
    app = new_app(is_async)
    app.use(fit(app, lambda command: responses[command["command"]]))
    mount(app)
    acme = installed.workspace()
    assert (await installed.sender.command(acme, "/big")).body == big
    assert (await installed.sender.command(acme, "/header")).body == "ok"
    assert (await installed.sender.command(acme, "/status")).status == 500


@pytest.mark.gen_test
@both_flavours
async def test_an_event_that_the_apps_error_handler_calls_unhandled_is_done(
    installed: Slack, mount: Mount, services: Services, is_async: bool
) -> None:
    handled: list[str] = []

    def handle(error: Exception) -> BoltResponse:
        handled.append(type(error).__name__)
        return BoltResponse(status=404, body="nothing here")

    app = new_app(is_async, raise_error_for_unhandled_request=True)
    app.event("app_mention", matchers=[fit(app, lambda: False)])(fit(app, lambda: None))
    app.error(fit(app, handle))
    mount(app)
    await installed.sender.mention(installed.workspace(), "hi")
    await until(lambda: count(services.metrics, "events_finished") == 1)
    assert (handled, count(services.metrics, "events_retried")) == (["BoltUnhandledRequestError"], 0)


@pytest.mark.gen_test
@both_flavours
async def test_a_command_that_is_acknowledged_too_late_has_an_empty_reply_and_its_listener_goes_on(
    installed: Slack, make_services: Any, mount: Mount, services: Services, is_async: bool
) -> None:
    done: list[str] = []
    gate = threading.Event()

    def late_sync(ack: Any) -> None:
        gate.wait(10)
        ack("too late")
        done.append("done")

    async def late_async(ack: Any) -> None:
        while not gate.is_set():
            await asyncio.sleep(0.01)
        await ack("too late")
        done.append("done")

    app = new_app(is_async)
    app.command("/late")(late_async if is_async else late_sync)
    mount(app)
    answer = await installed.sender.command(installed.workspace(), "/late")
    assert (answer.status, answer.body, done) == (200, "", [])
    gate.set()
    await until(lambda: done == ["done"])
    assert count(services.metrics, "acks_on_behalf") == 1


@pytest.mark.gen_test
async def test_a_sync_listener_that_blocks_does_not_block_the_loop_nor_the_others(
    installed: Slack, mount: Mount, services: Services
) -> None:
    gate, running, most = threading.Event(), [], []

    def block() -> None:
        running.append(1)
        most.append(len(running))
        gate.wait(10)
        running.pop()

    app = new_app(is_async=False)
    app.event("app_mention")(block)
    app.command("/quick")(lambda ack: ack("quick"))
    mount(app)
    acme = installed.workspace()
    for text in "abcdef":
        await installed.sender.mention(acme, text)
    await until(lambda: len(running) >= 3)
    # The thread that events leave free is for this.
    assert (await installed.sender.command(acme, "/quick")).body == "quick"
    gate.set()
    await until(lambda: count(services.metrics, "events_finished") == 6)
    assert max(most) < 5


@pytest.mark.gen_test
@both_flavours
async def test_many_requests_at_once_each_get_their_own_response(
    installed: Slack, mount: Mount, is_async: bool
) -> None:
    app = new_app(is_async)
    app.command("/echo")(fit(app, lambda ack, command: ack(command["text"])))
    mount(app)
    acme = installed.workspace()
    texts = [f"text {number}" for number in range(60)]
    answers = await asyncio.gather(*(installed.sender.command(acme, "/echo", text) for text in texts))
    assert [answer.body for answer in answers] == texts
