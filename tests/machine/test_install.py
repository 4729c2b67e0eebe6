"""install.sh on a bare Debian: install, rerun, upgrade, roll back, uninstall."""

import os
import pty
import re
import secrets
import select
import stat
import subprocess
import time

import pytest

from tests.machine.installed import PORT, SOURCE, InstalledServer, configure, running_with_slack
from tests.machine.machine import ENVIRONMENT, Machine
from tests.packages.wheels import write_wheel

pytestmark = pytest.mark.boot
INSTALL = ("sh", f"/{SOURCE}/latchkey", "install-service")
FOLDERS = ("opt", "etc", "usr/local", "var/lib/latchkey", "var/backups")
PRIVATE = (
    ".env",
    "secrets/client_secret",
    "keys/keyring",
    "data/store.sqlite",
    "handlers/.env",
    "storage/store.sqlite",
)
LIVE = re.compile(
    r"store\.sqlite(-wal|-shm|\.open.*)?$|/etc/(machine-id|resolv\.conf|\.pwd\.lock|passwd-|group-|shadow-|gshadow-)$"
)


@pytest.fixture(scope="module")
def server(machine: Machine) -> InstalledServer:
    """The service. The tests of this file install it; they run in order."""
    for name in PRIVATE:
        path = machine.root / SOURCE / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("private\n")
        path.chmod(0o600)
    return InstalledServer(machine, machine.root.parent / "links")


def files(machine: Machine) -> dict[str, tuple[object, ...]]:
    """Return values that change when a file is written or replaced, or when its mode or owner changes."""
    found = {}
    for folder in FOLDERS:
        for path in [machine.root / folder, *(machine.root / folder).rglob("*")]:
            name = f"/{path.relative_to(machine.root)}"
            if LIVE.search(name) or not (path.is_symlink() or path.exists()):
                continue
            status = path.lstat()
            content = None if stat.S_ISDIR(status.st_mode) else (status.st_size, status.st_mtime_ns, status.st_ino)
            found[name] = (status.st_mode, status.st_uid, status.st_gid, content)
    return found


def ready(machine: Machine) -> str:
    """Request /readyz inside the machine and return its status."""
    script = f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:{PORT}/readyz', timeout=3).status)"
    return machine.run("python3", "-c", script).stdout.strip()


def current(machine: Machine) -> str:
    return (machine.root / "opt/latchkey/current").readlink().name


def change_source(machine: Machine, name: str, text: str) -> str:
    """Append text to a file of the source folder; returns its previous content."""
    path = machine.root / SOURCE / name
    before = path.read_text()
    path.write_text(before + text)
    return before


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (("--nonsense",), 2, "no such option --nonsense"),
        (("--client-secret", "sentinel"), 2, "do not put a secret on the command line"),
        (("--signing-secret=sentinel",), 2, "do not put a secret on the command line"),
        (("--client-secrets=sentinel",), 2, "do not put a secret on the command line"),
        (("--public-url",), 2, "--public-url needs a value"),
        (("--listen", "localhost"), 2, "expected an address and a port"),
        (("--public-url", "https://x\ny = 1"), 2, "contains an invalid character"),
        (("--delete-data",), 2, "--delete-data needs --uninstall"),
        (("--back", "--uninstall"), 2, "cannot be combined"),
        ((), 2, "not a terminal"),
        (("--back",), 1, "no previous version"),
        (("--public-url", "https://x.example", "--client-id", "1.2", "--client-secret-file", "/nowhere"), 1, "cannot be read"),
        (("--dry-run",), 0, ""),
    ],
)  # fmt: skip
def test_invalid_options_are_explained_and_change_nothing(
    machine: Machine, flags: tuple[str, ...], code: int, message: str
) -> None:
    before = files(machine)
    done = machine.run(*INSTALL, *flags, check=False)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
    assert "sentinel" not in done.stdout + done.stderr
    assert files(machine) == before


def test_a_bad_configuration_is_explained_completely_and_changes_nothing(machine: Machine) -> None:
    before = files(machine)
    flags = ("--public-url", "http://x.example", "--client-id", "1.2",
             "--client-secret-file", "/etc/passwd", "--signing-secret-file", "/etc/hostname")  # fmt: skip
    done = machine.run(*INSTALL, *flags, check=False)
    assert done.returncode == 78
    assert "/etc/latchkey/config.toml [server] public_url: expected https://" in done.stderr
    assert "expected one secret per line, in printable ASCII" in done.stderr
    assert files(machine) == before


def test_a_dry_run_names_each_step(machine: Machine) -> None:
    printed = machine.run(*INSTALL, "--dry-run").stdout.splitlines()
    assert all(line.startswith("would ") for line in printed)
    assert [line for line in printed if "latchkey.service" in line]
    assert printed[-1] == "would start the service"


