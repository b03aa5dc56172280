"""Slots in prepared data, and what teaches them."""

from collections import Counter

import pytest
from pairs_data import lexicon, tokens_in, words

from s2s_plugins.text.pairs import Options, prepare_pairs, read_references
from s2s_plugins.text.pairs.copying import copied_share, is_copied
from s2s_plugins.text.slots import SLOTS

TRIPLES = [(word, f"{word}ed", "V;PST") for word in words(300)]
BOTH = ("char", "char")
STRANGE = [("\u0433\u0434b\u0433", "\u0433\u0434b\u0433ed", "V;PST"), ("é\u4e16", "e\u0301\u4e16ed\u4e17", "V;NEW")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copying") / "data"
    prepare_pairs(TRIPLES, folder, Options(valid=20, test=STRANGE))
    return folder


def test_both_dictionaries_end_with_slots_and_the_targets_has_the_sources_symbols(tmp_path):
    prepared = prepare_pairs([("abcQ", "abc"), ("bcd", "bcde")] * 2, tmp_path / "data", Options(copy=True))
    source, target = prepared.dictionary("source"), prepared.dictionary("target")
    assert source[-16:] == target[-16:] == list(SLOTS)
    assert set("abcdQ") == set(source[4:-16]) and set("abcdeQ") == set(target[4:-16])
    assert (prepared.source.symbols, prepared.target.symbols) == (5, 6)


def test_copying_is_recognised_by_what_targets_share_with_their_sources(tmp_path):
    share = copied_share([("abc", "abd"), ("a\u0301", "á")], BOTH)
    assert share == 3 / 4
    assert is_copied([row[:2] for row in TRIPLES], BOTH)
    assert not is_copied(lexicon(50), ("char", "token"))
    assert copied_share([("a b", "a b")], ("sentencepiece", "sentencepiece")) == 0
    same = ["ab", "ba", "abb", "bab", "aba"]  # in each other by chance
    assert not is_copied([(one, other) for one in same for other in same], BOTH)
    found = prepare_pairs(TRIPLES, tmp_path / "a", Options(valid=0, test=0))
    assert found.copies and found.copied > 0.6 and any(line.startswith("copying: ") for line in found.findings)
    assert not prepare_pairs(TRIPLES, tmp_path / "b", Options(valid=0, test=0, copy=False)).copies
    assert not prepare_pairs(lexicon(60), tmp_path / "c").copies


def test_unknown_symbols_of_held_out_pairs_are_slots_on_both_sides(folder):
    first, second = tokens_in(folder, "test")
    assert first == (
        ["⟦V⟧", "⟦PST⟧", "<copy1>", "<copy2>", "b", "<copy1>"],
        ["<copy1>", "<copy2>", "b", "<copy1>", "e", "d"],
    )
    assert second == (["⟦V⟧", "<s>", "<copy1>", "<copy2>"], ["<copy1>", "<copy2>", "e", "d", "<unk>"])
    tokens = (folder / "test.source-target.source.tokens").read_text(encoding="utf-8").splitlines()
    assert tokens == ["⟦V⟧ ⟦PST⟧ \u0433 \u0434 b \u0433", "⟦V⟧ ⟦NEW⟧ é \u4e16"]
    assert list(read_references(folder / "test.tsv")) == [f"{row[0]}\t{row[2]}" for row in STRANGE]


def test_what_slots_take_is_not_reported_as_unknown(folder):
    from s2s_plugins.text.pairs import read_prepared

    said = [line for line in read_prepared(folder).findings if line.startswith("test:")]
    assert len(said) == 2 and "'⟦NEW⟧'" in said[0] and "'\u4e17'" in said[1]
    assert not any("\u0433" in line or "\u4e16" in line for line in said)


def test_a_tenth_of_the_training_pairs_are_there_again_with_slots_that_stand_for_one_symbol_each(folder):
    trained = tokens_in(folder, "train")
    count = len(TRIPLES) - 20
    taught = trained[count:]
    assert 0.05 * count < len(taught) < 0.2 * count
    assert not any(set(SLOTS) & {*source, *target} for source, target in trained[:count])
    used = Counter()
    plain = {tuple(map(tuple, pair)) for pair in trained[:count]}
    for source, target in taught:
        slots = set(SLOTS) & set(source)
        assert 1 <= len(slots) <= 3 and slots == set(SLOTS) & set(target)
        used.update(slots)
        assert any(restored(source, target, original) for original in plain)
        assert source[:2] == ["⟦V⟧", "⟦PST⟧"]
    assert set(used) == set(SLOTS)


def test_no_slot_stands_for_a_space(tmp_path):
    pairs = [(f"{word[:2]} {word[2:]}", f"{word[2:]} {word[:2]}") for word in words(80)]
    prepare_pairs(
        pairs, tmp_path / "data", Options(valid=0, test=0, source_level="char", target_level="char", copy=True)
    )
    taught = tokens_in(tmp_path / "data", "train")[len(pairs) :]
    assert taught and all(source.count("▁") == target.count("▁") == 1 for source, target in taught)


def restored(source, target, original):
    """Whether slots stand for one symbol each of the original."""
    if (len(source), len(target)) != tuple(map(len, original)):
        return False
    places = list(zip([*source, *target], [*original[0], *original[1]]))
    stands_for = {(token, own) for token, own in places if token in SLOTS}
    same = all(token == own for token, own in places if token not in SLOTS)
    return same and len({token for token, _ in stands_for}) == len(stands_for) == len({own for _, own in stands_for})


def test_what_is_taught_depends_on_the_seed_and_not_on_the_order(tmp_path):
    def written(name, rows, seed):
        options = Options(valid=0, test=0, seed=seed)
        prepare_pairs(rows, tmp_path / name, options)
        return sorted(map(str, tokens_in(tmp_path / name, "train")))

    once = written("a", TRIPLES, 1)
    assert once == written("b", TRIPLES[::-1], 1) != written("c", TRIPLES, 2)


def test_both_sides_have_the_same_unicode_form_where_there_is_copying(tmp_path):
    triples = [(f"{word}é", f"{word}e\u0301x", "V") for word in words(40)]
    copying = prepare_pairs(triples, tmp_path / "a", Options(copy=True))
    assert copying.source.form == copying.target.form == "NFC"
    assert prepare_pairs(triples, tmp_path / "b", Options(copy=False)).source.form == "NFD"
