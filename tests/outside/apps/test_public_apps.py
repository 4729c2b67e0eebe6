"""Apps of independent authors, mounted: `[bolt] app` names each, and signed requests drive its main paths."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.outside.apps.driving import FAKES, drive
from tests.outside.apps.edits import edited_copy
from tests.outside.apps.public_apps import PUBLIC_APPS, PublicApp
from tests.outside.checkouts import Checkout, packages
from tests.outside.page import table, write_section

pytestmark = pytest.mark.outside
INTRODUCTION = (
    "Each is named in `[bolt] app`, and its main paths are driven by signed requests against the simulator. Its AI "
    "library is faked; its other packages are real. It is mounted from a copy, because some write beside their code."
)


async def outcome(app: PublicApp, source: Path, folder: Path, installed: Path) -> str:
    folder.mkdir()
    environment = {"PYTHONPATH": f"{source / app.folder}:{FAKES}:{installed}", **app.environment}
    settings = {"LATCHKEY_BOLT_APP": app.app}
    return await drive(app.steps, folder, settings=settings, environment=environment, prepare=app.prepare)


@pytest.mark.gen_test(timeout=600)
async def test_the_main_paths_of_each_public_app_pass_mounted(
    request: pytest.FixtureRequest, checkout: Callable[[str], Checkout], tmp_path: Path
) -> None:
    rows: list[list[object]] = []
    failed: list[str] = []
    for index, app in enumerate(PUBLIC_APPS):
        source = tmp_path / f"{index}-copy"
        place = checkout(app.repository)
        assert place.commit.startswith(app.commit), f"check out {app.commit} of {app.repository}"
        changed = edited_copy(place.path, app.edits, source)
        problem = await outcome(app, source, tmp_path / f"{index}", packages(request.config))
        rows.append([app.repository, place.commit, app.shape, f"`{app.app}`", changed, "no" if problem else "yes"])
        if problem:
            failed.append(f"{app.repository}: {problem}")
    notes = [f"- {app.repository}: {app.note}" for app in PUBLIC_APPS if app.note]
    summary = f"{len(rows) - len(failed)} of {len(rows)} pass."
    header = ["app", "commit", "shape", "`[bolt] app`", "lines changed", "passes"]
    write_section(
        "public-apps", "Public apps, mounted", [INTRODUCTION, "", summary, "", *table(header, rows), "", *notes]
    )
    assert not failed, "\n".join(failed)
