"""examples/inflection: dictionaries to examples, by lemma."""

import binascii
import gzip
import json
import struct

import pytest

from inflection import prepare
from inflection.russian import Graph, features, lemmas, russian
from inflection.sources import Word, english, french, german
from s2s_plugins.errors import WorkError

CASES = [
    f"{case} {number}" for case in ("nominativ", "genitiv", "dativ", "akkusativ") for number in ("singular", "plural")
]


def nouns(*rows):
    """A file as german-nouns has it; each row is a dictionary."""
    columns = ["lemma", "pos", *CASES, "genitiv singular*", "nominativ singular 1", "nominativ singular stark"]
    lines = [",".join(columns)]
    for row in rows:
        lines.append(",".join(f'"{row.get(column, "")}"' for column in columns))
    return ("\n".join(lines) + "\n").encode()


def test_german_nouns_have_their_cases_and_variants():
    mann = {"lemma": "Mann", "pos": "Substantiv", "nominativ singular": "Mann", "nominativ plural": "Männer"}
    data = nouns({**mann, "genitiv singular": "Mannes", "genitiv singular*": "Manns"})
    forms = {"N;NOM;SG": ["Mann"], "N;NOM;PL": ["Männer"], "N;GEN;SG": ["Mannes", "Manns"]}
    assert list(german(data)) == [Word("Mann", forms)]


@pytest.mark.parametrize(
    "row",
    [
        {"lemma": "-chen", "pos": "Substantiv", "nominativ singular": "-chen"},
        {"lemma": "Band", "pos": "Substantiv", "nominativ singular 1": "Band", "nominativ plural": "Bänder"},
        {"lemma": "Gute", "pos": "Substantiv", "nominativ singular stark": "Guter"},
        {"lemma": "Meier", "pos": "Nachname,Substantiv", "nominativ singular": "Meier"},
        {"lemma": "Leere", "pos": "Substantiv"},
    ],
)
def test_affixes_nouns_of_several_genders_adjectives_and_names_are_left_out(row):
    assert not list(german(nouns(row)))


def test_english_words_join_their_categories_and_a_missing_participle_is_like_the_past():
    lines = "walk,noun,walks\nwalk,verb,walked,,walking,walks\nsing,verb,sang,sung,singing,sings\ngo,noun,go/goes\n"
    found = {word.lemma: word.forms for word in english(gzip.compress(lines.encode()))}
    assert found["walk"] == {
        "N;PL": ["walks"],
        "V;PST": ["walked"],
        "V;V.PTCP;PST": ["walked"],
        "V;V.PTCP;PRS": ["walking"],
        "V;3;SG;PRS": ["walks"],
    }
    assert found["sing"]["V;V.PTCP;PST"] == ["sung"] and found["go"] == {"N;PL": ["go", "goes"]}


def test_german_nouns_in_another_form_are_named():
    with pytest.raises(WorkError, match="nouns.csv has no column 'nominativ singular'"):
        list(german(b"lemma,pos,case\n"))


@pytest.mark.parametrize("line", ["walk,noun", "walk,verb,walked", "walk,letter,walks"])
def test_a_line_of_another_form_is_named(line):
    with pytest.raises(WorkError, match=r"infl_lu.csv, line 2: .* is not LEMMA,CATEGORY,FORMS"):
        english(gzip.compress(f"go,noun,goes\n{line}\n".encode()))


TEMPLATES = """<x><template name="aim:er"><Indicatif><présent><p><i>e</i></p><p><i>es</i></p><p></p></présent>
</Indicatif><Participe><participe-présent><p><i>ant</i><i>ent</i></p></participe-présent></Participe></template></x>""".encode()


def verbs(*pairs):
    return ("<x>" + "".join(f"<v><i>{verb}</i><t>{template}</t></v>" for verb, template in pairs) + "</x>").encode()


def test_french_verbs_are_conjugated_by_their_templates_without_the_forms_they_lack():
    (word,) = french(verbs(("parler", "aim:er")), TEMPLATES)
    forms = {"V;IND;PRS;1;SG": ["parle"], "V;IND;PRS;2;SG": ["parles"], "V;V.PTCP;PRS": ["parlant", "parlent"]}
    assert word == Word("parler", forms)


