"""A listener that probes the sandbox from inside the unit and writes down its findings. Runs only on the machine."""

import contextlib
import ctypes
import json
import mmap
import os
import resource
import shutil
import socket
import subprocess
import sys
from pathlib import Path

SHELLS = ("/bin/sh", "/bin/bash", "/bin/dash", "/usr/bin/env", "/usr/bin/perl", "/usr/bin/id", "/sbin/ldconfig")
WRITABLE = ("/var/lib/latchkey", "/tmp", "/var/tmp", "/dev/shm")
CLOSED = (
    "/", "/etc", "/etc/latchkey", "/etc/latchkey/keys", "/etc/latchkey/secrets", "/opt/latchkey", "/opt/latchkey/current/",
    "/usr/local/bin", "/var", "/var/backups/latchkey", "/run", "/root", "/home",
)  # fmt: skip


def register(app):
    @app.command("/probe")
    def probe(ack):
        Path("/var/lib/latchkey/probe.json").write_text(json.dumps(probe_sandbox()))
        ack("done")


def probe_sandbox():
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    return {
        "shells": [path for path in SHELLS if Path(path).exists() and runs([path, "-c", "exit 0"])],
        "executable": sorted(set(executables())),
        "from_writable": [folder for folder in WRITABLE if runs_from(folder)],
        "through_the_loader": [folder for folder in WRITABLE if runs_through_the_loader(folder)],
        "from_memory": runs_from_memory(),
        "written": [folder for folder in CLOSED if can_write(folder)],
        "capabilities": {name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")},
        "no_new_privileges": status["NoNewPrivs"],
        "seccomp": status["Seccomp"],
        "processes": [int(name) for name in os.listdir("/proc") if name.isdecimal() and int(name) != os.getpid()],
        "signals_process_1": not fails(lambda: os.kill(1, 0)),
        "kernel_settings": Path("/proc/sys").exists() or Path("/proc/kcore").exists(),
        "devices": sorted(name for name in os.listdir("/dev") if not os.path.isdir(f"/dev/{name}")),
        "writable_code": not fails(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)),
        "namespace": ctypes.CDLL(None).unshare(0x10000000) == 0,
        "raw_socket": not fails(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
        "packet_socket": not fails(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
        "internet_socket": not fails(lambda: socket.socket(socket.AF_INET)),
        "core_limit": resource.getrlimit(resource.RLIMIT_CORE)[1],
        # Root owns the files in /proc of a process that cannot be dumped.
        "dumpable": os.stat("/proc/self/environ").st_uid == os.getuid(),
        "sets_core_limit": not fails(lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0))),
        "users": (os.getuid() != 0, os.getgroups() in ([], [os.getgid()])),
        "reads_keyring": not fails(lambda: Path("/etc/latchkey/keys/keyring").read_bytes()),
    }


def fails(act):
    try:
        act()
    except OSError:
        return True
    return False


def runs(command):
    with contextlib.suppress(OSError):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


def executables():
    """Return the executable files outside the library folders."""
    for folder in ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", *WRITABLE):
        for name in os.listdir(folder):
            path = os.path.realpath(f"{folder}/{name}")
            library = path.endswith(".py") or os.path.basename(path).startswith("ld-linux")
            if not library and os.path.isfile(path) and os.access(path, os.X_OK):
                yield path


def runs_from(folder):
    """Return whether a script or a program can be run from a writable folder."""
    script, program = Path(folder, "probe.sh"), Path(folder, "probe-python")
    try:
        script.write_text(f"#!{sys.executable}\n")
        script.chmod(0o700)
        shutil.copy(os.path.realpath(sys.executable), program)
        program.chmod(0o700)
        return runs([str(script)]) or runs([str(program), "-c", ""])
    finally:
        script.unlink(missing_ok=True)
        program.unlink(missing_ok=True)


def runs_through_the_loader(folder):
    """Return whether the dynamic loader, which may be executed, runs a program that may not."""
    loaders = [str(path) for path in Path("/usr/lib").glob("*/ld-linux*")]
    program = Path(folder, "probe-python")
    try:
        shutil.copy(os.path.realpath(sys.executable), program)
        return any(runs([loader, str(program), "-c", ""]) or runs([loader, "/bin/sh", "-c", ""]) for loader in loaders)
    finally:
        program.unlink(missing_ok=True)


def runs_from_memory():
    try:
        descriptor = os.memfd_create("probe", 0)
    except OSError:
        return False
    os.write(descriptor, Path(os.path.realpath(sys.executable)).read_bytes())
    return runs([f"/proc/self/fd/{descriptor}", "-c", ""])


def can_write(folder):
    path = Path(folder, "probe-written")
    try:
        path.write_text("x")
    except OSError:
        return False
    path.unlink()
    return True
