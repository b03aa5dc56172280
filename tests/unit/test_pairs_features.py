"""Features beside the sources of pairs: found, kept, and written."""

import csv
import json

import pandas
import pytest
from pairs_data import lexicon, tokens_in, words

from s2s_plugins.errors import UsageError
from s2s_plugins.text.pairs import Columns, Options, prepare_pairs, read_pairs, read_prepared, read_references
from s2s_plugins.text.pairs.features import recognised
from s2s_plugins.training.kinds import kind_of

TAGS = ["V;PST", "V;PRS;3;SG", "N;PL", "ADJ"]


def inflected(count):
    """Lemmas, forms and features."""
    tags = [TAGS[place % len(TAGS)] for place in range(count)]
    return [(word, word + "xyzw"[place % 4], tag) for place, (word, tag) in enumerate(zip(words(count), tags))]


TRIPLES = inflected(60)
PAIRS = [(f"{lemma}\t{tags}", form) for lemma, form, tags in TRIPLES]


def rows_in(path, rows, mark="\t"):
    path.write_text("".join(mark.join(row) + "\n" for row in rows), encoding="utf-8")
    return path


def found_in(data, columns=None):
    pairs = read_pairs(data, Columns() if columns is None else columns)
    return [pair[:2] for pair in pairs], pairs


