"""A listener module with types, as an author writes it; mypy checks it with the source.

A line that mypy must refuse has a comment that ignores its error: without an error, the comment is one.
"""

from typing import Any

from latchkey import (
    Ack,
    App,
    AsyncAck,
    AsyncComplete,
    AsyncFail,
    AsyncGetThreadContext,
    AsyncNext,
    AsyncRespond,
    AsyncSay,
    AsyncSayStream,
    AsyncSetSessionStatus,
    AsyncSetStatus,
    Complete,
    Context,
    Next,
    Respond,
    Response,
    Say,
    SayStream,
    SetSuggestedPrompts,
)


def register(app: App) -> None:
    @app.use
    async def note(context: Context, next_: AsyncNext) -> None:
        context["noted"] = True
        await next_()

    @app.middleware
    def also(next_: Next, response: Response) -> Response | None:
        next_()
        response.headers["x-a"] = ["1"]
        return None

    @app.command("/deploy", matchers=[lambda command: command["text"] != ""])
    async def deploy(ack: AsyncAck, command: dict[str, Any], respond: AsyncRespond, say: AsyncSay) -> None:
        await ack(f"Deploying {command['text']}", response_type="in_channel")
        posted = await say("x", blocks=[{"type": "divider"}], thread_ts="1.1")
        assert (await respond(text=str(posted["ts"]), replace_original=True)).status_code == 200

    @app.function("greet")
    async def greet(inputs: dict[str, Any], complete: AsyncComplete, fail: AsyncFail) -> None:
        if "name" in inputs:
            assert (await complete({"greeting": f"Hello {inputs['name']}!"}))["ok"]
        elif not complete.has_been_called():
            await fail("there is no name")

    app.function("wave", auto_acknowledge=False, ack_timeout=10)(wave)
    app.action({"action_id": "a"})(approve)
    app.event("app_mention")(answer)


def approve(
    ack: Ack, respond: Respond, say: Say, say_stream: SayStream, set_suggested_prompts: SetSuggestedPrompts
) -> None:
    ack()
    posted = say("Approved")
    respond(f"at {posted['ts']}")
    stream = say_stream(buffer_size=10)
    stream.append(markdown_text="x")
    stream.stop()
    set_suggested_prompts(["a", {"title": "b", "message": "c"}])


def wave(complete: Complete) -> None:
    assert complete(outputs={})["ok"]


async def answer(
    set_status: AsyncSetStatus,
    set_session_status: AsyncSetSessionStatus,
    say_stream: AsyncSayStream,
    get_thread_context: AsyncGetThreadContext,
) -> None:
    await set_status("is thinking")
    assert (await set_session_status("processing", title="x"))["ok"]
    context = await get_thread_context()
    stream = await say_stream()
    await stream.append(markdown_text=str(context.channel_id) if context else "")
    await stream.stop()


async def wrong(ack: AsyncAck, say: AsyncSay, set_status: AsyncSetStatus, fail: AsyncFail) -> None:
    """Call everything wrong."""
    await ack(txt="x")  # type: ignore[call-arg]
    await say("x", blocks=7)  # type: ignore[arg-type]
    await set_status()  # type: ignore[call-arg]
    await fail()  # type: ignore[call-arg]
