"""Flags that cannot work, files that are not there, streams that are closed: one line, the exit code, no traceback."""

import pytest
from flag_rows import ROWS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_what_cannot_work_is_named(kit, row):
    kit.run(row)
    assert kit.path("fifo").is_fifo() and (kit.path("folder_of_mine") / "thesis.txt").read_text() == "mine"