def test_every_form_of_data_with_a_third_column_gives_the_same_pairs(tmp_path):
    json_lines = tmp_path / "a.jsonl"
    objects = [dict(zip(("lemma", "form", "tags"), row)) for row in TRIPLES]
    json_lines.write_text("".join(json.dumps(one) + "\n" for one in objects), encoding="utf-8")
    with open(tmp_path / "a.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("lemma", "form", "tags"), *TRIPLES])
    frame = pandas.DataFrame(objects)
    lists = [(lemma, form, tags.split(";")) for lemma, form, tags in TRIPLES]
    swapped = [(lemma, tags, form) for lemma, form, tags in TRIPLES]
    forms = [
        rows_in(tmp_path / "a.tsv", TRIPLES),
        rows_in(tmp_path / "swapped.tsv", swapped),  # as test.tsv has it
        json_lines,
        tmp_path / "a.csv",
        frame,
        frame.assign(tags=[one[2] for one in lists]),
        TRIPLES,
        lists,
        iter(TRIPLES),
        iter(objects),
        PAIRS,
        dict(PAIRS),
        (rows_in(tmp_path / "source", [pair[:1] for pair in PAIRS]), rows_in(tmp_path / "to", [p[1:] for p in PAIRS])),
    ]
    for form in forms:
        found, pairs = found_in(form)
        assert (found, pairs.features) == (PAIRS, ";")


def test_what_was_recognised_is_said_and_what_was_asked_for_is_not(tmp_path):
    path = rows_in(tmp_path / "a.tsv", TRIPLES)
    remedy = "if it does not, choose two columns with --source and --target"
    assert read_pairs(path).notes == [f"{path}: column 3 holds features of the source with ';' between them; {remedy}"]
    found, pairs = found_in(path, Columns(features="3"))
    told = f"{path}: the features in column 3 have ';' between them; if that is wrong, give --features-separator"
    assert found == PAIRS and pairs.notes == [told]
    found, pairs = found_in(path, Columns(features="3", separator=";"))
    assert found == PAIRS and not pairs.notes
    found, pairs = found_in(path, Columns("1", "2"))
    assert found == [(lemma, form) for lemma, form, _ in TRIPLES] and pairs.features is None


def test_a_separator_that_no_features_have_is_refused(tmp_path):
    path = rows_in(tmp_path / "a.tsv", TRIPLES)
    with pytest.raises(
        UsageError, match=r"--features-separator ',' is in no features of .*a.tsv, and ';' in \d+ of \d+"
    ):
        prepare_pairs(path, tmp_path / "out", Options(features_separator=","))
    plain = rows_in(tmp_path / "b.tsv", [pair[:2] for pair in TRIPLES])
    with pytest.raises(UsageError, match="--features-separator is about features, and .*b.tsv has none"):
        prepare_pairs(plain, tmp_path / "out", Options(features_separator=";"))
    assert not (tmp_path / "out").exists()


def test_sources_without_features_among_others_are_counted(tmp_path):
    path = rows_in(tmp_path / "a.tsv", [*TRIPLES, ("plain", "plains", "")])
    assert (
        "1 training pair without features" in prepare_pairs(path, tmp_path / "out", Options(valid=0, test=0)).findings
    )


def test_columns_are_named_in_any_order_among_others(tmp_path):
    rows = [(tags, "9", form, lemma) for lemma, form, tags in TRIPLES]
    path = rows_in(tmp_path / "a.csv", [("tags", "n", "form", "lemma"), *rows], ",")
    found, pairs = found_in(path, Columns("lemma", "form", "tags"))
    assert found == PAIRS and pairs.names == Columns("lemma", "form", "tags")
    found, _ = found_in(path, Columns("4", "3", "1"))
    assert found == PAIRS


@pytest.mark.parametrize("mark", [";", "|", ",", "+", " "])
def test_separators_are_recognised(mark):
    assert recognised([tags.replace(";", mark) for _, _, tags in inflected(120)]) == mark


def test_other_third_columns_are_no_features():
    phones = [target for _, target in lexicon(300)]
    assert recognised(phones) is None
    assert recognised([str(number) for number in range(300)]) is None
    assert recognised(["de", "en", "fr"] * 100) is None
    assert recognised([f"a longer gloss, number {number}" for number in range(300)]) is None
    assert recognised([]) is None


def test_three_columns_without_features_are_still_an_error(tmp_path):
    path = rows_in(tmp_path / "a.tsv", [(word, form, word[::-1]) for word, form, _ in TRIPLES])
    with pytest.raises(UsageError, match="3 columns .*choose two with --source and --target.*and features with --feat"):
        read_pairs(path)


@pytest.mark.parametrize(
    "columns, error",
    [
        (Columns(features="9"), "no column '9' for --features"),
        (Columns("1", "3", "3"), "features and source or target are the same column, 'V;PST': name three"),
    ],
)
def test_a_column_that_cannot_be_features_is_named(tmp_path, columns, error):
    with pytest.raises(UsageError, match=error):
        read_pairs(rows_in(tmp_path / "a.tsv", TRIPLES), columns)


@pytest.mark.parametrize(
    "flags, error",
    [
        ({"features_separator": "/"}, "not by '/': use one of these"),
        ({"source": "a", "features": "a"}, "--features a is the column of the source or the target"),
    ],
)
def test_options_that_make_no_sense_are_refused(flags, error):
    with pytest.raises(UsageError, match=error):
        Options(**flags)


def test_features_are_the_first_tokens_and_stand_in_the_tables_as_a_column(tmp_path):
    prepared = prepare_pairs(TRIPLES, tmp_path / "data", Options(valid=10, test=10, copy=False))
    assert prepared == read_prepared(tmp_path / "data")
    assert prepared.source.spelled.features == ";" and prepared.target.spelled.features is None
    by_source = {(lemma, tags): form for lemma, form, tags in TRIPLES}
    for part in ("train", "valid", "test"):
        for source, target in tokens_in(tmp_path / "data", part):
            tags = ";".join(token[1:-1] for token in source if len(token) > 1)
            assert by_source["".join(token for token in source if len(token) == 1), tags] == "".join(target)
            assert [len(token) > 1 for token in source] == sorted((len(token) > 1 for token in source), reverse=True)
    lines = (tmp_path / "data" / "test.tsv").read_text(encoding="utf-8").splitlines()
    references = read_references(tmp_path / "data" / "test.tsv")
    assert len(lines) == len(references) == 10
    for line in lines:
        lemma, tags, form = line.split("\t")
        assert by_source[lemma, tags] == form and references[f"{lemma}\t{tags}"] == [form]


def test_levels_forms_and_order_are_those_of_the_texts_without_features(tmp_path):
    tagged = prepare_pairs([(*pair, "V;PST") for pair in lexicon(200)], tmp_path / "a")
    plain = prepare_pairs(lexicon(200), tmp_path / "b")
    assert (tagged.source.level, tagged.target.level) == (plain.source.level, plain.target.level) == ("char", "token")
    assert tagged.monotonicity == pytest.approx(plain.monotonicity, abs=0.05)
    assert tagged.source.symbols == plain.source.symbols + 2


def test_what_has_no_features_or_no_lemma_is_left_out_with_its_place(tmp_path):
    odd = [("", "a", "V"), ("x\ty", "b", "V"), ("z", "c", "")]
    prepared = prepare_pairs([*TRIPLES, *odd], tmp_path / "data", Options(valid=0, test=0))
    assert prepared.train.pairs == len(TRIPLES) + 2  # a tab in a lemma is a space, and features may be empty
    assert any("pairs without a source (1): pair 61" in line for line in prepared.findings)
    mixed = [*PAIRS, ("x", "y"), ("a\tV\tN", "b")]
    found, pairs = found_in(mixed)
    assert pairs.features is None and found == mixed


def test_parts_with_and_without_features_do_not_go_together(tmp_path):
    with pytest.raises(UsageError, match="the data has features and the data has none: give both or neither"):
        prepare_pairs(TRIPLES, tmp_path / "data", Options(valid=[("a", "b")]))


def test_a_small_part_is_separated_as_the_training_part_is(tmp_path):
    triples = [(*row[:2], row[2].replace(";", " ")) for row in inflected(300)]
    prepared = prepare_pairs(triples, tmp_path / "data", Options(valid=[("net", "netx", "V")], test=0, copy=False))
    assert [source for source, _ in tokens_in(tmp_path / "data", "valid")] == [["⟦V⟧", "n", "e", "t"]]
    assert prepared.source.features == " "


def test_a_table_with_features_is_taken_for_pairs(tmp_path):
    assert kind_of(rows_in(tmp_path / "a.tsv", inflected(400))).name == "pairs"
