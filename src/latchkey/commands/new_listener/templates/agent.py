"""An agent: people write to the app, it shows that it works, and streams its answer."""


def register(app):
    app.event("assistant_thread_started")(suggest)
    app.event("message")(answer)


async def suggest(say, set_suggested_prompts):
    """Greet the person who opens the agent, and suggest what to ask."""
    await say("How can I help?")
    await set_suggested_prompts(["What can you do?"])


async def answer(event, set_status, say_stream):
    """Answer a message in a thread with the agent."""
    if event.get("channel_type") != "im" or event.get("subtype"):
        return
    await set_status("is thinking …")
    stream = await say_stream()
    for word in words(event["text"]):
        await stream.append(markdown_text=word)
    await stream.stop()


def words(question):
    """Return the parts of the answer. Ask a model here."""
    return ["You ", "asked: ", question]
