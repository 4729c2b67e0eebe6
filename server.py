"""Entry point of the server: the same as `latchkey serve`."""

import sys

from latchkey.cli import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
