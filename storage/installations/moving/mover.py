"""Moves installations into the store and out of it, beside a running server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from slack_sdk.oauth.installation_store import Bot, Installation

from latchkey.errors import UnreadableRecord
from latchkey.storage.installations.moving.export_file import write_export
from latchkey.storage.installations.moving.incoming import Incoming, IncomingWorkspace
from latchkey.storage.installations.moving.merging import Merged, merge
from latchkey.storage.installations.moving.open_source import OpenedSource
from latchkey.storage.installations.moving.source import Damaged
from latchkey.storage.installations.workspace_admin import InstalledWorkspace, WorkspaceAdmin
from latchkey.storage.installations.workspace_key import WorkspaceKey
from latchkey.storage.records import Records

BATCH_RECORDS = 200
"""Records in one commit, which takes one or two milliseconds."""
MAX_LISTED = 100
"""Damaged parts that are listed; all are counted."""

ProgressCallback = Callable[[str, int, int], None]
"""Called with what is done, how many, and of how many."""


@dataclass
class ImportResult:
    """What an import has done, or would do."""

    workspaces: Counter[Merged] = field(default_factory=Counter)
    damaged: int = 0
    """Parts of the source that could not be read."""
    listed: list[Damaged] = field(default_factory=list)
    """The first of them."""

    @property
    def is_complete(self) -> bool:
        return not self.damaged and not self.workspaces[Merged.UNREADABLE]


@dataclass
class ExportResult:
    """What an export has written."""

    workspaces: int = 0
    unreadable: list[UnreadableRecord] = field(default_factory=list)
    """Records that cannot be decrypted; they are not in the file."""


class InstallationMover:
    """Blocking calls for commands; each raises StoreUnavailable if the store does not respond."""

    def __init__(self, records: Records, workspaces: WorkspaceAdmin) -> None:
        self._records = records
        self._workspaces = workspaces

    def import_from(
        self,
        source: OpenedSource,
        progress: ProgressCallback,
        *,
        allows: Callable[[str, str], bool] = lambda enterprise_id, team_id: True,
        dry_run: bool = False,
    ) -> ImportResult:
        """Add what a source has and the store has not, or has older; raises SourceError.

        It can be interrupted at any moment: the next run continues. `allows` is called with the ids of an org and a
        workspace, one of which may be empty; if it returns False, they are left out. `dry_run`: change nothing.
        """
        result, done, total = ImportResult(), 0, source.count()
        for batch in _batches(source, result):
            allowed = [workspace for workspace in batch if allows(workspace.key.enterprise_id, workspace.key.team_id)]
            result.workspaces[Merged.NOT_ALLOWED] += len(batch) - len(allowed)
            result.workspaces += merge(self._records, allowed, dry_run=dry_run)
            done += len(batch)
            progress("compared" if dry_run else "imported", done, max(done, total))
        return result

    def add(self, *models: Bot | Installation) -> Merged:
        """Add the tokens of one workspace, unless newer ones are here; raises UnreadableRecord."""
        incoming = Incoming()
        for model in models:
            if isinstance(model, Installation):
                incoming.add(model)
            else:
                incoming.add_bot(model)
        [(merged, _)] = merge(self._records, list(incoming.workspaces()), dry_run=False).items()
        return merged

    def export_to(self, path: Path, key_path: Path, progress: ProgressCallback) -> ExportResult:
        """Write all installations to a new file, encrypted with a key in another new file.

        Raises SourceError or OSError; then neither file is left.
        """
        result, total = ExportResult(), self._workspaces.count()

        def workspaces() -> Iterator[InstalledWorkspace]:
            for workspace in self._workspaces.all():
                result.unreadable += workspace.unreadable
                result.workspaces += 1
                yield workspace
                progress("exported", result.workspaces, max(result.workspaces, total))

        write_export(path, key_path, workspaces())
        return result


def _batches(source: OpenedSource, result: ImportResult) -> Iterator[list[IncomingWorkspace]]:
    batch: dict[WorkspaceKey, IncomingWorkspace] = {}
    records = 0
    for found in source.workspaces():
        if isinstance(found, Damaged):
            result.damaged += 1
            if len(result.listed) < MAX_LISTED:
                result.listed.append(found)
            continue
        # Two parts of a workspace must not be in one commit: each is compared with the records as they are before it.
        if records >= BATCH_RECORDS or found.key in batch:
            yield list(batch.values())
            batch.clear()
            records = 0
        batch[found.key] = found
        records += found.size
    if batch:
        yield list(batch.values())
