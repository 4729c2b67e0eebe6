"""Import rules: one direction between packages, sub-packages imported through `__init__`, some libraries in one file."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "src" / "latchkey"
PACKAGES = {
    "bolt",
    "cli",
    "commands",
    "config",
    "connecting",
    "dev",
    "dispatch",
    "doctor",
    "errors",
    "example",
    "handlers",
    "logs",
    "metrics",
    "packages",
    "preflight",
    "server",
    "simulator",
    "slackapi",
    "storage",
    "testing",
    "tokens",
}
MAY_IMPORT = {
    "bolt": {"dispatch", "tokens", "slackapi", "storage", "metrics", "errors"},
    "cli": PACKAGES,
    "connecting": {"config", "tokens", "slackapi", "storage", "errors"},
    "dev": {"bolt", "config", "dispatch", "preflight", "server", "simulator", "slackapi", "errors"},
    "server": PACKAGES
    - {"cli", "commands", "connecting", "dev", "doctor", "simulator", "testing", "example", "packages"},
    "handlers": {"dispatch", "tokens", "slackapi", "storage", "metrics", "errors"},
    "dispatch": {"tokens", "slackapi", "storage", "metrics", "errors"},
    "tokens": {"slackapi", "storage", "metrics", "errors"},
    "slackapi": {"errors"},
    "storage": {"errors"},
    "metrics": {"storage", "errors"},
    "config": {"errors"},
    "logs": {"errors"},
    "packages": {"logs", "errors"},
    "preflight": {"bolt", "config", "dispatch", "slackapi", "storage", "errors"},
    "commands": {"config", "logs", "dispatch", "tokens", "storage", "slackapi", "errors", "doctor", "preflight"},
    "doctor": {"config", "logs", "dispatch", "tokens", "storage", "slackapi", "errors", "packages", "preflight"},
    "simulator": {"errors"},
    "testing": {
        "bolt",
        "config",
        "dispatch",
        "handlers",
        "logs",
        "preflight",
        "server",
        "simulator",
        "slackapi",
        "storage",
        "errors",
    },
    "errors": set(),
    "example": set(),
}
ONLY_IN = {
    "slack_bolt": {"bolt"},
    "cryptography": {"storage/crypto/sealing.py"},
    "sqlitedict": {"storage/engine/sqlite/sqlite_keyvalue.py"},
    "sqlite3": {"storage/engine/sqlite", "storage/installations/moving/sqlite_file.py"},
    "tornado": {"handlers", "simulator"},
    "watchfiles": {"dev/changes.py"},
    "yaml": {"commands", "slackapi/manifest"},
    "sqlalchemy": {"storage/installations/moving/database_url.py"},
    "psycopg": {"storage/engine/postgresql"},
    "psycopg_pool": {"storage/engine/postgresql"},
    "pickle": set(),
}
MAX_ENTRIES = 14


def modules() -> list[Path]:
    """Every module of the package, links followed, by its path below src/latchkey."""
    found: list[Path] = []

    def walk(folder: Path) -> None:
        for entry in sorted(folder.iterdir()):
            if entry.is_dir() and entry.name != "__pycache__":
                walk(entry)
            elif entry.suffix == ".py":
                found.append(entry.relative_to(PACKAGE))

    walk(PACKAGE)
    return [path for path in found if len(path.parts) > 1 or path.stem in PACKAGES]


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted name of each imported module, including sub-modules in `from x import y`."""
    for node in ast.walk(ast.parse((PACKAGE / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if is_module(inner) and alias.name not in exported(node.module) else node.module


@cache
def exported(package: str) -> set[str]:
    """Return the names that a package's `__init__` imports from its modules."""
    init = PACKAGE.parent / package.replace(".", "/") / "__init__.py"
    nodes = ast.parse(init.read_text()).body if init.is_file() else []
    return {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}


def is_module(name: str) -> bool:
    path = PACKAGE.parent / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def ours(path: Path) -> list[list[str]]:
    """Return our own modules that a module imports, as the parts of their names after `latchkey`."""
    return [
        name.split(".")[1:] for name in imports(path) if name.startswith("latchkey.") and name.split(".")[1] in PACKAGES
    ]


def package_of(path: Path) -> str:
    return path.parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=str)
def test_a_package_imports_only_allowed_packages(path: Path) -> None:
    package = package_of(path)
    used = {parts[0] for parts in ours(path)} - {package}
    assert used <= MAY_IMPORT[package]


@pytest.mark.parametrize("path", modules(), ids=str)
def test_sub_packages_are_imported_through_their_init(path: Path) -> None:
    """Other packages import all of `storage` through `latchkey.storage`."""
    for parts in ours(path):
        target = PACKAGE.joinpath(*parts)
        folder = target if target.is_dir() else target.parent
        inside = folder.relative_to(PACKAGE)
        if package_of(path) == "cli" or path.parent == inside or inside in path.parents:
            continue
        if parts[0] == package_of(path):
            assert target.is_dir() or len(parts) <= 2, f"{path} goes past {inside}/__init__.py"
        elif parts[0] == "storage":
            assert parts == ["storage"], f"{path} goes past storage/__init__.py"
        else:
            assert target.is_dir() or len(parts) <= 2, f"{path} goes past {inside}/__init__.py"


@pytest.mark.parametrize("library", sorted(ONLY_IN))
def test_a_library_is_imported_only_where_allowed(library: str) -> None:
    users = {path for path in modules() if any(name.partition(".")[0] == library for name in imports(path))}
    allowed = {Path(name) for name in ONLY_IN[library]}
    assert all(allowed & {user, *user.parents} for user in users), users


def test_our_code_never_imports_the_linked_folders_by_their_bare_names() -> None:
    """In the root of a checkout, `import storage` works, and would load a second copy."""
    bare = {"handlers", "storage", "listeners", "src"}
    files = (
        [PACKAGE / path for path in modules()]
        + sorted((ROOT / "tests").rglob("*.py"))
        + sorted((ROOT / "bench").rglob("*.py"))
    )
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            assert not bare & {name.partition(".")[0] for name in names}, file


def test_no_folder_is_called_slack() -> None:
    """slack_sdk installs packages whose names begin with "slack"."""
    assert not [path for path in PACKAGE.iterdir() if path.name.startswith("slack") and path.name != "slackapi"]


def test_a_folder_has_at_most_fourteen_entries() -> None:
    """The top levels of `src/latchkey/` and `tests/` are exempt."""
    folders = [ROOT / "handlers", ROOT / "storage", *(ROOT / "tests").rglob("*"), *PACKAGE.rglob("*")]
    for folder in folders:
        if folder.is_dir() and folder.name != "__pycache__":
            entries = [entry for entry in folder.iterdir() if entry.name != "__pycache__"]
            assert len(entries) <= MAX_ENTRIES, folder


def test_importing_a_module_does_nothing() -> None:
    """No module-level statement reads, writes or listens."""
    busy = {"open", "print", "getenv", "connect", "run", "mkdir", "Thread", "ThreadPoolExecutor", "basicConfig"}
    for path in modules():
        for node in ast.parse((PACKAGE / path).read_text()).body:
            if isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign):
                for call in (part for part in ast.walk(node) if isinstance(part, ast.Call)):
                    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
                    assert name not in busy, f"{path}:{call.lineno}"
