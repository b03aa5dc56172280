"""Prepared pairs: what is written is what was given, split by source, and everything else is said."""

import argparse
import json
import os
import unicodedata

import numpy as np
import pytest
from fairseq.data import Dictionary, data_utils
from hypothesis import given, settings
from hypothesis import strategies as st
from pairs_data import lexicon, texts_in, tokens_in, words, written
from test_pairs_levels import sentences

from s2s_plugins.cli import train
from s2s_plugins.errors import UsageError
from s2s_plugins.text.pairs import Options, prepare_pairs, read_prepared, read_references
from s2s_plugins.text.pairs.splitting import TEST, TRAIN, VALID, assign, sizes_of
from s2s_plugins.text.pairs.survey import DOUBLE, KEPT
from s2s_plugins.text.symbols import SPECIAL
from s2s_plugins.training.settings import TrainSettings

PARTS = ("train", "valid", "test")


def sources_in(folder, part):
    """The distinct sources of a part, composed."""
    found = dict(texts_in(folder, part)) if part == "train" else read_references(folder / f"{part}.tsv")
    return {unicodedata.normalize("NFC", source) for source in found}


def squashed(text):
    return " ".join(text.split())


def usable(text, level):
    """Whether it has tokens, and none of the model's own."""
    return bool(squashed(text)) and not (level == "token" and set(text.split()) & set(SPECIAL))


def test_pairs_are_split_and_written(tmp_path):
    pairs = lexicon(200)
    prepared = prepare_pairs(written(tmp_path / "words.tsv", pairs), tmp_path / "out" / "data")
    assert [getattr(prepared, part) for part in PARTS] == [(160, 160), (20, 20), (20, 20)]
    assert sorted(text for part in PARTS for text in texts_in(prepared.folder, part)) == sorted(pairs)
    assert (prepared.source.level, prepared.target.level) == ("char", "token")
    assert (prepared.source.symbols, prepared.target.symbols) == (20, 20)
    assert prepared.monotonicity > 0.99
    assert prepared.findings == [
        "source: characters (20 symbols)",
        "target: tokens separated by spaces (20 symbols)",
        "sources: train 160, valid 20, test 20; what is held out was drawn with seed 1",
    ]
    lengths = [len(target.split()) for _, target in texts_in(prepared.folder, "train")]
    assert prepared.target.mean_length == round(sum(lengths) / len(lengths), 3)
    assert prepared.target.longest == max(lengths)
    assert len(prepared.dictionary("target")) == 4 + 20


def test_fairseq_reads_what_is_written(tmp_path):
    pairs = lexicon(60)
    folder = prepare_pairs(pairs, tmp_path / "data").folder
    for side, number in (("source", 0), ("target", 1)):
        dictionary = Dictionary.load(str(folder / f"dict.{side}.txt"))
        data = data_utils.load_indexed_dataset(str(folder / f"train.source-target.{side}"), dictionary)
        read = [dictionary.string(text).replace(" ", "" if side == "source" else " ") for text in data]
        assert read == [pair[number] for pair in pairs if pair in texts_in(folder, "train")]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="▁"), max_size=12)
PAIRS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=30)


@given(PAIRS, st.sampled_from(["char", "token"]), st.sampled_from(["char", "token"]))
@settings(max_examples=30, deadline=None)
def test_all_pairs_are_found_again_in_some_part_whatever_their_characters(tmp_path_factory, pairs, source, target):
    out = tmp_path_factory.mktemp("any") / "data"
    pairs = pairs + lexicon(31)  # most can be used
    good = [pair for pair in pairs if all(usable(text, level) for text, level in zip(pair, (source, target)))]
    prepared = prepare_pairs(pairs, out, Options(source_level=source, target_level=target))
    composed = {tuple(unicodedata.normalize("NFC", squashed(text)) for text in pair) for pair in good}
    found = set(texts_in(out, "train"))
    for part in ("valid", "test"):
        if getattr(prepared, part).pairs:
            references = read_references(out / f"{part}.tsv")
            assert all(squashed(source) in map(squashed, dict(good)) for source in references)
            composed_references = {
                (unicodedata.normalize("NFC", source), unicodedata.normalize("NFC", target))
                for source, targets in references.items()
                for target in targets
            }
            found |= composed_references
            assert len(references) == getattr(prepared, part).sources
            assert len(tokens_in(out, part)) == len(references)
    assert found == composed
    assert prepared.train.pairs == len(texts_in(out, "train"))


