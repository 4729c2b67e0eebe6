"""Who may import whom: one direction, and one door to each library that matters."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {
    "server",
    "wiring",
    "handlers",
    "dispatch",
    "slackapi",
    "storage",
    "listeners",
    "simulator",
    "maintenance",
    "commands",
    "doctor",
    "config",
    "logs",
    "errors",
    "supervision",
    "reloading",
    "bench",
}
MAY_IMPORT = {
    "wiring": {"config", "dispatch", "handlers", "slackapi", "storage"},
    "server": ROOMS - {"simulator", "server", "maintenance", "commands", "doctor", "listeners"},
    "handlers": {"dispatch", "slackapi", "storage", "errors"},
    "dispatch": {"slackapi", "storage", "errors"},
    "slackapi": {"errors"},
    "storage": {"errors"},
    "maintenance": {"commands", "errors"},
    "doctor": {"config", "dispatch", "storage", "slackapi", "errors"},
    "commands": {"config", "doctor", "logs", "dispatch", "storage", "slackapi", "errors"},
    "config": {"errors"},
    "logs": set(),
    "errors": set(),
    "supervision": {"errors"},
    "reloading": {"config", "handlers", "logs", "slackapi", "errors"},
    "listeners": set(),
    "simulator": set(),
    "bench": {"simulator", "storage"},
}
ONLY_IN = {
    "cryptography": {"storage/sealing.py", "bench"},
    "sqlitedict": {"storage/sqlite.py"},
    "sqlite3": {"storage/connection.py", "storage/sqlite_file.py", "storage/opening.py", "storage/store_file.py", "bench"},
    "tornado": {"handlers", "server.py", "simulator", "bench"},
    "yaml": {"commands/manifest.py", "doctor/app_manifest.py"},
    "pickle": set(),
}  # fmt: skip


def modules() -> list[Path]:
    return [
        path
        for room in sorted(ROOMS)
        for path in (
            [ROOT / f"{room}.py"]
            if (ROOT / f"{room}.py").exists()
            else sorted(path for path in (ROOT / room).rglob("*.py") if "peers" not in path.parts)
        )
    ]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_from_the_rooms_below_it(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert imported(path) & ROOMS - {room} <= MAY_IMPORT[room]


@pytest.mark.parametrize("library", sorted(ONLY_IN))
def test_a_library_that_matters_has_one_door(library: str) -> None:
    users = {path.relative_to(ROOT) for path in modules() if library in imported(path)}
    allowed = ONLY_IN[library]
    assert all(str(user) in allowed or user.parts[0] in allowed for user in users), users


def test_no_folder_is_called_slack() -> None:
    """slack_sdk installs packages whose names begin so."""
    assert not [
        path for path in ROOT.iterdir() if path.is_dir() and path.name.startswith("slack") and path.name != "slackapi"
    ]


def test_importing_a_room_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """No statement at a module's top calls what reads, writes or listens."""
    busy = {"open", "print", "getenv", "connect", "run", "mkdir", "Thread", "ThreadPoolExecutor", "basicConfig"}
    for path in modules():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign):
                for call in (part for part in ast.walk(node) if isinstance(part, ast.Call)):
                    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
                    assert name not in busy, f"{path.name}:{call.lineno}"
