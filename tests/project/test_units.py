"""The units: systemd takes them as they are, they are as closed as Python allows, and each directive says why."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
UNITS = ROOT / "systemd"
SERVICES = ["latchkey.service", "latchkey-backup.service", "latchkey-forward@.service"]
WITH_REASONS = [*SERVICES, "latchkey.socket", "latchkey-forward@.socket", "latchkey-backup.timer", "no-network.conf"]
EXPLAINED_BY_THEMSELVES = ("Description=", "Documentation=", "WantedBy=")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the units as systemd would find them, and a program in the place of the installed one."""
    assert shutil.which("systemd-analyze"), "apt-get install systemd"
    program = tmp_path / "opt/current/.venv/bin/python"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    units = tmp_path / "units"
    units.mkdir()
    for path in UNITS.glob("latchkey*"):
        text = path.read_text().replace("/opt/latchkey", str(tmp_path / "opt"))
        (units / path.name).write_text(text)
    return units


def analyze(units: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], env={"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": f"{units}:", "LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def exposure(units: Path, name: str) -> float:
    done = analyze(units, "security", "--offline=yes", "--no-pager", "--threshold=100", str(units / name))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1])


def take_the_network_away(units: Path) -> None:
    (units / "latchkey.service.d").mkdir()
    shutil.copy(UNITS / "no-network.conf", units / "latchkey.service.d")


@pytest.mark.parametrize("network", ["with a network", "without one"])
def test_systemd_has_nothing_to_say_about_the_units(installed: Path, network: str) -> None:
    if network == "without one":
        take_the_network_away(installed)
    units = sorted(str(path) for path in installed.iterdir() if path.is_file())
    assert len(units) == 6
    done = analyze(installed, "verify", "--man=no", *units)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "latchkey" in line or str(installed) in line]
    assert (done.returncode, ours) == (0, [])


def test_systemd_says_so_where_a_unit_is_wrong(installed: Path) -> None:
    unit = installed / "latchkey.service"
    unit.write_text(unit.read_text() + "\n[Service]\nNoNewPrivilege=yes\n")
    done = analyze(installed, "verify", "--man=no", str(unit))
    assert "NoNewPrivilege" in done.stderr


@pytest.mark.parametrize(
    ("name", "most"), [("latchkey.service", 1.1), ("latchkey-backup.service", 0.2), ("latchkey-forward@.service", 1.1)]
)
def test_the_sandbox_is_as_tight_as_it_was(installed: Path, name: str, most: float) -> None:
    assert exposure(installed, name) <= most


def test_without_a_network_it_is_tighter(installed: Path) -> None:
    take_the_network_away(installed)
    assert exposure(installed, "latchkey.service") <= 0.2


def test_what_scores_nothing_and_matters_most_is_there() -> None:
    for name in SERVICES:
        text = (UNITS / name).read_text()
        for line in ("NoExecPaths=/ ", "MemoryDenyWriteExecute=yes", "LimitCORE=0", "SystemCallFilter=~memfd_create"):
            assert f"\n{line}" in text, f"{name}: {line}"


def test_no_start_limit_can_take_the_socket_down() -> None:
    for name in ("latchkey.service", "latchkey.socket", "latchkey-forward@.service", "latchkey-forward@.socket"):
        assert "\nStartLimitIntervalSec=0\n" in (UNITS / name).read_text(), name
    assert "\nTriggerLimitIntervalSec=0\n" in (UNITS / "latchkey.socket").read_text()


@pytest.mark.parametrize("name", WITH_REASONS)
def test_each_directive_has_its_reason_above_it(name: str) -> None:
    lines = (UNITS / name).read_text().splitlines()
    for before, line in zip(lines, lines[1:], strict=False):
        if re.match(r"\w+=", line) and not line.startswith(EXPLAINED_BY_THEMSELVES):
            # Two that stand together share one: Requires= and After=.
            assert before.startswith("# ") or line.startswith("After="), f"{name}: {line}"


def test_the_services_share_one_sandbox() -> None:
    """What closes one of them closes all; only where they differ may they say another thing."""
    own = ("Type", "Exec", "NoExec", "User", "Group", "State", "Environment", "Restart", "Timeout", "Watchdog", "Notify", "Limit",
           "Working", "ReadWrite", "Nice", "IOScheduling", "Dynamic", "PrivateNetwork", "RestrictAddressFamilies", "IPAddress")  # fmt: skip
    shared: list[list[str]] = []
    for name in SERVICES:
        service = (UNITS / name).read_text().partition("[Service]")[2].partition("[Install]")[0]
        directives = [line for line in service.splitlines() if re.match(r"\w+=", line)]
        shared.append([line for line in directives if not line.startswith(own)])
    assert shared[0] == shared[1] == shared[2]
    assert len(shared[0]) > 25


def test_the_keyring_is_outside_the_folder_that_the_service_can_write_to() -> None:
    service = (UNITS / "latchkey.service").read_text()
    assert "\nStateDirectory=latchkey\n" in service
    assert not re.search(r"^ReadWritePaths=|^ConfigurationDirectory=", service, re.MULTILINE)
    folders = (UNITS / "tmpfiles.conf").read_text()
    assert re.search(r"^d /etc/latchkey/keys +0750 root +latchkey -$", folders, re.MULTILINE)


def test_sysusers_and_tmpfiles_are_as_systemd_reads_them(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    for command in (["systemd-sysusers", f"--root={root}", str(UNITS / "sysusers.conf")],
                    ["systemd-tmpfiles", "--create", f"--root={root}", str(UNITS / "tmpfiles.conf")]):  # fmt: skip
        assert shutil.which(command[0]), "apt-get install systemd"
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert "latchkey" in (root / "etc/passwd").read_text()
    assert oct((root / "var/lib/latchkey").stat().st_mode) == "0o40700"


def test_the_installer_gives_each_wrong_use_one_line_and_a_code() -> None:
    for flags, code in ((["--nonsense"], 2), (["--client-secret", "x"], 2), (["--help"], 0)):
        done = subprocess.run(
            [str(ROOT / "latchkey"), "install-service", *flags], capture_output=True, text=True, check=False
        )
        assert done.returncode == code
        assert ("--uninstall" in done.stdout) == (code == 0)
        assert len(done.stderr.splitlines()) <= 2
