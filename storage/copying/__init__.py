"""Copies all records of a store into another one, in the other engine or the same."""

from latchkey.storage.copying.copy_marks import COPYING, MOVED, check_marks, forget_move
from latchkey.storage.copying.merge_walk import CopyCounts, copy_table, count_differences
from latchkey.storage.copying.store_copy import CopyResult, StoreCopy

__all__ = [
    "COPYING",
    "MOVED",
    "CopyCounts",
    "CopyResult",
    "StoreCopy",
    "check_marks",
    "copy_table",
    "count_differences",
    "forget_move",
]