@pytest.mark.parametrize("verb, template", [("parler", "no:er"), ("finir", "aim:er")])
def test_a_verb_whose_template_does_not_fit_is_named(verb, template):
    with pytest.raises(WorkError, match=f"verbs-fr.xml: {verb} has the template {template}"):
        list(french(verbs((verb, template)), TEMPLATES))


def test_a_damaged_file_or_one_that_defines_entities_is_refused():
    with pytest.raises(WorkError, match="verbs-fr.xml cannot be read"):
        list(french(b"<x><v>", TEMPLATES))
    with pytest.raises(WorkError, match="conjugations-fr.xml defines entities"):
        list(french(verbs(), b'<!DOCTYPE x [<!ENTITY a "b">]><x/>'))


def words(count):
    tags = [f"V;{number}" for number in range(6)]
    return [Word(f"w{n}", {tag: [f"w{n}-{tag}", f"w{n}+{tag}"] for tag in tags}) for n in range(count)]


def test_no_lemma_is_in_two_parts_and_the_seed_decides_the_draw():
    found = prepare.splits(words(60), 10, 100, 1, "language")
    lemmas = {part: {line.split("\t")[0] for line in lines} for part, lines in found.items()}
    assert {part: len(lemmas[part]) for part in ("dev", "test")} == {"dev": 10, "test": 10}
    assert not lemmas["train"] & lemmas["dev"] and not lemmas["train"] & lemmas["test"]
    assert not lemmas["dev"] & lemmas["test"]
    assert prepare.splits(words(60)[::-1], 10, 100, 1, "language") == found
    assert prepare.splits(words(60), 10, 100, 2, "language") != found


def test_a_lemma_gives_up_to_four_examples_and_each_right_form_is_a_line():
    found = prepare.splits(words(60), 10, 1000, 1, "language")
    rows = [tuple(line.split("\t")) for line in found["train"]]
    assert len(rows) == 40 * 4 * 2 and len({(lemma, tags) for lemma, _, tags in rows}) == 40 * 4
    assert all(form in (f"{lemma}-{tags}", f"{lemma}+{tags}") for lemma, form, tags in rows)
    few = prepare.splits(words(60), 10, 30, 1, "language")
    assert len(few["train"]) == 30 * 2 and few["test"] == found["test"], "the parts that are scored stay"
    assert set(few["train"]) <= set(found["train"])


def test_a_lemma_that_stands_twice_has_the_forms_of_both():
    twice = [Word("a", {"N;PL": ["as"]}), Word("a", {"N;PL": ["aa"], "N;SG": ["a"]})]
    found = prepare.splits([*twice, *words(7)], 1, 100, 1, "language")
    lines = [line for part in found.values() for line in part if line.startswith("a\t")]
    known = {"a\tas\tN;PL", "a\taa\tN;PL", "a\ta\tN;SG"}
    assert set(lines) <= known and len(lines) == len(set(lines)) >= 1


def test_too_few_lemmas_are_an_error():
    with pytest.raises(WorkError, match="39 language lemmas are too few to hold out 10"):
        prepare.splits(words(39), 10, 100, 1, "language")


def dawg(words):
    """A file as dawgdic writes it, of words with the number of a paradigm and the place of a form in it."""
    tree = {}
    for word, paradigm, place in words:
        node = tree
        for byte in word.encode() + b"\x01" + binascii.b2a_base64(struct.pack(">HH", paradigm, place)):
            node = node.setdefault(byte, {})
        node["end"] = True
    units, children, siblings, queue = {0: 0}, {}, {}, [(0, tree)]
    while queue:
        cell, node = queue.pop()
        labels = sorted(label for label in node if label != "end")
        offset = next(n for n in range(1, 1 << 21) if all(cell ^ n ^ label not in units for label in labels))
        units[cell] |= offset << 10 | (0x100 if "end" in node else 0)
        for label, following in zip(labels, [*labels[1:], 0]):
            units[cell ^ offset ^ label] = label
            siblings[cell ^ offset ^ label] = following
            queue.append((cell ^ offset ^ label, node[label]))
        children[cell] = labels[0] if labels else 0
    size = max(units) + 1
    guide = bytes(part.get(n, 0) for n in range(size) for part in (children, siblings))
    return struct.pack(f"<I{size}I", size, *(units.get(n, 0) for n in range(size))) + struct.pack("<I", size) + guide


