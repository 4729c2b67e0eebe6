"""The pytest plugin costs nothing if it is not used, finds the app, and shows what has happened."""

import subprocess
import sys

import pytest

MODULE = """
def register(app):
    @app.event("app_mention")
    async def reply(say, context):
        await say("the token is " + context["bot_token"])

    @app.command("/fail")
    async def fail(ack):
        await ack()
        raise ValueError("no tea left")
"""


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess(
        "-p", "no:tornado", "-p", "no:hypothesispytest", "-p", "no:unraisableexception", *arguments
    )


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder with an app, and tests below it."""
    pytester.makefile(".toml", config='[listeners]\nmodules = ["replies_of_this_test"]\n')
    pytester.makepyfile(replies_of_this_test=MODULE)
    pytester.mkdir("checks")
    return pytester


def test_importing_the_plugin_imports_none_of_the_server() -> None:
    code = "import sys, latchkey.testing.plugin; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert not imported & {"tornado", "slack_sdk", "slack_bolt", "msgspec", "sqlite3", "asyncio", "latchkey.server"}


def test_the_app_is_that_of_the_nearest_configuration(project: pytest.Pytester) -> None:
    (project.path / "checks" / "test_it.py").write_text('def test_it(slack):\n    assert slack.mention("hi").text\n')
    run(project).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "arguments", [["--latchkey-config=other/config.toml"], ["-o", "latchkey_config=other/config.toml"]]
)
def test_another_configuration_can_be_named(project: pytest.Pytester, arguments: list[str]) -> None:
    other = project.mkdir("other")
    (other / "config.toml").write_text('[listeners]\nmodules = ["others_of_this_test"]\n')
    (other / "others_of_this_test.py").write_text(
        'def register(app):\n    async def reply(say):\n        await say("other")\n    app.event("app_mention")(reply)\n'
    )
    project.makepyfile('def test_it(slack):\n    assert slack.mention("hi").text == "other"\n')
    run(project, *arguments).assert_outcomes(passed=1)


def test_what_limits_installs_and_where_they_end_is_left_out(project: pytest.Pytester) -> None:
    limits = 'workspaces = ["T0REAL"]\nsuccess_url = "https://app.example/welcome"\n'
    with (project.path / "config.toml").open("a") as config:
        config.write(f"\n[install]\n{limits}")
    project.makepyfile('def test_it(slack):\n    assert slack.mention("hi").text\n')
    run(project).assert_outcomes(passed=1)


def test_an_app_that_needs_a_token_to_be_imported_gets_one(project: pytest.Pytester) -> None:
    project.makepyfile(
        bolt_with_a_token="""
        import os
        from slack_bolt import App

        app = App(token=os.environ["SLACK_BOT_TOKEN"], signing_secret=os.environ["SLACK_SIGNING_SECRET"])

        @app.event("app_mention")
        def reply(say):
            say("hi")
        """
    )
    project.makefile(".toml", config='[bolt]\napp = "bolt_with_a_token:app"\n')
    project.makepyfile('def test_it(slack):\n    assert slack.mention("hi").text == "hi"\n')
    run(project).assert_outcomes(passed=1)


def test_a_missing_configuration_is_explained(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(slack): pass")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*there is no config.toml in * or above it*latchkey_config*latchkey_app*"])


def test_a_module_that_cannot_be_loaded_is_named(project: pytest.Pytester) -> None:
    project.makefile(".toml", config='[listeners]\nmodules = ["absent"]\n')
    project.makepyfile("def test_it(slack): pass")
    result = run(project)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ListenerLoadError: *absent*there is no such module*"])


def test_a_failure_shows_the_conversation_without_secrets(project: pytest.Pytester) -> None:
    project.makepyfile("""
        def test_it(slack):
            slack.mention("hi")
            assert slack.command("/fail")
    """)
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">*slack.command(*/fail*)",
            "*raise ValueError(*no tea left*)",
            "*alice in #general of Acme: @app hi",
            "*app in #general: the token is [[]hidden[]]",
            "*alice in #general of Acme: /fail",
            "*a listener raised ValueError: no tea left",
        ]
    )
    assert "xoxb" not in result.stdout.str()
    assert "running_app.py" not in result.stdout.str(), "the frames of the kit are left out"


def test_a_listener_that_does_not_end_is_reported(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import asyncio
        import pytest
        from latchkey.testing import AppToTest

        async def sleep(ack):
            await ack()
            await asyncio.sleep(60)

        @pytest.fixture
        def latchkey_app():
            return AppToTest(modules=[lambda app: app.command("/sleep")(sleep)], timeout=0.1)

        def test_it(slack):
            slack.command("/sleep", wait=False)
            slack.clock.advance(minutes=2)

        def test_too_long(slack):
            slack.command("/sleep")
    """)
    result = run(project)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*StillRunning: 0.1 s after '/sleep' a listener is still running*wait=False*"])


def test_works_in_an_async_test(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import asyncio

        def test_it(slack):
            async def run():
                return slack.mention("hi").text
            assert asyncio.run(run())
    """)
    run(project).assert_outcomes(passed=1)
