"""Flags that cannot work, files that are not there, streams that are closed: one line, the exit code, no traceback."""

import pytest
from conftest import Commands
from flag_rows import ROWS
from kit import Kit


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    commands = Commands(tmp_path_factory.mktemp("flags"), warm=True)
    yield Kit(commands).build()
    commands.stop()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_what_cannot_work_is_named(kit, row):
    kit.run(row)
    assert kit.path("fifo").is_fifo() and (kit.path("folder_of_mine") / "thesis.txt").read_text() == "mine"