def test_install_service_returns_with_a_ready_server(machine: Machine, server: InstalledServer) -> None:
    """After `apt-get install python3-venv`. The secrets are typed and not shown."""
    flags = ["--public-url", server.url, "--client-id", server.credentials["SLACK_CLIENT_ID"]]
    typed = [server.credentials["SLACK_CLIENT_SECRET"], server.credentials["SLACK_SIGNING_SECRET"]]
    begun = time.monotonic()
    code, seen = in_terminal(machine, [*INSTALL, *flags], typed)
    assert code == 0, seen
    print(f"installed and ready after {time.monotonic() - begun:.1f} s")
    assert not any(secret in seen for secret in typed)
    assert "Copy /etc/latchkey/keys/keyring to a safe place now" in seen
    assert ready(machine) == "200"
    configure(server, {})
    machine.run("systemctl", "restart", "latchkey.service")


def test_private_files_of_the_checkout_are_not_installed(machine: Machine) -> None:
    """They were put there before the first install, and the installed files can be read by everyone."""
    release = machine.root / "opt/latchkey/current"
    release = machine.root / str(release.readlink()).lstrip("/")
    names = {str(path.relative_to(release)) for path in release.rglob("*") if ".venv" not in path.parts}
    assert not names & set(PRIVATE)
    assert {"server.py", "storage/opening/stores.py", "docs/install.md", "src/latchkey/storage"} <= names
    for path in release.rglob("*"):
        assert path.is_symlink() or path.name == ".complete" or path.stat().st_mode & 0o004, path


@pytest.mark.gen_test(timeout=60)
async def test_an_app_can_be_installed(server: InstalledServer) -> None:
    async with running_with_slack(server) as it:
        assert await it.install() == 200


def test_a_rerun_changes_nothing(machine: Machine, server: InstalledServer) -> None:
    before, pid = files(machine), server.pid
    for command in (INSTALL, ("latchkey", "install-service")):
        assert machine.run(*command).stdout == "nothing to do: this version is installed and running\n"
    assert (files(machine), server.pid) == (before, pid)


def test_only_root_and_the_service_can_read_keys_and_secrets(machine: Machine) -> None:
    found = files(machine)
    owner = machine.run("id", "-u", "latchkey").stdout.strip()
    for name in ("keys/keyring", "secrets/client_secret", "secrets/signing_secret", "config.toml"):
        mode, uid, gid, _ = found[f"/etc/latchkey/{name}"]
        assert (oct(int(str(mode))), uid, str(gid)) == ("0o100640", 0, owner), name
    assert oct((machine.root / "var/lib/latchkey").stat().st_mode) == "0o40700"
    assert oct((machine.root / "var/lib/latchkey/store.sqlite").stat().st_mode) == "0o100600"
    program = {name: int(str(mode)) for name, (mode, *_) in found.items() if name.startswith("/opt")}
    assert not [name for name, mode in program.items() if mode & 0o022 and not stat.S_ISLNK(mode)]


def test_the_commands_use_the_configuration_of_the_service(machine: Machine) -> None:
    # With warnings: the running server uses its addresses.
    assert machine.run("latchkey", "config", "check").stdout.startswith("configuration OK")
    assert "waiting or running" in machine.run("latchkey", "events", "status").stdout
    assert machine.run("stat", "-c", "%U", "/var/lib/latchkey/store.sqlite-wal").stdout == "latchkey\n"


@pytest.mark.gen_test(timeout=120)
async def test_upgrade_and_rollback_keep_all_data(machine: Machine, server: InstalledServer) -> None:
    first = current(machine)
    before = change_source(machine, "handlers/health.py", "\n# a newer version\n")
    machine.run(*INSTALL)
    second = current(machine)
    assert second != first
    assert ready(machine) == "200"
    await check_app_is_installed(server)
    assert "go back to" in machine.run("latchkey", "install-service", "--back").stdout
    assert (current(machine), ready(machine)) == (first, "200")
    await check_app_is_installed(server)
    machine.run("latchkey", "install-service", "--back")
    assert (current(machine), ready(machine)) == (second, "200")
    (machine.root / SOURCE / "handlers/health.py").write_text(before)
    machine.run(*INSTALL)
    assert current(machine) == first
    assert len(list((machine.root / "opt/latchkey/releases").iterdir())) == 2
    await check_app_is_installed(server)


async def check_app_is_installed(server: InstalledServer) -> None:
    async with running_with_slack(server) as it:
        response = await it.slack.people.command(it.slack.workspace(), "/open-modal")
        assert "Please install this app first!" not in response.body


