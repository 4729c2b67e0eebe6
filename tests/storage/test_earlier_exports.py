"""Exports written by earlier versions are imported; see fixtures/README.md."""

import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from latchkey.storage import Merged, open_source, open_store

FIXTURES = Path(__file__).parent / "fixtures"
EXPORTS = sorted(path.name for path in FIXTURES.glob("export-*"))


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_of_an_earlier_version_is_imported_completely(tmp_path: Path, name: str) -> None:
    for file in ("installs.export", "installs.key"):
        shutil.copyfile(FIXTURES / name / file, tmp_path / file)
        (tmp_path / file).chmod(0o600)
    expected = json.loads((FIXTURES / name / "expected.json").read_text())
    with (
        closing(open_store(tmp_path / "data" / "store.sqlite", tmp_path / "keys" / "keyring")) as store,
        open_source(str(tmp_path / "installs.export"), client_id=None, key_path=tmp_path / "installs.key") as source,
    ):
        result = store.moving.import_from(source, lambda what, done, total: None)
        assert (result.workspaces[Merged.NEW], result.damaged) == (len(expected), 0)
        for fields in expected:
            found = store.installations.find_installation(
                enterprise_id=fields["enterprise_id"],
                team_id=fields["team_id"],
                is_enterprise_install=fields["is_enterprise_install"],
            )
            assert found is not None
            assert json.loads(json.dumps(vars(found))) == fields
