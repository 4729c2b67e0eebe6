"""The app's packages are installed on top of the locked ones, which stay as they are."""

import os
import signal
import time

import pytest

from tests.packages.conftest import AppFolder

DONE = (0, [])


def test_installs_once_and_again_only_if_a_file_or_the_lock_changes(app: AppFolder) -> None:
    app.write("weather-data==1.0  # for the forecast\n-r more/other.txt\n")
    app.write("slack-bolt>=1.28\n", "more/other.txt")
    code, said = app.install()
    assert (code, said) == (0, [f"latchkey: installing the app's packages into .venv, from {app.app}/requirements.txt"])
    assert app.version("weather_data") == "1.0"
    # Without an index: nothing is asked for.
    assert app.install(PIP_FIND_LINKS="") == DONE
    app.write("needs-weather\n", "more/other.txt")
    assert app.install()[0] == 0
    assert app.version("needs_weather") == "1.0"
    with open(app.checkout / "requirements.txt", "a") as lock:
        lock.write("another-package==1.0 \\\n")
    assert len(app.install()[1]) == 1
    assert app.install() == DONE


def test_packages_that_were_removed_are_installed_again(app: AppFolder) -> None:
    app.write("weather-data<2\n")
    app.install()
    for path in app.site_packages.glob("weather_data-*/METADATA"):
        path.unlink()
    assert app.install()[0] == 0
    assert app.version("weather_data") == "1.0"


def test_a_pin_of_another_version_of_a_locked_package_is_named_and_not_installed(app: AppFolder) -> None:
    """As in Slack's templates, whose pins are those of the day on which they were changed last."""
    app.write("slack-sdk==3.41.0\nslack-bolt==1.15.2.dev0\n")
    code, said = app.install(PIP_FIND_LINKS="")
    assert code == 0
    assert said[0].startswith(
        f"latchkey: slack-sdk==3.41.0 ({app.app}/requirements.txt, line 1): Latchkey's own version 3."
    )
    assert said[1].startswith("latchkey: slack-bolt==1.15.2.dev0")
    assert len(said) == 2


def test_conflicts_with_the_lock_are_all_named_and_nothing_is_installed(app: AppFolder) -> None:
    app.write("weather-data\nslack_bolt<1.20\n")
    app.write("rich==13.0 \\\n  --hash=sha256:00\ntornado @ https://user:sentinel@host/tornado.whl\n", "more.txt")
    with open(app.app / "requirements.txt", "a") as file:
        file.write("-r more.txt")
    code, said = app.install()
    assert code == 1
    assert len(said) == 4
    assert said[0].startswith(
        f"latchkey: {app.app}/requirements.txt, line 2: wants slack_bolt<1.20, but Latchkey is locked to slack-bolt 1."
    )
    assert said[1].startswith(
        f"latchkey: {app.app}/more.txt, line 1: wants rich==13.0, but Latchkey is locked to rich 1"
    )
    assert said[2].startswith(
        f"latchkey: {app.app}/more.txt, line 3: wants tornado from a URL, but Latchkey is locked to"
    )
    assert said[3].startswith("hint: ")
    assert "sentinel" not in "".join(said)
    assert app.version("weather_data") is None


def test_a_conflict_of_a_dependency_with_the_lock_is_named(app: AppFolder) -> None:
    app.write("needs-old-rich\n")
    code, said = app.install()
    assert code == 1
    assert said[1].startswith(
        f"latchkey: {app.app}/requirements.txt: needs-old-rich 1.0 wants rich<14, but Latchkey is locked to rich 1"
    )
    assert said[2].startswith("hint: ")


def test_a_path_cannot_replace_a_locked_package(app: AppFolder) -> None:
    """It has the locked version, so that pip sees no conflict."""
    app.write(f"{app.wheels}/forks/tornado-6.6.1-py3-none-any.whl\n")
    assert app.install()[0] == 0
    assert not list(app.site_packages.glob("tornado*"))  # the same version is installed already
    app.write("[project]\nname = 'tornado'\nversion = '6.6.1'\n", "fork/pyproject.toml")
    app.write("-e ./fork\n")
    code, said = app.install(PIP_NO_BUILD_ISOLATION="0")
    assert code == 1
    assert "has replaced tornado, which Latchkey is locked to in version 6.6.1" in said[-2]
    assert "Installing collected packages" in app.pip_log.read_text()  # so the launcher makes a new environment


