"""A script beside this server: gets the token of the bot and of each person, and prints how often it could not.

Usage: python -m bench.refreshing.our_script CONFIG PERSON...
"""

from __future__ import annotations

import sys

from latchkey import connect
from latchkey.errors import LatchkeyError


def main(config: str, *people: str) -> None:
    failures = 0
    with connect(config) as latchkey:
        for user_id in (None, *people):
            try:
                latchkey.client_for(None, "T0ACME", user_id).auth_test()
            except LatchkeyError:
                failures += 1
    print(failures)


if __name__ == "__main__":
    main(*sys.argv[1:])
