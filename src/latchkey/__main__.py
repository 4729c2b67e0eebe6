"""`python -m latchkey`: the same as the command `latchkey`."""

import sys

from latchkey.cli import main

sys.exit(main())
