"""Apps that independent authors have published, how each is named in config.toml, and the requests that drive it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.outside.apps.edits import Edit
from tests.outside.apps.fakes.answers import REPLY
from tests.outside.apps.steps import Step, click, click_in_home, command, event, posted, shortcut, step, submit

POST = "chat.postMessage"


@dataclass(frozen=True)
class PublicApp:
    repository: str
    commit: str
    shape: str
    """How it gets its tokens, and which server it is written for."""
    app: str
    """What `[bolt] app` is."""
    steps: tuple[Step, ...]
    folder: str = ""
    """Where in the repository its modules are."""
    environment: Mapping[str, str] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    prepare: str = ""
    """Python that its author runs once."""
    note: str = ""


BACKBLAST = {
    "title": {"title": {"type": "plain_text_input", "value": "Rucking"}},
    "the_ao": {"channels_select-action": {"type": "channels_select", "selected_channel": "C0GENERAL"}},
    "date": {"datepicker-action": {"type": "datepicker", "selected_date": "2026-01-01"}},
    "the_q": {"users_select-action": {"type": "users_select", "selected_user": "U0ALICE"}},
    "the_pax": {"multi_users_select-action": {"type": "multi_users_select", "selected_users": ["U0BOB"]}},
    "fngs": {"fng-action": {"type": "plain_text_input", "value": "None"}},
    "count": {"count-action": {"type": "plain_text_input", "value": "2"}},
    "moleskine": {"plain_text_input-action": {"type": "plain_text_input", "value": "COT"}},
    "destination": {"destination-action": {"type": "static_select", "selected_option": {"value": "THE_AO"}}},
}
JOINED = event(type="member_joined_channel", user="U0BOB", channel_type="C", team="T0ACME")
SAID = event(type="message", channel_type="channel", text="the archive remembers")
SEARCH = event(type="message", channel_type="im", channel="D0ALICE", text="archive")
MENTION = event(type="app_mention", text="<@UBOTACME> hello")

PUBLIC_APPS = (
    PublicApp(
        "docmarionum1/slack-archive-bot",
        "0e6a82d",
        "token from the environment, Flask adapter, SQLite",
        "archivebot:app",
        (step(JOINED), step(SAID), step(SEARCH, POST, text="remembers")),
        prepare="import archivebot; archivebot.init()",
        note="Its `init()`, which `main()` would call, is run once.",
    ),
    PublicApp(
        "F3Nation-Community/slackblast",
        "80fe123",
        "AsyncApp, FastAPI adapter, middleware",
        "app:slack_app",
        (
            step(MENTION, POST, text="What's up"),
            step(command("/backblast"), "views.open"),
            step(submit(BACKBLAST), POST, "conversations.info", "users.info", text="Rucking"),
        ),
        environment={"POST_TO_CHANNEL": "true"},
    ),
    PublicApp(
        "korsakovs/thank-you-app",
        "961be21",
        "OAuth settings with a store in SQLAlchemy, Flask adapter",
        "thankyou.slackbot.utils.app:app",
        (
            step(event(type="app_home_opened", tab="home", view={"team_id": "T0ACME"}), "views.publish"),
            step(click_in_home("home_page_my_thank_you_button_clicked"), "views.publish"),
            step(command("/merci"), "views.open"),
            step(shortcut("say_thank_you_global_shortcut"), "views.open"),
        ),
        environment={"THANK_YOU_DAO": "SQLITE"},
    ),
    PublicApp(
        "plutaniano/maestro-bull",
        "4eccb40",
        "`authorize` of its own, Django adapter",
        "bull.apps.slack.boletabot:BoletaBot",
        (step(posted("Paid")), step(click("ack"))),
        note="This is its only listener. Its other modules, which need Django, are not loaded.",
        environment={
            "FAKE_DJANGO_SETTINGS": json.dumps(
                {
                    "SLACK": {
                        "TEAM_ID": "T0ACME",
                        "SECRET_TOKEN": "xoxb-sentinel",
                        "BOT_ID": "B0ACME",
                        "BOT_USER_ID": "UBOTACME",
                        "SIGNING_SECRET": "sentinel",
                    }
                }
            )
        },
    ),
    PublicApp(
        "os1ma/serverless-langchain-slackbot-python-example",
        "707162c",
        "lazy listeners, AWS Lambda adapter, `SocketModeHandler`",
        "app:app",
        (step(MENTION, POST, "chat.update", text=REPLY),),
    ),
    PublicApp(
        "xcnkx/dify-in-slack",
        "e79ead8",
        "`before_authorize`, middleware, lazy listeners, AWS Lambda adapter",
        "index:app",
        (
            step(MENTION, POST, "chat.update", text=REPLY),
            step(event(type="message", channel_type="im", channel="D0ALICE", text="hello"), POST, text=REPLY),
        ),
        environment={"DIFY_APP_API_KEY": "sentinel"},
        edits=(Edit("index.py", (("def lambda_handler(", "register_listeners(app)\n\n\ndef lambda_handler("),)),),
        note="Only its function for AWS Lambda registers the listeners; the new line does.",
    ),
    PublicApp(
        "sprider/ansible-jenkins-slack-bot-deploy",
        "fedca33",
        "token from the environment, `SocketModeHandler`",
        "app:app",
        (step(MENTION, POST, text="Hi there"),),
        folder="src",
    ),
)
