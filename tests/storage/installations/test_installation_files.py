"""What installations leave in a SQLite file."""

from pathlib import Path

from latchkey.storage import Store
from tests.storage.conformance.installations.models import installation


def test_a_token_is_on_disk_only_encrypted_and_in_files_of_their_owner(store: Store, paths: tuple[Path, Path]) -> None:
    """slack_sdk's file store writes plain tokens into files that everybody can read."""
    store.installations.save(installation(bot_token="xoxb-sentinel", user_token="xoxp-sentinel"))
    files = [file for path in paths for file in path.parent.rglob("*") if file.is_file()]
    assert len(files) >= 3
    for file in files:
        assert b"sentinel" not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0, file
