"""The doctor names what the app's requirements.txt wants and does not have."""

import pytest

from tests.doctor.conftest import Home

CASES = [
    ("no-such-package>=2", "packages-missing", "wants no-such-package>=2, and it is not installed"),
    ("slack-bolt<1.20", "packages-conflict", "wants slack-bolt<1.20, and Latchkey is locked to 1."),
    ("slack-sdk==3.41.0", "packages-replaced", "wants slack-sdk==3.41.0, and 3."),
    ("$(rm -rf)", "requirements-invalid", "neither a requirement nor a file here: '$(rm -rf)'"),
    ("-r other.txt", "requirements-invalid", "includes other.txt, and there is no such file"),
]


@pytest.mark.parametrize(("line", "code", "message"), CASES, ids=[case[1] + case[0] for case in CASES])
def test_names_the_line_the_wanted_version_and_the_one_that_is_there(
    home: Home, line: str, code: str, message: str
) -> None:
    path = home.folder / "requirements.txt"
    path.write_text(f"# ours\n{line}\nslack_bolt>=1.28  # met\nno-such-package ; python_version < '3'\n")
    (found,) = [item for item in home.findings() if item.code.startswith(("packages-", "requirements-"))]
    assert found.code == code
    assert found.message.startswith(f"{path}, line 2: {message}")
    assert found.fix
