"""Lists the keys and types of Slack's payload samples: `python -m tests.outside.payload_samples FOLDER` prints them.

FOLDER has checkouts of slackapi/java-slack-sdk, bolt-python and python-slack-sdk. The output is
`tests/simulator/documented_keys.json`.
"""

import json
import sys
from pathlib import Path

from tests.outside.payload_keys import keys
from tests.outside.python_samples import sample_keys

JAVA = "slackapi/java-slack-sdk"
PYTHON = ("slackapi/bolt-python", "slackapi/python-slack-sdk")
FILES = {
    "app_mention": "events/AppMentionPayload.json",
    "message": "events/MessagePayload.json",
    "app_home_opened": "events/AppHomeOpenedPayload.json",
    "reaction_added": "events/ReactionAddedPayload.json",
    "reaction_removed": "events/ReactionRemovedPayload.json",
    "tokens_revoked": "events/TokensRevokedPayload.json",
    "app_uninstalled": "events/AppUninstalledPayload.json",
    "block_actions": "app-backend/interactive-components/BlockActionPayload.json",
    "message_action": "app-backend/interactive-components/MessageShortcutPayload.json",
    "view_submission": "app-backend/views/ViewSubmissionPayload.json",
    "view_closed": "app-backend/views/ViewClosedPayload.json",
    "command": "app-backend/slash-commands/SlashCommandPayload.json",
}
ONLY_IN_PYTHON = ("function_executed", "team_access_granted", "team_access_revoked")


def documented_keys(java: Path, *python: Path) -> dict[str, dict[str, str]]:
    """Return the type of each key of each payload, by the key's path; an array's first item stands for all.

    A key that is null in one sample has the type that it has in another.
    """
    samples = java / "json-logs" / "samples"
    found = {kind: dict(keys(json.loads((samples / file).read_text("utf-8")))) for kind, file in FILES.items()}
    found |= {kind: {} for kind in ONLY_IN_PYTHON}
    for kind, paths in sample_keys(*(folder / "tests" for folder in python)).items():
        if kind in found:
            for path, types in paths.items():
                if found[kind].get(path, "null") == "null":
                    found[kind][path] = min(types - {"null"}, default="null")
    return {kind: dict(sorted(paths.items())) for kind, paths in found.items()}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    print(json.dumps(documented_keys(folder / JAVA, *(folder / name for name in PYTHON)), indent=2))
