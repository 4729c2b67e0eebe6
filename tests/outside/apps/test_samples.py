"""Slack's templates for Python, loaded unchanged and driven by signed requests on the real server."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.outside.apps.driving import FAKES, drive
from tests.outside.apps.edits import edited_copy
from tests.outside.apps.samples import ENVIRONMENT, SAMPLES, Sample
from tests.outside.checkouts import Checkout
from tests.outside.page import table, write_section

pytestmark = pytest.mark.outside
WAYS = {
    "native": {"LATCHKEY_LISTENERS_MODULES": "listeners"},
    "mounted": {"LATCHKEY_BOLT_MODULES": "listeners"},
    "app.py": {"LATCHKEY_BOLT_APP": "app:app"},
}
"""The settings of each way to run a sample: its listeners natively or mounted, or its own app mounted."""
INTRODUCTION = (
    "Each template is driven along its happy path by signed requests, against the simulator and with its AI library "
    "faked. Native and mounted: its `listeners/` in `[listeners] modules` or `[bolt] modules`. app.py: its own app in "
    '`[bolt] app = "app:app"`.'
)


async def outcome(sample: Sample, source: Path, way: str, folder: Path) -> str:
    """Return an empty text if the sample passes this way, otherwise what went wrong."""
    if way != "app.py" and not sample.has_listeners:
        return "it has no `listeners/`"
    folder.mkdir()
    for path, content in sample.files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    environment = {**ENVIRONMENT, "PYTHONPATH": f"{source}:{FAKES}"}
    return await drive(sample.steps, folder, settings=WAYS[way], environment=environment)


@pytest.mark.gen_test(timeout=900)
async def test_the_happy_path_of_each_template_passes_natively_or_mounted(
    checkout: Callable[[str], Checkout], tmp_path: Path
) -> None:
    rows: list[list[object]] = []
    notes: list[str] = []
    failed: list[str] = []
    for index, sample in enumerate(SAMPLES):
        place = checkout(sample.repository)
        source, changed = place.path / sample.variant, 0
        if sample.edits:
            source = tmp_path / f"{index}-edited"
            changed = edited_copy(place.path, sample.edits, source)
        problems = {way: await outcome(sample, source, way, tmp_path / f"{index}-{way}") for way in WAYS}
        rows.append(
            [sample.name, place.commit, *("no" if problem else "yes" for problem in problems.values()), changed]
        )
        if sample.note:
            notes.append(f"- {sample.repository}: {sample.note}")
        notes += [f"- {sample.name}, {way}: {problem}" for way, problem in problems.items() if problem]
        if all(problems.values()):
            failed.append(f"{sample.name}: {problems}")
    summary = f"{len(rows) - len(failed)} of {len(rows)} pass in at least one way."
    lines = [
        INTRODUCTION,
        "",
        summary,
        "",
        *table(["template", "commit", *WAYS, "lines changed"], rows),
        "",
        *dict.fromkeys(notes),
    ]
    write_section("samples", "Slack's templates for Python", lines)
    assert not failed, "\n".join(failed)
