"""The folder of checkouts, and the page that the results are written to."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.outside.checkouts import Checkout, find_checkout


@pytest.fixture
def checkout(request: pytest.FixtureRequest) -> Callable[[str], Checkout]:
    """Return a function that finds the checkout of a repository."""
    folder = Path(request.config.getoption("--outside"))
    return lambda repository: find_checkout(folder, repository)
