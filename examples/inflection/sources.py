"""Lemmas with their forms, out of files as packages have them: German nouns, English words, French verbs.

Features are called as in UniMorph (Sylak-Glassman 2016, https://unimorph.github.io).
"""

from __future__ import annotations

import csv
import gzip
import io
from typing import Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple
from xml.etree import ElementTree

from s2s_plugins.errors import WorkError

Forms = Dict[str, List[str]]  # features -> the forms that are right


class Word(NamedTuple):
    """A lemma and its forms by features."""

    lemma: str
    forms: Forms


# columns of the German list; those behind a name with a star or a number are variants, and of other genders
GERMAN_CASES = {"nominativ": "NOM", "genitiv": "GEN", "dativ": "DAT", "akkusativ": "ACC"}
GERMAN_NUMBERS = {"singular": "SG", "plural": "PL"}
OTHER_WORDS = ("1", "2", "3", "4", "stark", "schwach", "gemischt")


def is_word(text: str) -> bool:
    """Letters, with hyphens and apostrophes between."""
    return all(part.isalpha() for part in text.replace("'", "-").split("-"))


def german(data: bytes) -> Iterator[Word]:
    """Nouns of german-nouns' CSV file, less those with several genders and those that are declined as adjectives.

    Raises:
        WorkError: the file has other columns.
    """
    rows = csv.DictReader(io.StringIO(data.decode("utf-8"), newline=""))
    for column in ("lemma", "pos", "nominativ singular"):
        if column not in (rows.fieldnames or ()):
            raise WorkError(f"nouns.csv has no column {column!r}: this is another package")
    for row in rows:
        lemma = row["lemma"]
        several = any(row.get(f"nominativ {number} {kind}") for number in GERMAN_NUMBERS for kind in OTHER_WORDS)
        if row["pos"] != "Substantiv" or several or not is_word(lemma):
            continue
        forms: Forms = {}
        for case, case_tag in GERMAN_CASES.items():
            for number, number_tag in GERMAN_NUMBERS.items():
                given = [row.get(f"{case} {number}{star}") for star in ("", "*")]
                right = [form for form in given if form and is_word(form)]
                if right:
                    forms[f"N;{case_tag};{number_tag}"] = right
        if forms:
            yield Word(lemma, forms)


# what the forms behind a word of the English list are, by its category
ENGLISH = {
    "noun": ("N;PL",),
    "verb": ("V;PST", "V;V.PTCP;PST", "V;V.PTCP;PRS", "V;3;SG;PRS"),
    "adj": ("ADJ;CMPR", "ADJ;SPRL"),
    "adv": ("ADV;CMPR", "ADV;SPRL"),
}


def english(data: bytes) -> Iterator[Word]:
    """Words of lemminflect's gzipped table, ``LEMMA,CATEGORY,FORMS`` with variants between slashes.

    Raises:
        WorkError: a line is of another form.
    """
    words: Dict[str, Forms] = {}
    for number, line in enumerate(gzip.decompress(data).decode("utf-8").splitlines(), start=1):
        lemma, category, *cells = line.split(",")
        if category not in ENGLISH or len(cells) != len(ENGLISH[category]):
            raise WorkError(f"infl_lu.csv, line {number}: {line[:60]!r} is not LEMMA,CATEGORY,FORMS")
        if category == "verb":  # an empty participle is like the past
            cells[1] = cells[1] or cells[0]
        for tags, cell in zip(ENGLISH[category], cells):
            right = [form for form in cell.split("/") if is_word(form)]
            if is_word(lemma) and right and all(right):
                words.setdefault(lemma, {})[tags] = right
    return (Word(lemma, forms) for lemma, forms in words.items())


PERSONS = ("1;SG", "2;SG", "3;SG", "1;PL", "2;PL", "3;PL")
FRENCH: Mapping[Tuple[str, str], Sequence[str]] = {
    ("Indicatif", "présent"): [f"V;IND;PRS;{person}" for person in PERSONS],
    ("Indicatif", "imparfait"): [f"V;IND;PST;IPFV;{person}" for person in PERSONS],
    ("Indicatif", "passé-simple"): [f"V;IND;PST;PFV;{person}" for person in PERSONS],
    ("Indicatif", "futur-simple"): [f"V;IND;FUT;{person}" for person in PERSONS],
    ("Conditionnel", "présent"): [f"V;COND;{person}" for person in PERSONS],
    ("Subjonctif", "présent"): [f"V;SBJV;PRS;{person}" for person in PERSONS],
    ("Subjonctif", "imparfait"): [f"V;SBJV;PST;{person}" for person in PERSONS],
    ("Imperatif", "imperatif-présent"): ["V;IMP;2;SG", "V;IMP;1;PL", "V;IMP;2;PL"],
    ("Participe", "participe-présent"): ["V;V.PTCP;PRS"],
    ("Participe", "participe-passé"): [f"V;V.PTCP;PST;{kind}" for kind in ("MASC;SG", "MASC;PL", "FEM;SG", "FEM;PL")],
}


def french(verbs: bytes, conjugations: bytes) -> Iterator[Word]:
    """Verbs of verbecc's list, conjugated by their templates: ``aim:er`` gives what follows ``aim`` in each form.

    Raises:
        WorkError: a verb has a template that is not there, or that does not fit its ending.
    """
    templates = {one.get("name"): _endings(one) for one in _xml(conjugations, "conjugations-fr.xml").iter("template")}
    for verb in _xml(verbs, "verbs-fr.xml").iter("v"):
        lemma, template = (verb.findtext(tag) or "" for tag in ("i", "t"))
        ending = template.partition(":")[2]
        if template not in templates or not lemma.endswith(ending):
            raise WorkError(f"verbs-fr.xml: {lemma} has the template {template}, which is unknown or does not fit")
        stem = lemma[: len(lemma) - len(ending)]
        if is_word(lemma):
            forms = {tags: [stem + end for end in ends] for tags, ends in templates[template].items()}
            yield Word(lemma, forms)


def _xml(data: bytes, name: str) -> ElementTree.Element:
    """The root; a definition of entities, with which a file can blow up, is refused.

    Raises:
        WorkError: it is no such file.
    """
    if b"<!ENTITY" in data:
        raise WorkError(f"{name} defines entities: this is not the file of the package")
    try:
        return ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise WorkError(f"{name} cannot be read: {error}") from None


def _endings(template: ElementTree.Element) -> Forms:
    """The endings of a template by features; a verb lacks some forms."""
    found: Forms = {}
    for (mood, tense), tags in FRENCH.items():
        for tag, person in zip(tags, template.findall(f"{mood}/{tense}/p")):
            ends = [i.text or "" for i in person.findall("i")]
            if ends:
                found[tag] = ends
    return found
