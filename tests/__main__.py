"""`latchkey test`: pytest with Latchkey's exit codes, and without a traceback at Ctrl-C."""

import os
import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends the process at once until tests run

import pytest  # noqa: E402

EXIT_CODES = {pytest.ExitCode.OK: 0, pytest.ExitCode.USAGE_ERROR: 2}
"""Everything else is 1: failed or interrupted tests, and no tests at all."""


class Plugin:
    def pytest_addoption(self, parser: pytest.Parser) -> None:
        parser.prog = "latchkey test"  # in usage errors

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def main() -> int:
    try:
        code = pytest.main(plugins=[Plugin()])
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at exit
        return 1
    return EXIT_CODES.get(pytest.ExitCode(code), 1)


if __name__ == "__main__":
    sys.exit(main())