@given(PAIRS, st.randoms(use_true_random=False), st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_no_source_is_in_two_parts_and_the_order_of_lines_does_not_matter(tmp_path_factory, pairs, draw, seed):
    pairs = [(source or "a", target or "b") for source, target in pairs] + lexicon(50)
    pairs = [(source, target) for source, target in pairs if squashed(source) and squashed(target)]
    out = tmp_path_factory.mktemp("order")
    options = Options(source_level="char", target_level="char", seed=seed)
    first = prepare_pairs(pairs, out / "first", options)
    shuffled = list(pairs)
    draw.shuffle(shuffled)
    other = prepare_pairs(shuffled, out / "other", options)
    parts = [sources_in(first.folder, part) for part in PARTS]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
    assert parts == [sources_in(other.folder, part) for part in PARTS]
    for name in ("dict.source.txt", "dict.target.txt"):
        assert (first.folder / name).read_bytes() == (other.folder / name).read_bytes()
    assert first.monotonicity == other.monotonicity


def test_a_source_has_one_part_whatever_its_unicode_form_and_spaces(tmp_path):
    spelled = [("é a", "x"), (unicodedata.normalize("NFD", "é a"), "y"), (" é \u00a0 a ", "z")]
    prepared = prepare_pairs(spelled + lexicon(60), tmp_path / "data", Options(test=30, valid=0))
    held = read_references(prepared.folder / "test.tsv")
    trained = sources_in(prepared.folder, "train")
    assert prepared.train.sources + prepared.test.sources == 61
    assert ("é a" in trained) != any(unicodedata.normalize("NFC", source) == "é a" for source in held)


def test_further_lines_move_few_sources_to_another_part():
    draw = np.random.default_rng(1)
    hashes = draw.integers(0, 2**63, 2000, dtype=np.uint64)
    codes = np.zeros(len(hashes), np.uint8)
    asked = {"valid": None, "test": None}
    before, after = assign(hashes[:1900], codes[:1900], asked), assign(hashes, codes, asked)
    assert (before != after[:1900]).mean() < 0.02
    assert [int((after == part).sum()) for part in (TRAIN, VALID)] == [1700, 100]
    fixed = {"valid": 100, "test": 200}
    before, after = assign(hashes[:1900], codes[:1900], fixed), assign(hashes, codes, fixed)[:1900]
    left = (before == TEST) & (after != TEST)
    assert 5 <= left.sum() <= 20 and (left & (after == VALID)).sum() <= 3  # most go to the training part
    codes[::2] = DOUBLE
    assert ((assign(hashes, codes, asked) > 0) == (codes == KEPT)).all()


@pytest.mark.parametrize(
    "sources, valid, test",
    [(5, 0, 0), (19, 0, 0), (20, 2, 0), (49, 4, 0), (50, 5, 5), (1000, 50, 100), (10**6, 2000, 5000)],
)
def test_small_files_hold_little_out(sources, valid, test):
    assert sizes_of(sources, {"valid": None, "test": None}) == {"valid": valid, "test": test}


def test_sizes_can_be_given_and_zero_is_none(tmp_path):
    prepared = prepare_pairs(lexicon(30), tmp_path / "data", Options(valid=3, test=7))
    assert [getattr(prepared, part).sources for part in PARTS] == [20, 3, 7]
    prepared = prepare_pairs(lexicon(100), tmp_path / "data", Options(valid=0, test=0))
    assert [getattr(prepared, part).sources for part in PARTS] == [100, 100, 0]
    assert not prepared.valid_held_out
    with pytest.raises(UsageError, match="--valid 30 and --test 30 hold out more than half of the 100 sources"):
        prepare_pairs(lexicon(100), tmp_path / "data", Options(valid=30, test=30))


def test_five_pairs_are_all_trained_on_and_that_there_are_no_scores_is_said(tmp_path):
    prepared = prepare_pairs(lexicon(5), tmp_path / "data")
    assert texts_in(prepared.folder, "train") == texts_in(prepared.folder, "valid") == lexicon(5)
    assert not prepared.valid_held_out and prepared.test == (0, 0)
    assert not (prepared.folder / "test.tsv").exists()
    assert prepared.findings[-3:] == [
        "sources: train 5",
        "no source is held out for validation: it uses entries of the training part, and says little",
        "no source is held out for testing: there are no scores on a test part",
    ]


def test_all_targets_of_a_source_are_trained_on_and_all_are_references(tmp_path):
    pairs = [(word, target) for word, phones in lexicon(40) for target in (phones, f"{phones} AH")]
    prepared = prepare_pairs(pairs, tmp_path / "data", Options(valid=5, test=10))
    assert prepared.train == (25, 50) and len(tokens_in(prepared.folder, "train")) == 50
    assert prepared.test == (10, 20) and len(tokens_in(prepared.folder, "test")) == 10
    references = read_references(prepared.folder / "test.tsv")
    assert len(references) == 10
    assert all(
        [(word, target) for word, targets in references.items() for target in targets].count(pair) == 1
        for pair in pairs
        if pair[0] in references
    )
    assert [target for _, target in texts_in(prepared.folder, "test")] == [known[0] for known in references.values()]


def test_further_files_are_the_parts(tmp_path):
    pairs = lexicon(120)
    valid, test = written(tmp_path / "v.tsv", pairs[:20]), written(tmp_path / "t.tsv", [*pairs[20:30], *pairs[90:93]])
    prepared = prepare_pairs(
        written(tmp_path / "a.tsv", pairs[30:]), tmp_path / "data", Options(valid=valid, test=test)
    )
    assert [getattr(prepared, part).sources for part in PARTS] == [90, 20, 13]
    assert texts_in(prepared.folder, "valid") == pairs[:20]
    seen = f"3 of 13 test sources are in {tmp_path / 'a.tsv'} too, and are kept in both: "
    assert [line for line in prepared.findings if line.startswith(seen)] == [
        seen + ", ".join(repr(word) for word, _ in pairs[90:93])
    ]
    found = prepare_pairs(pairs[30:], tmp_path / "data", Options(valid=pairs[:9], test=pairs[8:12])).findings
    assert f"1 of 4 test sources are in the valid data too, and are kept in both: {pairs[8][0]!r}" in found
    swapped = [pair[::-1] for pair in pairs[:20]]
    found = prepare_pairs(pairs[30:], tmp_path / "data", Options(test=swapped)).findings
    assert any("source and target look swapped" in line for line in found)


def test_what_is_left_out_is_counted_and_named(tmp_path):
    pairs = lexicon(30)
    lines = [f"{source}\t{target}" for source, target in pairs]
    lines[3:3] = ["\tA", "a\t ", "x" * 201 + "\tA", "ab\tAH BH </s>", "z\t" + "AH " * 201, "one", "", lines[0]]
    path = tmp_path / "a.tsv"
    path.write_bytes("\n".join(lines).encode() + b"\nZo\xeb\tAH\n")
    prepared = prepare_pairs(path, tmp_path / "data", Options(valid=0, test=0))
    assert [line for line in prepared.findings if line.startswith("left out")] == [
        f"left out of {path}: {line}"
        for line in (
            "lines with fewer or more than 2 columns (1): line 9",
            "empty lines (1): line 10",
            "pairs without a source (1): line 4",
            "pairs without a target (1): line 5",
            "sources of more than 200 characters (1): line 6",
            "targets with a symbol of the model's own, as </s> (1): line 7",
            "targets of more than 200 tokens (1): line 8",
            "pairs that were there before (1): line 11",
            "pairs that are not UTF-8, or have half a character in them (1): line 39",
        )
    ]
    assert sorted(texts_in(prepared.folder, "train")) == sorted(pairs)


@pytest.mark.parametrize(
    "pairs, options, message",
    [
        ([("a", ""), ("b", ""), ("c", "d")], {}, "2 of 3 pairs cannot be used (pairs without a target (2): pair 1, 2)"),
        ([("ab" * 99, "b")], {"longest": 9}, "sources of more than 9 characters (1): pair 1): raise --longest"),
        ([("\udce9", "b")], {}, "convert the file to UTF-8, as with iconv"),
        ([("a </s>", "b")] * 2, {"source_level": "token"}, "1 of 1 pairs cannot be used (sources with a symbol"),
        ([], {}, "the data: there is no pair in it"),
        (
            [("ab", "cd")],
            {"vocab_size": 100},
            "--vocab-size 100 is for sentencepiece, and the levels are char and char",
        ),
        ([("ab", "cd")], {"test": 1}, "hold out more than half of the 1 sources"),
        ([("ab", "cd")], {"test": []}, "the data: there is no pair in it"),
        (sentences(9), {"source_level": "sentencepiece", "vocab_size": 5}, "--vocab-size 5 does not fit this text"),
    ],
)
def test_data_that_cannot_be_used_is_refused_and_nothing_is_written(tmp_path, pairs, options, message):
    pairs = [(pair, pair) if isinstance(pair, str) else pair for pair in pairs]
    with pytest.raises(UsageError) as error:
        prepare_pairs(pairs, tmp_path / "out" / "data", Options(**options))
    assert message in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "out" / "data").exists()
    assert [entry.name for entry in tmp_path.rglob("*") if entry.is_file()] == []