@pytest.mark.gen_test(timeout=120)
async def test_an_upgrade_that_does_not_start_is_rolled_back(machine: Machine, server: InstalledServer) -> None:
    first = current(machine)
    before = (machine.root / SOURCE / "server.py").read_text()
    (machine.root / SOURCE / "server.py").write_text("raise SystemExit('broken')\n")
    done = machine.run(*INSTALL, check=False, timeout=120)
    (machine.root / SOURCE / "server.py").write_text(before)
    assert done.returncode == 1
    assert "broken" in done.stderr
    assert "the previous version is running again" in done.stderr
    assert (current(machine), ready(machine)) == (first, "200")
    await check_app_is_installed(server)
    assert machine.run(*INSTALL).returncode == 0


def test_the_apps_packages_are_installed_and_kept_by_upgrades_and_rollbacks(machine: Machine) -> None:
    before = current(machine)
    write_wheel(machine.root / "var/cache/wheels", "weather-data", "1.0")
    requirements = machine.root / "etc/latchkey/requirements.txt"
    requirements.write_text("slack-sdk==3.41.0\nweather-data==1.0\n")
    requirements.chmod(0o644)
    # From the installed release, as after a change of the file.
    assert "Latchkey's own version" in machine.run("latchkey", "install-service").stderr
    first = current(machine)
    assert (first != before, weather(machine), ready(machine)) == (True, "1.0", "200")
    assert "nothing to do" in machine.run("latchkey", "install-service").stdout
    source = change_source(machine, "handlers/health.py", "\n# a newer version\n")
    machine.run(*INSTALL)
    second = current(machine)
    assert (second != first, weather(machine)) == (True, "1.0")
    assert "requirements.txt has changed" not in machine.run("latchkey", "install-service", "--back").stdout
    assert (current(machine), weather(machine), ready(machine)) == (first, "1.0", "200")
    requirements.write_text("weather-data==1.0\nslack-bolt<1\n")
    done = machine.run(*INSTALL, check=False)
    assert done.returncode == 1
    assert "requirements.txt, line 2: wants slack-bolt<1, but Latchkey is locked to slack-bolt 1." in done.stderr
    assert (current(machine), ready(machine)) == (first, "200")
    requirements.unlink()
    (machine.root / SOURCE / "handlers/health.py").write_text(source)
    machine.run(*INSTALL)
    assert current(machine) == before


def weather(machine: Machine) -> str:
    """Return the version of the app's package that the service sees."""
    python = "/opt/latchkey/current/.venv/bin/python"
    return machine.run(python, "-I", "-c", "import weather_data; print(weather_data.VERSION)").stdout.strip()


@pytest.mark.gen_test(timeout=60)
async def test_a_new_signing_secret_reaches_the_running_server(machine: Machine, server: InstalledServer) -> None:
    pid, old, new = server.pid, server.credentials["SLACK_SIGNING_SECRET"], secrets.token_hex(16)
    (machine.root / "root/new_secret").write_text(f"{new}\n{old}\n")
    printed = machine.run("latchkey", "install-service", "--signing-secret-file", "/root/new_secret").stdout
    assert "reload the secrets" in printed
    async with running_with_slack(server) as it:
        for secret in (old, new):
            assert (await it.slack.sender.mention(it.slack.workspace(), "x", secret=secret)).status == 200
    assert server.pid == pid
    assert new not in machine.journal()


def test_reload_changes_the_log_level_and_journal_entries_have_priorities(
    machine: Machine, server: InstalledServer
) -> None:
    config = machine.root / "etc/latchkey/config.toml"
    config.write_text(config.read_text() + '\n[log]\nlevel = "warning"\n')
    machine.run("systemctl", "reload", "latchkey.service")
    time.sleep(0.5)
    before = machine.journal("--unit=latchkey.service").count("GET /readyz")
    assert ready(machine) == "200"
    assert machine.journal("--unit=latchkey.service").count("GET /readyz") == before
    config.write_text(config.read_text().replace("warning", "info").replace("[log]", "[log]\nlovel = 1"))
    machine.run("systemctl", "reload", "latchkey.service")
    time.sleep(0.5)
    assert "not reloaded: /etc/latchkey/config.toml [log] lovel" in machine.journal("--priority=err")
    assert "not reloaded" not in machine.journal("--priority=crit")
    config.write_text(config.read_text().replace("lovel = 1\n", ""))
    machine.run("systemctl", "reload", "latchkey.service")
    assert "listening on" in machine.journal("--priority=info..info", "--unit=latchkey.service")


