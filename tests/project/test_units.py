"""The units: systemd accepts them, their sandbox is as tight as Python allows, and each directive has a reason."""

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
    """A folder with the units, and with a program in place of the installed one."""
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


def remove_network(units: Path) -> None:
    (units / "latchkey.service.d").mkdir()
    shutil.copy(UNITS / "no-network.conf", units / "latchkey.service.d")


@pytest.mark.parametrize("network", ["with network", "without network"])
def test_systemd_reports_no_problem_with_the_units(installed: Path, network: str) -> None:
    if network == "without network":
        remove_network(installed)
    units = sorted(str(path) for path in installed.iterdir() if path.is_file())
    assert len(units) == 6
    done = analyze(installed, "verify", "--man=no", *units)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "latchkey" in line or str(installed) in line]
    assert (done.returncode, ours) == (0, [])


def test_systemd_reports_an_unknown_directive(installed: Path) -> None:
    unit = installed / "latchkey.service"
    unit.write_text(unit.read_text() + "\n[Service]\nNoNewPrivilege=yes\n")
    done = analyze(installed, "verify", "--man=no", str(unit))
    assert "NoNewPrivilege" in done.stderr


@pytest.mark.parametrize(
    ("name", "limit"), [("latchkey.service", 1.1), ("latchkey-backup.service", 0.2), ("latchkey-forward@.service", 1.1)]
)
def test_the_exposure_does_not_grow(installed: Path, name: str, limit: float) -> None:
    assert exposure(installed, name) <= limit


def test_the_exposure_is_lower_without_network_access(installed: Path) -> None:
    remove_network(installed)
    assert exposure(installed, "latchkey.service") <= 0.2


def test_directives_that_systemd_does_not_score_are_present() -> None:
    for name in SERVICES:
        text = (UNITS / name).read_text()
        for line in (
            "NoExecPaths=/ ",
            "MemoryDenyWriteExecute=yes",
            "LimitCORE=0",
            "SystemCallFilter=~memfd_create",
            "MemoryMax=",
            "TasksMax=",
        ):
            assert f"\n{line}" in text, f"{name}: {line}"


def test_no_start_limit_can_close_the_socket() -> None:
    for name in ("latchkey.service", "latchkey.socket", "latchkey-forward@.service", "latchkey-forward@.socket"):
        assert "\nStartLimitIntervalSec=0\n" in (UNITS / name).read_text(), name
    assert "\nTriggerLimitIntervalSec=0\n" in (UNITS / "latchkey.socket").read_text()


@pytest.mark.parametrize("name", WITH_REASONS)
def test_each_directive_has_a_reason_above_it(name: str) -> None:
    lines = (UNITS / name).read_text().splitlines()
    for before, line in zip(lines, lines[1:], strict=False):
        if re.match(r"\w+=", line) and not line.startswith(EXPLAINED_BY_THEMSELVES):
            # Requires= and After= share a reason.
            assert before.startswith("# ") or line.startswith("After="), f"{name}: {line}"


def test_the_services_share_one_sandbox() -> None:
    """Only directives that must differ may differ."""
    own = ("Type", "Exec", "NoExec", "User", "Group", "State", "Environment", "Restart", "Timeout", "Watchdog", "Notify", "Limit",
           "Working", "MemoryMax", "MemorySwapMax", "TasksMax", "ReadWrite", "Nice", "IOScheduling", "Dynamic", "PrivateNetwork", "RestrictAddressFamilies", "IPAddress")  # fmt: skip
    shared: list[list[str]] = []
    for name in SERVICES:
        service = (UNITS / name).read_text().partition("[Service]")[2].partition("[Install]")[0]
        directives = [line for line in service.splitlines() if re.match(r"\w+=", line)]
        shared.append([line for line in directives if not line.startswith(own)])
    assert shared[0] == shared[1] == shared[2]
    assert len(shared[0]) > 25


def test_the_server_reaches_a_database_at_a_private_address_and_by_a_unix_socket() -> None:
    service = (UNITS / "latchkey.service").read_text()
    assert "\nRestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n" in service
    assert re.findall(r"^IPAddress\w+=(.*)$", service, re.MULTILINE) == ["link-local multicast"]
    assert "\nPrivateNetwork" not in service


def test_the_keyring_is_outside_the_folder_that_the_service_can_write_to() -> None:
    service = (UNITS / "latchkey.service").read_text()
    assert "\nStateDirectory=latchkey\n" in service
    assert not re.search(r"^ReadWritePaths=|^ConfigurationDirectory=", service, re.MULTILINE)
    folders = (UNITS / "tmpfiles.conf").read_text()
    assert re.search(r"^d /etc/latchkey/keys +0750 root +latchkey -$", folders, re.MULTILINE)


def test_systemd_accepts_sysusers_and_tmpfiles(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    for command in (["systemd-sysusers", f"--root={root}", str(UNITS / "sysusers.conf")],
                    ["systemd-tmpfiles", "--create", f"--root={root}", str(UNITS / "tmpfiles.conf")]):  # fmt: skip
        assert shutil.which(command[0]), "apt-get install systemd"
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert "latchkey" in (root / "etc/passwd").read_text()
    assert oct((root / "var/lib/latchkey").stat().st_mode) == "0o40700"


def test_the_installer_reports_wrong_usage_in_one_line() -> None:
    for flags, code in ((["--nonsense"], 2), (["--client-secret", "x"], 2), (["--help"], 0)):
        done = subprocess.run(
            [str(ROOT / "latchkey"), "install-service", *flags], capture_output=True, text=True, check=False
        )
        assert done.returncode == code
        assert ("--uninstall" in done.stdout) == (code == 0)
        assert len(done.stderr.splitlines()) <= 2
