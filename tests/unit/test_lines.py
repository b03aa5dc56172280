"""Reading lines from standard input: as many as wait, none twice, none lost."""

import os
import signal
import threading

import pytest

from s2s_plugins.errors import UsageError
from s2s_plugins.inference import lines


def too_long(*_):
    raise TimeoutError("waits for input that does not come")


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(20)
    with open(reading, "rb") as stream:
        yield stream, writing
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def batches(path, content, size, ahead=lines.AHEAD):
    path.write_bytes(content)
    with path.open("rb") as stream:
        return list(lines.read_batches(stream, size, ahead))


def test_of_a_file_more_than_a_batch_is_read_at_a_time(tmp_path):
    found = batches(tmp_path / "file", b"".join(b"%d\n" % number for number in range(70)), 2, 16)
    assert [len(batch) for batch in found] == [32, 32, 6]
    assert [line for batch in found for line in batch] == [str(number) for number in range(70)]


def test_a_batch_is_given_out_where_no_more_input_waits(pipe):
    stream, writing = pipe
    found = lines.read_batches(stream, 2)
    os.write(writing, b"a\nb\nc")
    assert next(found) == ["a", "b"]
    os.write(writing, b"d\ne\n")
    assert next(found) == ["cd", "e"]
    os.write(writing, b"f\n")
    os.close(writing)
    assert list(found) == [["f"]]


def test_lines_are_given_out_when_no_more_input_waits(pipe):
    stream, writing = pipe

    def write():
        for line in (b"a\n", b"b\n"):
            os.write(writing, line)
            given_out.wait(10)
            given_out.clear()
        os.close(writing)

    given_out = threading.Event()
    writer = threading.Thread(target=write)
    writer.start()
    found = []
    for batch in lines.read_batches(stream, 2):
        found.append(batch)
        given_out.set()
    assert found == [["a"], ["b"]]
    writer.join()


@pytest.mark.parametrize("block", [1, 2, 3, 1000])
def test_lines_are_the_same_wherever_a_read_ends(block, tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "BLOCK", block)
    content = "één\r\n\n日本 x\n\n\nlast".encode()
    found = [line for batch in batches(tmp_path / "file", content, 2) for line in batch]
    assert found == ["één", "", "日本 x", "", "", "last"]
    assert batches(tmp_path / "file", b"", 2) == []
    assert batches(tmp_path / "file", b"\n", 2) == [[""]]


def test_what_comes_before_a_line_that_is_no_text_is_given_out(tmp_path):
    (tmp_path / "file").write_bytes(b"a\nb\nc\n\xff\nd\n")
    with (tmp_path / "file").open("rb") as stream:
        found = lines.read_batches(stream, 2)
        assert next(found) == ["a", "b", "c"]
        with pytest.raises(UsageError, match="line 4 is not UTF-8"):
            next(found)


def test_where_select_takes_no_pipes_as_on_windows_what_was_read_is_given_out(pipe, monkeypatch):
    monkeypatch.setattr(lines.sys, "platform", "win32")
    monkeypatch.delattr(lines.select, "select")
    stream, writing = pipe
    found = lines.read_batches(stream, 2)
    os.write(writing, b"a\nb")
    assert next(found) == ["a"]
    os.write(writing, b"\nc\n")
    assert next(found) == ["b", "c"]
    os.close(writing)
    assert list(found) == []


def test_counting_the_lines_of_a_file_leaves_it_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "BLOCK", 2)
    (tmp_path / "file").write_bytes(b"a\nb\nc\nd")
    with (tmp_path / "file").open("rb") as stream:
        os.lseek(stream.fileno(), 2, os.SEEK_SET)
        assert lines._lines_of(stream) == 3
        assert list(lines.read_batches(stream, 9)) == [["b", "c", "d"]]
