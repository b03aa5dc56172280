"""Pairs are read from every form that people have them in, and what is wrong with a file is said in a line."""

import bz2
import gzip
import lzma
import unicodedata

import pandas
import pytest
from pairs_data import lexicon, written

from s2s_plugins.errors import UsageError
from s2s_plugins.text.pairs import Columns, read_pairs
from s2s_plugins.text.pairs.kinds import kind_of

PAIRS = [("zebra", "Z IY B R AH"), ("Zoë", "Z OW IY"), ('say "a, b"', "S EY")]
JSON_LINES = (
    '{"a": "zebra", "b": "Z IY B R AH"}\n\n{"a": "Zo\\u00eb", "b": "Z OW IY"}\n{"b": "S EY", "a": "say \\"a, b\\""}\n'
)


def plain(pairs):
    return [tuple(pair[:2]) for pair in pairs]


def both_times(data, *columns):
    """The pairs, which are the same when they are read again."""
    pairs = read_pairs(data, Columns(*columns))
    first = plain(pairs)
    assert plain(pairs) == first
    assert pairs.fingerprint() == pairs.fingerprint()
    return first


@pytest.mark.parametrize(
    "name, text",
    [
        ("a.tsv", 'zebra\tZ IY B R AH\nZoë\tZ OW IY\nsay "a, b"\tS EY\n'),
        ("a.dict", 'zebra\tZ IY B R AH\r\nZoë\tZ OW IY\r\nsay "a, b"\tS EY'),
        ("a.txt", '\ufeffzebra\tZ IY B R AH\nZoë\tZ OW IY\n\nsay "a, b"\tS EY\n'),
        ("a.csv", 'zebra,Z IY B R AH\nZoë,Z OW IY\n"say ""a, b""",S EY\n'),
        ("b.csv", 'zebra;Z IY B R AH\nZoë;"Z OW IY"\n"say ""a, b""";S EY\n'),
        ("c.csv", 'word,phones\nzebra,Z IY B R AH\nZoë,Z OW IY\n"say ""a, b""",S EY\n'),
        ("a.tsv", 'word\tipa\nzebra\tZ IY B R AH\nZoë\tZ OW IY\nsay "a, b"\tS EY\n'),
        ("a.jsonl", JSON_LINES),
        ("a.data", JSON_LINES),
    ],
)
def test_files_are_read_by_their_content(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    assert both_times(path) == PAIRS
    assert both_times(str(path)) == PAIRS


@pytest.mark.parametrize("suffix, compress", [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_compressed_files_are_read(tmp_path, suffix, compress):
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(compress(JSON_LINES.encode()))
    assert both_times(path) == PAIRS


def test_two_files_are_read_line_by_line(tmp_path):
    paths = tmp_path / "a.de", tmp_path / "a.en"
    for side, path in enumerate(paths):
        path.write_text("".join(pair[side] + "\n" for pair in PAIRS), encoding="utf-8")
    assert both_times(paths) == both_times([str(path) for path in paths]) == PAIRS
    paths[1].write_text("one\n")
    with pytest.raises(UsageError, match="a.de has 3 lines and .*a.en 1: line by line they belong together"):
        list(read_pairs(paths))


def test_python_objects_are_read():
    assert both_times(PAIRS) == both_times(dict(PAIRS)) == both_times(iter(PAIRS)) == PAIRS
    assert both_times([{"x": source, "y": target} for source, target in PAIRS]) == PAIRS
    nested = [{"translation": {"de": source, "en": target}} for source, target in PAIRS]
    assert both_times(nested) == PAIRS
    assert both_times(nested, "en", "de") == [pair[::-1] for pair in PAIRS]
    frame = pandas.DataFrame([(1, *pair) for pair in PAIRS], columns=["id", "word", "ipa"])
    assert both_times(frame, "word", "ipa") == PAIRS
    assert both_times(frame[["word", "ipa"]]) == PAIRS
    numbers = pandas.DataFrame({"n": [7, 30], "words": ["seven", None]})
    assert both_times(numbers) == [("7", "seven"), ("30", "")]


def test_columns_are_chosen_by_name_or_number(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("id\tipa\tword\n1\tA B\tab\n2\tC D\tcd\n")
    expected = [("ab", "A B"), ("cd", "C D")]
    assert both_times(path, "word", "ipa") == expected
    pairs = read_pairs(path, Columns("word", "ipa"))
    assert pairs.notes == [f"{path}: the first line is a header, 'word' is the source and 'ipa' the target"]
    plain_file = tmp_path / "b.tsv"
    plain_file.write_text("1\tA B\tab\n2\tC D\tcd\n")
    assert both_times(plain_file, "3", "2") == expected
    assert [pair.where for pair in read_pairs(plain_file, Columns("3", "2"))] == [
        f"{plain_file}, line 1",
        f"{plain_file}, line 2",
    ]


def test_a_header_is_recognised_by_a_target_unlike_all_others(tmp_path):
    pairs = lexicon(30)
    found = read_pairs(written(tmp_path / "a.tsv", [("Wort", "Aussprache"), *pairs]))
    assert plain(found) == pairs
    assert "'Wort' is the source and 'Aussprache' the target" in found.notes[0]
    assert plain(read_pairs(written(tmp_path / "b.tsv", [("rare", "QH"), *pairs])))[0] == ("rare", "QH")
    doubtful = read_pairs(written(tmp_path / "c.tsv", [("word", "plural"), ("Haus", "Häuser"), ("Baum", "Bäume")]))
    assert len(plain(doubtful)) == 3
    assert "'word' and 'plural' are taken for a pair" in doubtful.notes[0]


def test_lines_with_other_columns_are_left_out_and_named(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("a\tb\nc\n\nd\te\tf\ng\th\n")
    pairs = read_pairs(path)
    assert plain(pairs) == [("a", "b"), ("g", "h")]
    assert pairs.left.lines() == [
        "lines with fewer or more than 2 columns (2): line 2, 4",
        "empty lines (1): line 3",
    ]


def test_bytes_that_are_not_utf_8_reach_the_survey(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes("a\tb\nZoë\tc\n".encode("latin-1"))
    assert plain(read_pairs(path)) == [("a", "b"), ("Zo\udceb", "c")]


@pytest.mark.parametrize(
    "name, content, columns, message",
    [
        ("a.tsv", b"", (), "a.tsv: the file is empty"),
        ("a.tsv", b"\n \n", (), "a.tsv: no line with anything in it"),
        ("a.tsv", "a\tb\n".encode("utf-16"), (), "a.tsv, line 1: the file is UTF-16: convert it, as with iconv"),
        ("a.tsv", "a\tb\n".encode("utf-16-le"), (), "a.tsv, line 1: the file is UTF-16"),
        ("a.bin", b"\x7fELF\x00\x01\x02\n", (), "a.bin, line 1: the file is not text"),
        ("a.tsv", b"one column\n", (), "one column in line 1 ('one column'): write SOURCE, a tab, TARGET"),
        ("a.csv", b"one column\n", (), "one column in line 1 ('one column'): write SOURCE, a comma, TARGET"),
        ("a.tsv", b"id\tw\tp\n", (), "has 3 columns (1 'id', 2 'w', 3 'p'): choose two with --source and --target"),
        ("a.tsv", b"id\tw\tp\n", ("x", "p"), "no column 'x' for --source: its first line has 'id', 'w', 'p'"),
        ("a.tsv", b"id\tw\tp\n", ("1", "4"), "no column '4' for --target"),
        ("a.tsv", b"id\tw\tp\n", ("w", "2"), "source and target are the same column, 'w'"),
        ("a.csv", b'a,"b\nc\n', (), "a.csv, line 2: not CSV"),
        ("a.jsonl", b'{"a": 1, "b": 2}\nx\n', (), "a.jsonl, line 2: not a line of JSON"),
        ("a.jsonl", b'{"a": 1, "b": 2}\n[1]\n', (), "a.jsonl, line 2: not an object of JSON"),
        ("a.jsonl", b'{"a": 1, "b": 2, "c": 3}\n', (), "has 3 keys ('a', 'b', 'c'): choose two with --source"),
        ("a.jsonl", b'{"a": 1, "b": 2, "c": 3}\n', ("a", "x"), "no key 'x' for --target: it has 'a', 'b', 'c'"),
        ("a.jsonl", b'{"a": ["1"], "b": "2"}\n', (), "a.jsonl, line 1: 'a' is a list: write a text"),
        ("a.json", b'[{"a": 1, "b": 2}]\n', (), "a.json is one JSON array: write one object a line, as with jq"),
        ("a.tsv.gz", b"no gzip\n", (), "a.tsv.gz, after line 0: damaged"),
        ("a.tsv.gz", gzip.compress(b"a\tb\n" * 999, mtime=0)[:-9], (), "a.tsv.gz, after line"),
        ("a.tsv.xz", b"no xz\n", (), "a.tsv.xz, after line 0: damaged"),
        ("a.tsv.bz2", b"no bz2\n", (), "a.tsv.bz2: Invalid data stream"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_remedy(tmp_path, name, content, columns, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError) as error:
        list(read_pairs(path, Columns(*columns)))
    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "data, message",
    [
        ("missing.tsv", "missing.tsv: No such file or directory"),
        (3, "pairs are a path, two paths, a data frame or an iterable of pairs, not int"),
        (b"a\tb", "not bytes"),
        ([("a", "b"), ("c",)], "pair 2 is"),
        ([("a", "b"), "cd"], "pair 2 is 'cd': give pairs"),
        ([("a", ["b"])], "pair 1: 'target' is a list"),
        ([{"a": 1, "b": 2, "c": 3}], "pair 1 has 3 keys ('a', 'b', 'c')"),
        ([{"a": 1, "b": 2}, {"a": 1}], "pair 2: no key 'b'"),
        (pandas.DataFrame({"a": ["b"]}), "the frame has 1 key ('a')"),
    ],
)
def test_objects_that_are_no_pairs_are_named(data, message):
    with pytest.raises(UsageError) as error:
        list(read_pairs(data))
    assert message in str(error.value)


def test_a_folder_and_a_device_are_refused(tmp_path):
    for path, message in ((tmp_path, "is a folder"), ("/dev/null", "is no regular file")):
        with pytest.raises(UsageError, match=message):
            read_pairs(path)


def test_a_fingerprint_changes_with_a_pair(tmp_path):
    for first, other in (
        (written(tmp_path / "a.tsv", PAIRS), written(tmp_path / "b.tsv", PAIRS[1:])),
        (PAIRS, PAIRS[1:]),
        (iter(PAIRS), iter(PAIRS[1:])),
        (pandas.DataFrame(PAIRS), pandas.DataFrame(PAIRS[1:])),
    ):
        assert read_pairs(first).fingerprint() != read_pairs(other).fingerprint()


TEXTS = ["a film that i would see again", "not worth the time it takes to watch", "so so but it has its moments"]


def test_texts_of_classes_are_told_from_pairs(tmp_path):
    reviews = [(text, label) for text in TEXTS for label in ("good", "bad")] * 3
    for data in (reviews, pandas.DataFrame(reviews), written(tmp_path / "a.tsv", reviews)):
        kind = kind_of(data)
        assert (kind.name, kind.reason) == ("classes", "2 distinct targets beside texts of 7 words in the mean")
    first = [(label, f"{text} number {number}") for number in range(8) for text, label in reviews[:6]]
    turned = written(tmp_path / "b.tsv", first)
    for data, columns in ((pandas.DataFrame(first, columns=["x", "y"]), ("y", "x")), (turned, ("2", "1"))):
        reason = "2 distinct sources beside texts of 9 words in the mean, labels first"
        assert kind_of(data) == ("classes", reason, *columns)
    for names in (("rating", "review"), ("stars", "said")):
        assert kind_of(written(tmp_path / "c.tsv", [names, *first]))[2:] == names[::-1]
        assert kind_of(written(tmp_path / "d.tsv", [names, *(row for row in first for _ in "12")]))[0] == "classes"
    with pytest.raises(UsageError, match="give texts first and then their labels, or --task pairs"):
        kind_of(first)
    header = tmp_path / "a.csv"
    header.write_text("id,Text,Label\n1,film,good\n2,book,bad\n")
    assert kind_of(header) == ("classes", "the columns are called 'Text' and 'Label'", "Text", "Label")
    assert kind_of([{"text": "a", "label": 1}]).name == "classes"
    assert kind_of(pandas.DataFrame({"label": [1], "text": ["a"]})).text == "text"
    assert kind_of(tmp_path).name == "classes"


def test_pairs_are_told_from_texts_of_classes(tmp_path):
    assert kind_of(lexicon(50)).name == "pairs"
    assert kind_of([(text, text[::-1]) for text in TEXTS] * 9).name == "pairs"
    answers = [("yes" if number % 2 else "no", TEXTS[number % 3]) for number in range(30)]  # no text is another one
    assert kind_of(answers).name == "pairs"
    assert kind_of([(word, "mf"[len(word) % 2]) for word, _ in lexicon(60)]).name == "pairs"
    assert kind_of(written(tmp_path / "a.tsv", [("text", "label"), *lexicon(9)]), Columns("1", "2")).name == "pairs"
    with pytest.raises(UsageError, match="an iterator can be read only once"):
        kind_of(iter(PAIRS))


def test_texts_keep_their_spelling():
    decomposed = unicodedata.normalize("NFD", "é")
    assert plain(read_pairs([(decomposed, "é\u00a0\u200b ")])) == [(decomposed, "é\u00a0\u200b ")]


def test_lines_of_json_without_a_key_are_left_out_and_named_as_lines_of_a_table_are(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": "1", "b": "2"}\n{"a": "3"}\n{"b": "5", "a": "4"}\n{"b": "6"}\n')
    pairs = read_pairs(path)
    assert [pair[:2] for pair in pairs] == [("1", "2"), ("4", "5")]
    assert pairs.left.lines() == ["lines without the key 'b' (1): line 2", "lines without the key 'a' (1): line 4"]
    assert pairs.left.bad() == 2