@pytest.mark.gen_test(timeout=60)
async def test_secrets_can_be_encrypted_credentials(machine: Machine, server: InstalledServer) -> None:
    """As described in docs/install.md."""
    etc = machine.root / "etc"
    for name in ("client_secret", "signing_secret"):
        machine.run("mkdir", "-p", "/etc/credstore.encrypted")
        machine.run(
            "systemd-creds", "encrypt", "--with-key=host", f"--name={name}", f"/etc/latchkey/secrets/{name}",
            f"/etc/credstore.encrypted/latchkey.{name}",
        )  # fmt: skip
        (etc / "latchkey/secrets" / name).unlink()
    dropin = etc / "systemd/system/latchkey.service.d/credentials.conf"
    dropin.parent.mkdir(parents=True)
    dropin.write_text(
        "[Service]\n"
        "LoadCredentialEncrypted=client_secret:/etc/credstore.encrypted/latchkey.client_secret\n"
        "LoadCredentialEncrypted=signing_secret:/etc/credstore.encrypted/latchkey.signing_secret\n"
    )
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "latchkey.service")
    async with running_with_slack(server) as it:
        assert await it.install() == 200
        assert (await it.slack.people.mention(it.slack.workspace(), "x")).status == 200
    assert "nothing to do" in machine.run(*INSTALL).stdout


def test_another_address_is_used_and_kept(machine: Machine) -> None:
    machine.run("latchkey", "install-service", "--listen", "127.0.0.1:8181")
    assert machine.show("Listen", "latchkey.socket") == "127.0.0.1:8181 (Stream)"
    assert "nothing to do" in machine.run(*INSTALL).stdout
    machine.run("latchkey", "install-service", "--listen", f"127.0.0.1:{PORT}")
    assert ready(machine) == "200"


def test_the_backup_timer_is_enabled_and_its_job_makes_a_backup(machine: Machine) -> None:
    assert machine.show("UnitFileState", "latchkey-backup.timer") == "enabled"
    assert machine.show("NextElapseUSecRealtime", "latchkey-backup.timer")
    machine.run("systemctl", "start", "latchkey-backup.service")
    assert list((machine.root / "var/backups/latchkey").iterdir())


def test_the_service_starts_after_a_reboot(machine: Machine) -> None:
    machine.stop()
    machine.boot()
    assert machine.show("ActiveState") == "active"
    assert ready(machine) == "200"
    assert machine.run("systemctl", "--failed", "--no-legend").stdout == ""


def test_deleting_the_data_needs_a_confirmation(machine: Machine) -> None:
    before = files(machine)
    done = machine.run("latchkey", "install-service", "--uninstall", "--delete-data", check=False)
    assert done.returncode == 3
    assert "--yes" in done.stderr
    assert files(machine) == before
    assert ready(machine) == "200"


@pytest.mark.gen_test(timeout=120)
async def test_uninstall_keeps_the_data_and_a_new_install_uses_it(machine: Machine, server: InstalledServer) -> None:
    printed = machine.run("latchkey", "install-service", "--uninstall").stdout
    assert "kept: /etc/latchkey, /var/lib/latchkey, /var/backups/latchkey" in printed
    left = [name for name in files(machine) if "latchkey" in name and not name.startswith(("/etc/latchkey", "/var"))]
    assert [name for name in left if not name.startswith(("/etc/credstore", "/etc/systemd"))] == []
    assert machine.run("systemctl", "list-unit-files", "--no-legend", "latchkey*", check=False).stdout == ""
    machine.run(*INSTALL)
    assert ready(machine) == "200"
    await check_app_is_installed(server)


def test_uninstall_with_delete_data_deletes_the_data(machine: Machine) -> None:
    machine.run("latchkey", "install-service", "--uninstall", "--delete-data", "--yes")
    for folder in ("etc/latchkey", "var/lib/latchkey", "var/backups/latchkey", "opt/latchkey"):
        assert not (machine.root / folder).exists()
    assert machine.run("id", "latchkey", check=False).returncode != 0


def in_terminal(machine: Machine, command: list[str], typed: list[str]) -> tuple[int, str]:
    """Run a command inside on its own terminal and type a line at each prompt; returns exit code and output."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        machine.inside(*command), stdin=theirs, stdout=theirs, stderr=theirs, env=ENVIRONMENT, start_new_session=True
    )
    os.close(theirs)
    seen, lines = "", list(typed)
    while True:
        if select.select([ours], [], [], 120)[0]:
            try:
                seen += os.read(ours, 4096).decode(errors="replace")
            except OSError:  # the terminal was closed at the other end
                break
            if seen.endswith("(not shown): ") and lines:
                time.sleep(0.2)  # until the terminal has stopped echoing
                os.write(ours, lines.pop(0).encode() + b"\n")
        else:
            process.kill()
            break
    os.close(ours)
    return process.wait(), seen
