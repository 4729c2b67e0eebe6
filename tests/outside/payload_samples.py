"""Lists the keys and types of Slack's payload samples: `python -m tests.outside.payload_samples CHECKOUT` prints them.

CHECKOUT is one of slackapi/java-slack-sdk. The output is `tests/simulator/documented_keys.json`.
"""

import json
import sys
from pathlib import Path

from tests.outside.payload_keys import keys

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


def documented_keys(checkout: Path) -> dict[str, dict[str, str]]:
    """Return the type of each key of each payload, by the key's path; an array's first item stands for all."""
    samples = checkout / "json-logs" / "samples"
    return {
        kind: dict(sorted(keys(json.loads((samples / file).read_text(encoding="utf-8")))))
        for kind, file in FILES.items()
    }


if __name__ == "__main__":
    print(json.dumps(documented_keys(Path(sys.argv[1])), indent=2))