TAGS = ["NOUN,inan,masc sing,nomn", "NOUN,inan,masc plur,gent", "INFN,impf,tran", "VERB,impf,tran plur,3per,pres,indc"]
SUFFIXES = ["", "ов", "ть", "ют"]


def dictionary(words):
    """The files of a dictionary with two paradigms, nouns like стол and verbs like делать."""
    rows = [[0, 1, 0, 1, 0, 0], [2, 3, 2, 3, 0, 0]]  # suffixes, tags, prefixes
    paradigms = struct.pack("<H", 2) + b"".join(struct.pack(f"<{len(row) + 1}H", len(row), *row) for row in rows)
    return {
        "gramtab-opencorpora-int.json": json.dumps(TAGS).encode(),
        "suffixes.json": json.dumps(SUFFIXES).encode(),
        "paradigms.array": paradigms,
        "words.dawg": dawg(words),
    }


NOUNS, VERBS = [("стол", 0), ("столов", 1), ("стул", 0), ("стать", 0)], [("делать", 0), ("делают", 1), ("стать", 0)]
ENTRIES = [*((word, 0, place) for word, place in NOUNS), *((word, 1, place) for word, place in VERBS)]


def test_russian_lemmas_are_the_words_that_begin_a_paradigm():
    found = sorted(lemmas(Graph.read(dawg(ENTRIES))))
    assert found == [("делать", 1), ("стать", 0), ("стать", 1), ("стол", 0), ("стул", 0)]


def test_russian_forms_follow_from_the_paradigm(monkeypatch):
    monkeypatch.setattr("inflection.russian.SHARE", 1)
    found = {(word.lemma, tag): forms for word in russian(dictionary(ENTRIES)) for tag, forms in word.forms.items()}
    assert found["стол", "N;NOM;SG"] == ["стол"] and found["стол", "N;GEN;PL"] == ["столов"]
    assert found["делать", "V;PRS;3;PL"] == ["делают"] and len(found) == 8


@pytest.mark.parametrize(
    "tag, expected",
    [
        ("ADJF,Qual masc,accs,sing,anim", "ADJ;ACC;SG;MASC;ANIM"),
        ("VERB,perf,intr femn,sing,past,indc", "V;PST;SG;FEM"),
        ("VERB,perf,intr sing,impr,incl", ""),
        ("NOUN,anim,masc,Name sing,datv", ""),
        ("NOUN,inan,masc sing,loc2", ""),
        ("GRND,impf,tran pres", ""),
    ],
)
def test_russian_features_are_those_of_the_form(tag, expected):
    assert features(tag) == expected


@pytest.mark.parametrize("name", ["gramtab-opencorpora-int.json", "paradigms.array", "words.dawg"])
def test_a_damaged_russian_dictionary_is_an_error_of_one_line(name):
    files = dictionary(ENTRIES)
    for damaged in (files[name][: len(files[name]) // 2], b"", b"\xff" * 40):
        with pytest.raises(WorkError) as error:
            list(russian({**files, name: damaged}))
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("label", [1, 97])
def test_a_russian_dictionary_whose_graph_turns_in_a_circle_is_an_error_or_empty(label):
    first, again = (label ^ 1) << 10, label << 10  # the root's child is cell 1, whose child is cell 1
    circle = struct.pack("<I2I", 2, first, again | label) + struct.pack("<I", 2) + bytes([label, 0, label, 0])
    files = {**dictionary(ENTRIES), "words.dawg": circle}
    if label == 1:
        with pytest.raises(WorkError, match="a value has no end"):
            list(russian(files))
    else:
        assert list(russian(files)) == []


def test_a_russian_word_of_a_paradigm_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setattr("inflection.russian.SHARE", 1)
    with pytest.raises(WorkError, match="does not fit the dictionary"):
        list(russian(dictionary([("стол", 7, 0)])))