@pytest.mark.parametrize(
    "options, message",
    [
        ({"source_level": "word"}, "--source-level word is unknown: use one of token, char, sentencepiece"),
        ({"target_level": "x"}, "--target-level x is unknown"),
        ({"vocab_size": 0}, "--vocab-size 0 is not a number that makes sense: use 1 or more"),
        ({"longest": 0}, "--longest 0"),
        ({"test": -1}, "--test -1"),
        ({"source": "a", "target": "a"}, "--source a and --target a are the same column"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        Options(**options)


def test_what_looks_wrong_is_said(tmp_path):
    pairs = [(phones, word) for word, phones in lexicon(60)]
    assert any(
        "for the other direction give --source 2" in line for line in prepare_pairs(pairs, tmp_path / "a").findings
    )
    many = [("a", f"{word}") for word in words(25)] + [(word, word) for word in words(60)]
    found = prepare_pairs(many, tmp_path / "b", Options(valid=0, test=0)).findings
    assert "source 'a' has 25 different targets" in found
    found = prepare_pairs([(word, "same") for word in words(60)], tmp_path / "c").findings
    assert "every target is 'same': there is nothing to learn" in found
    mixed = [(f"{word}é", word) for word in words(30)] + [(f"{word}e\u0301\u00a0x", word) for word in words(30, 2)]
    found = prepare_pairs(mixed, tmp_path / "d", Options(valid=0, test=0)).findings
    assert (
        "source: 30 training texts with a non-breaking space, which nobody sees: remove it where it is a mistake"
        in found
    )
    assert any(line.startswith("source: 30 texts are composed (NFC) and 30 decomposed (NFD)") for line in found)
    found = prepare_pairs([("👩\u200d👧", "a")], tmp_path / "e").findings
    needed = "which nobody sees, and emoji and some scripts need"
    assert f"source: 1 training text with a zero-width joiner, {needed}" in found


def test_symbols_that_only_a_held_out_part_has_are_named(tmp_path):
    test = [("abcZ", "AH ZZ"), ("abZ\u0301", "AH BH"), ("ABC", "AH BH CH")]  # the other case is read
    found = prepare_pairs(lexicon(60), tmp_path / "data", Options(test=test)).findings
    assert [line for line in found if line.startswith("test:")] == [
        "test: 2 source symbols, in 2 texts, that the training part lacks, unknown to the model: 'Z', '◌\u0301'",
        "test: 1 target symbol, in 1 text, that the training part lacks, which the model cannot write: 'ZZ'",
    ]


def test_rare_symbols_are_unknown_if_asked_for(tmp_path):
    pairs = [*lexicon(60), ("aZa", "AH AH")]
    prepared = prepare_pairs(pairs, tmp_path / "data", Options(valid=0, test=0, min_count=2))
    assert ["a", "<unk>", "a"] in [source for source, _ in tokens_in(prepared.folder, "train")]
    assert prepared.findings[0] == "source: characters (20 symbols, 1 rarer one unknown)"


def test_sentences_get_a_sentencepiece_model_that_changes_no_character(tmp_path):
    pairs = [(text, text.upper().replace("A", "ﬁ")) for text in sentences(220)]
    prepared = prepare_pairs(pairs, tmp_path / "data")
    assert (prepared.source.level, prepared.target.level) == ("sentencepiece", "sentencepiece")
    assert prepared.source.pieces == (prepared.folder / "source.model").read_bytes()
    assert set(texts_in(prepared.folder, "train")) <= set(pairs)
    again = prepare_pairs(pairs, tmp_path / "again")
    assert again.source.pieces == prepared.source.pieces
    more = prepare_pairs(pairs, tmp_path / "data", Options(vocab_size=9000))
    assert more.source.symbols < 9000  # as many as there are
    fewer = prepare_pairs(pairs, tmp_path / "data", Options(vocab_size=60))
    assert fewer.source.symbols <= 60 < prepared.source.symbols


def test_the_form_of_the_targets_is_remembered(tmp_path):
    pairs = [(word, unicodedata.normalize("NFD", f"{word}é")) for word in words(60)]
    prepared = prepare_pairs(pairs, tmp_path / "data")
    assert (prepared.target.form, prepared.target.written) == ("NFC", "NFD")
    references = read_references(prepared.folder / "test.tsv")
    assert all((source, target) in pairs for source, targets in references.items() for target in targets)


def test_the_same_data_and_options_are_not_prepared_again(tmp_path):
    path, out = written(tmp_path / "a.tsv", lexicon(60)), tmp_path / "data"
    first = prepare_pairs(path, out)
    stamp = os.stat(out / "description.json").st_ino
    assert prepare_pairs(path, out) == first == read_prepared(out)
    assert os.stat(out / "description.json").st_ino == stamp
    assert prepare_pairs(path, out, Options(seed=2)) != first
    assert prepare_pairs(path, out, Options(test=lexicon(3, 5))).test.sources == 3
    with path.open("a") as file:
        file.write("another\tAH\n")
    assert sum(getattr(prepare_pairs(path, out), part).sources for part in PARTS) == 61


def test_a_folder_of_other_things_is_not_replaced(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.tex").write_text("x")
    with pytest.raises(UsageError, match=r"holds other things \(thesis.tex\): name a new folder"):
        prepare_pairs(lexicon(30), tmp_path / "data")
    assert (tmp_path / "data" / "thesis.tex").read_text() == "x"


def test_data_that_changes_while_it_is_read_is_an_error(tmp_path):
    class Shrinking(list):
        rounds = 0

        def __iter__(self):
            self.rounds += 1
            return iter(self[: len(self) - (self.rounds > 3)])

        def __getitem__(self, place):
            return list(list.__iter__(self))[place]

    with pytest.raises(UsageError, match="the data changed while it was read: run the command again"):
        prepare_pairs(Shrinking(lexicon(30)), tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["description.json", "source.model"])
def test_a_damaged_folder_is_named_with_the_remedy(tmp_path, name):
    folder = tmp_path / "data"
    prepare_pairs([(text, "A B") for text in sentences(250)], folder, Options(target_level="token"))
    whole = (folder / "description.json").read_text()
    damages = ["", "[]", "{}", whole[:-9], json.dumps({**json.loads(whole), "source": {"level": "x"}})]
    if name == "source.model":
        (folder / name).unlink()
        damages = [whole]
    for damage in damages:
        (folder / "description.json").write_text(damage)
        with pytest.raises(UsageError, match=r"(damaged|missing).*: remove the folder, and prepare it again"):
            read_prepared(folder)
    with pytest.raises(UsageError, match="is missing: name a folder of prepared pairs"):
        read_prepared(tmp_path)


def test_references_of_another_form_are_named(tmp_path):
    path = tmp_path / "test.tsv"
    for content, message in ((b"a b\n", "line 1: not SOURCE<TAB>TARGET"), (b"\xff\t\n", "not UTF-8")):
        path.write_bytes(content)
        with pytest.raises(UsageError, match=message):
            read_references(path)
    with pytest.raises(UsageError, match="No such file"):
        read_references(tmp_path / "missing.tsv")


def test_flags_that_messages_name_are_flags_of_training():
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    args = parser.parse_args(["a.tsv", "--out", "x", "--longest", "9", "--vocab-size", "70"])
    given = {"longest": args.longest, "vocab_size": args.vocab_size}
    assert TrainSettings(**given).options == Options(longest=9, vocab_size=70)