@pytest.mark.parametrize(("index", "reason"), [
    ({}, "the package index does not have it"),
    ({"PIP_NO_INDEX": "", "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}, "the package index does not answer"),
])  # fmt: skip
def test_names_the_package_that_could_not_be_fetched(app: AppFolder, index: dict[str, str], reason: str) -> None:
    app.write("weather-data==1.0\nno-such-package>=3\n")
    code, said = app.install(**index)
    assert code == 1
    assert said[1] == f"latchkey: {app.app}/requirements.txt: no-such-package>=3 could not be fetched; {reason}"
    assert said[2].startswith("hint: ")
    assert not app.pip_log.exists()  # nothing was changed, so the environment is kept


def test_names_the_versions_that_exist(app: AppFolder) -> None:
    app.write("weather-data==9\n")
    code, said = app.install()
    assert code == 1
    assert said[1].endswith("there is no weather-data==9 for this Python; the latest are 1.0, 2.0")


def test_an_installation_that_was_killed_is_recognized_and_repaired(app: AppFolder) -> None:
    app.write("large\nweather-data==1.0\n")
    process = app.start()
    deadline = time.monotonic() + 30
    while not (app.pip_log.exists() and "Installing collected packages" in app.pip_log.read_text()):
        assert time.monotonic() < deadline
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    # What tests/cli/test_launcher.py shows: the launcher then makes the environment anew.
    assert "Installing collected packages" in app.pip_log.read_text()
    assert not (app.environment / ".installed-app").exists()
    app.make_environment()
    assert app.install()[0] == 0
    assert (app.version("large"), app.version("weather_data")) == ("1.0", "1.0")
    assert not app.pip_log.exists()


def test_two_starts_at_once_install_once(app: AppFolder) -> None:
    app.write("large\n")
    said = [process.communicate()[1] for process in [app.start(), app.start()]]
    assert sorted(map(len, said))[0] == 0
    assert app.version("large") == "1.0"


def test_modules_beside_the_file_do_not_disturb_pip(app: AppFolder) -> None:
    for name in ("pip", "email", "logging", "tempfile"):
        app.write("raise SystemExit('imported')\n", f"{name}.py")
    app.write("weather-data\n")
    assert app.install()[0] == 0
    assert app.version("weather_data") == "2.0"


def test_paths_begin_in_the_folder_of_the_file(app: AppFolder) -> None:
    app.write("[project]\nname = 'ours'\nversion = '1'\n", "lib/pyproject.toml")
    (app.app / "own.whl").symlink_to(app.wheels)
    app.write("./own.whl/weather_data-1.0-py3-none-any.whl\n")
    assert app.install()[0] == 0
    assert app.version("weather_data") == "1.0"


class TestWhichFile:
    def test_none_is_needed(self, app: AppFolder) -> None:
        assert app.install() == DONE
        assert app.install("--config", "nowhere.toml") == DONE

    def test_in_a_clone_of_latchkey_it_is_the_one_of_the_listeners(self, app: AppFolder) -> None:
        """There, requirements.txt is Latchkey's own lock file."""
        for name in ("latchkey", "server.py", "requirements-build.txt"):
            app.write("", name)
        app.write("no-such-package\n")
        app.write("weather-data==1.0\n", "listeners/requirements.txt")
        assert app.install()[0] == 0
        assert app.version("weather_data") == "1.0"

    def test_the_listeners_of_the_checkout_have_theirs_as_well(self, app: AppFolder) -> None:
        (app.checkout / "listeners").mkdir()
        (app.checkout / "listeners" / "requirements.txt").write_text("weather-data==1.0\n")
        app.write("needs-weather\n")
        assert app.install("--config=config.toml")[0] == 0
        assert (app.version("weather_data"), app.version("needs_weather")) == ("1.0", "1.0")

    def test_an_installed_release_is_never_changed(self, app: AppFolder) -> None:
        app.write("weather-data\n")
        (app.checkout / ".complete").touch()
        assert app.install() == DONE
        assert app.version("weather_data") is None
