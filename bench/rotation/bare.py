"""Measures only the cryptography: MultiFernet.rotate in a loop over every record of a store. Writes nothing.

Usage: python -m bench.rotation.bare STORE KEYRING; prints the number of records and the seconds as JSON.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet

from latchkey.storage import PREFIX_LENGTH, SEALED_TABLES, read_keyring

PAGE = 500


def main(store_path: Path, keyring: Path) -> None:
    keys = [Fernet(key.reveal()) for key in read_keyring(keyring).keys[:1]]
    ring = MultiFernet([Fernet(Fernet.generate_key()), *keys])
    records, seconds = 0, 0.0
    with closing(sqlite3.connect(f"{store_path.as_uri()}?mode=ro", uri=True)) as connection:
        for table in SEALED_TABLES:
            after = ""
            while rows := connection.execute(
                f"SELECT key, value FROM {table} WHERE key > ? ORDER BY key LIMIT ?", (after, PAGE)
            ).fetchall():
                after = rows[-1][0]
                tokens = [value[PREFIX_LENGTH:] for _, value in rows]
                begun = time.perf_counter()
                for token in tokens:
                    ring.rotate(token)
                seconds += time.perf_counter() - begun
                records += len(tokens)
    print(json.dumps({"records": records, "seconds": seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
