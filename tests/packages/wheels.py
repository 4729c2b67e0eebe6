"""Writes wheels into a folder, from which pip installs them without a network."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path


def write_wheel(folder: Path, name: str, version: str, *, requires: Sequence[str] = (), files: int = 1) -> Path:
    """Write a wheel with a package whose `VERSION` is its version, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    path = folder / f"{module}-{version}-py3-none-any.whl"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    metadata += [f"Requires-Dist: {each}" for each in requires]
    contents = {
        f"{module}/__init__.py": f"VERSION = {version!r}\n",
        **{f"{module}/part{number}.py": "" for number in range(1, files)},
        f"{info}/METADATA": "\n".join([*metadata, ""]),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*contents, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as wheel:
        for member, text in {**contents, f"{info}/RECORD": record}.items():
            wheel.writestr(member, text)
    return path
