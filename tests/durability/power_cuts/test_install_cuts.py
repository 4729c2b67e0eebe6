"""Power cuts while `install-service` writes its files: what has a name is complete."""

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.durability.power_cuts.disk import Disk
from tests.durability.power_cuts.recording import Operation, record
from tests.durability.power_cuts.test_power_cuts import SYNCS, LeavesOut, leaves_out_nothing
from tests.support.stores import ROOT

pytestmark = [pytest.mark.programs("strace"), pytest.mark.root]  # the files belong to root
SCRIPT = Path(__file__).parent / "install_life.sh"


@pytest.fixture(scope="module")
def life(memory: Path) -> list[Operation]:
    home = memory / "install" / "home"
    home.mkdir(parents=True)
    return record(home, ["sh", str(SCRIPT), str(ROOT), str(home)], memory / "install" / "log")


@pytest.fixture(scope="module")
def listed() -> list[str]:
    code = 'source=$1; . "$1/systemd/release.sh"; listed_files'
    done = subprocess.run(["sh", "-c", code, "sh", str(ROOT)], capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name and not (ROOT / name).is_symlink()]


def problems_after(home: Path, version: int, listed: list[str]) -> list[str]:
    """Return what is there by name but incomplete, and what an installed version lacks."""
    found = []
    for release in (home / "opt" / "releases").glob("*"):
        if (release / ".complete").exists():
            found += [f"{name} of a complete release" for name in listed if not is_copy(release / name, ROOT / name)]
    current = home / "opt" / "current"
    number = int(current.readlink().name) if current.is_symlink() else 0
    if number and not (home / "opt" / "releases" / str(number) / ".complete").exists():
        found.append("the current version is incomplete")
    secret = home / "etc" / "secrets" / "signing_secret"
    if secret.exists() and secret.read_text() not in ("secret-of-version-1\n", "secret-of-version-2\n"):
        found.append("a part of a secret")
    units = [path for path in (home / "units").glob("*") if path.suffix != ".new"]
    found += [f"a part of {path.name}" for path in units if not is_copy(path, ROOT / "systemd" / path.name)]
    if version and (number < version or not secret.exists() or len(units) < 6):
        found.append(f"version {version} is not installed")
    return found


def is_copy(path: Path, of: Path) -> bool:
    return path.is_file() and path.read_bytes() == of.read_bytes()


def cut_often(
    life: list[Operation], times: int, memory: Path, listed: list[str], leaves_out: LeavesOut = leaves_out_nothing
) -> list[str]:
    """Cut the power this many times, spread over all operations; returns the problems."""
    chance = random.Random(times)
    disk, version, done, found = Disk(leaves_out), 0, 0, []
    for cut in sorted(chance.choices(range(len(life) + 1), k=times)):
        for operation in life[done:cut]:
            disk.apply(operation)
            if operation.kind == "acknowledge":
                version = json.loads(operation.data)["number"]
        done = cut
        disk.write_after_power_cut(chance, memory / "installed")
        found += [f"{cut}: {problem}" for problem in problems_after(memory / "installed", version, listed)]
        shutil.rmtree(memory / "installed")
    print(f"{times} power cuts in {len(life)} operations of install-service: {len(found)} problems")
    return found


def test_a_few_power_cuts_leave_no_partial_file_by_its_name(
    life: list[Operation], memory: Path, listed: list[str]
) -> None:
    assert not cut_often(life, 20, memory, listed)


@pytest.mark.long
def test_a_thousand_power_cuts_leave_no_partial_file_by_its_name(
    life: list[Operation], memory: Path, listed: list[str]
) -> None:
    assert not cut_often(life, 1000, memory, listed)


@pytest.mark.long
def test_leaving_out_the_syncs_of_files_leaves_partial_ones(
    life: list[Operation], memory: Path, listed: list[str]
) -> None:
    assert cut_often(life, 200, memory, listed, lambda path, is_folder: not is_folder)
    assert cut_often(life, 200, memory, listed, SYNCS["folders"])
