"""``dict.txt`` is read and written as fairseq does it."""

import pytest
from fairseq.data import Dictionary
from hypothesis import given
from hypothesis import strategies as st

from s2s_plugins.errors import UsageError
from s2s_plugins.text.symbols import BOS, EOS, PAD, SPECIAL, UNK, SymbolTable

words = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=6).filter(lambda w: not w[-1].isspace())
entries = st.lists(st.tuples(words.filter(lambda w: len(w.splitlines()) == 1), st.integers(0, 10**12)), max_size=12)


def test_the_special_symbols_are_fairseqs():
    ours, theirs = SymbolTable(), Dictionary()
    assert (ours.symbols, ours.counts, ours.indices) == (theirs.symbols, theirs.count, theirs.indices)
    assert (BOS, PAD, EOS, UNK) == (theirs.bos(), theirs.pad(), theirs.eos(), theirs.unk())
    assert len(SPECIAL) == theirs.nspecial


@given(entries)
def test_counting_numbers_and_file_are_fairseqs(tmp_path_factory, entries):
    folder = tmp_path_factory.mktemp("symbols")
    ours, theirs = SymbolTable(), Dictionary()
    for symbol, count in entries:
        assert ours.add(symbol, count) == theirs.add_symbol(symbol, count)
    assert (ours.symbols, ours.counts, ours.indices) == (theirs.symbols, theirs.count, theirs.indices)
    assert len(ours) == len(theirs)
    ours.save(folder / "ours.txt")
    theirs.save(str(folder / "theirs.txt"))
    assert (folder / "ours.txt").read_bytes() == (folder / "theirs.txt").read_bytes()


def both(path):
    """What each of the two reads: symbols, counts and numbers, or that it refuses the file."""
    found = []
    for load in (lambda: SymbolTable.load(path), lambda: Dictionary.load(str(path))):
        try:
            table = load()
            counts = table.counts if isinstance(table, SymbolTable) else table.count
            found.append((table.symbols, counts, table.indices))
        except UsageError as error:
            found.append(str(error).partition(" (")[0])
    return found


@pytest.mark.parametrize(
    "content",
    [
        "a 3\nb 2\n",
        "a 3\r\nb 2\r\n",
        "a 3",
        "two words 3\n",
        " 3\n",
        "a  3\n",
        "a +3 \t\n",
        "a -1\n",
        "a 1_000\n",
        "a ٣\n",
        "a\u00a0b 3\n",
        "a\u2028b 3\nc\x85d 4\n",
        "a 3\na 4 #fairseq:overwrite\nb 1\n",
        "</s> 3 #fairseq:overwrite\n",
        "a 3\nmadeupword0000 0\nmadeupword0001 0\n",
        "",
    ],
)
def test_a_file_gives_the_symbols_that_fairseq_reads(tmp_path, content):
    (tmp_path / "dict.txt").write_bytes(content.encode("utf-8"))
    ours, theirs = both(tmp_path / "dict.txt")
    assert ours == theirs and not isinstance(ours, str)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"a 3\nb\n", "line 2 is not 'SYMBOL COUNT': 'b'"),
        (b"a 3\n\nb 2\n", "line 2 is not 'SYMBOL COUNT': ''"),
        (b"a three\n", "line 1 is not 'SYMBOL COUNT': 'a three'"),
        (b"a 3 #fairseq:overwrit\n", "line 1 is not"),
        (b"3 #fairseq:overwrite\n", "line 1 is not"),
        (b"a 3\nb 2\na 1\n", "line 3 has 'a' again"),
        (b"<pad> 3\n", "line 1 has '<pad>' again"),
        (b"a 3\n\xff 2\n", "it is not UTF-8 text"),
    ],
)
def test_a_file_that_fairseq_refuses_is_damaged_and_the_line_is_named(tmp_path, content, message):
    path = tmp_path / "dict.txt"
    path.write_bytes(content)
    assert both(path) == [f"dictionary {path} is damaged"] * 2
    with pytest.raises(UsageError) as raised:
        SymbolTable.load(path)
    assert message in str(raised.value) and "binarise the text again" in str(raised.value)


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="dict.txt"):
        SymbolTable.load(tmp_path / "dict.txt")
