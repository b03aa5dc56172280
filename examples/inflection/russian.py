"""Russian words with their forms, out of the dictionary of OpenCorpora as pymorphy packs it.

The file ``words.dawg`` is a graph of bytes: each path is a word, the byte 1 and, in base64, the number of its paradigm
and the place of its form in that. Its nodes are the cells of a double array, as the C++ library dawgdic lays them out.
"""

from __future__ import annotations

import binascii
import json
import struct
import zlib
from typing import Dict, Iterable, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

import numpy as np

from inflection.sources import Forms, Word, is_word
from s2s_plugins.errors import WorkError

SHARE = 10  # one lemma of so many is used
SEPARATOR = b"\x01"  # between a word and its value
LONGEST_WORD, LONGEST_VALUE = 200, 16  # bytes
PREFIXES = ("", "по", "наи")  # of a form, before its stem, by number

# what OpenCorpora's names of features are in UniMorph's; those that are not here say something else about a word
FEATURES = {
    **dict(nomn="NOM", gent="GEN", datv="DAT", accs="ACC", ablt="INS", loct="PREP"),
    **dict(pres="PRS", past="PST", futr="FUT", impr="IMP"),
    **{"1per": "1", "2per": "2", "3per": "3"},
    **dict(sing="SG", plur="PL", masc="MASC", femn="FEM", neut="NEUT", anim="ANIM", inan="INAN"),
}
PARTS = {"NOUN": "N", "ADJF": "ADJ", "VERB": "V"}
LEMMAS = ("NOUN", "ADJF", "INFN")  # parts of speech that a lemma may have
UNUSUAL = set("Name Surn Patr Abbr Init Erro Fixd Slng Arch Dist incl V-oy V-ey V-bi".split())


class Graph(NamedTuple):
    """The words.

    Attributes:
        units: of the double array: a label in the lowest byte, an offset, and whether a path ends.
        children: label of the first child of each node, 0 for none.
        siblings: label of the next sibling of each node, 0 for none.
    """

    units: List[int]
    children: bytes
    siblings: bytes

    @classmethod
    def read(cls, data: bytes) -> Graph:
        """The graph in a file.

        Raises:
            WorkError: it is damaged.
        """
        try:
            count = struct.unpack_from("<I", data)[0]
            units = np.frombuffer(data, "<u4", count, 4).tolist()
            guided = struct.unpack_from("<I", data, 4 + 4 * count)[0]
            guide = np.frombuffer(data, np.uint8, 2 * guided, 8 + 4 * count)
        except (struct.error, ValueError) as error:
            raise WorkError(f"words.dawg cannot be read: {error}") from None
        if guided != count or not count:
            raise WorkError(f"words.dawg has {count} nodes and a guide of {guided}: it is damaged")
        return cls(units, guide[::2].tobytes(), guide[1::2].tobytes())

    def edges(self, node: int) -> Iterator[Tuple[int, int]]:
        """Label and node of each child."""
        unit = self.units[node]
        offset = (unit >> 10) << ((unit & 0x200) >> 6)
        label = self.children[node]
        while label:
            child = node ^ offset ^ label
            if child >= len(self.units) or self.units[child] & 0x800000FF != label:
                raise WorkError("words.dawg is damaged: an edge leads nowhere")
            yield label, child
            label = self.siblings[child]

    def ends(self, node: int) -> bool:
        """Whether a path ends here."""
        return bool(self.units[node] & 0x100)


class Form(NamedTuple):
    """A form of a paradigm: what stands before and behind the stem, and its tag."""

    prefix: str
    suffix: str
    tag: str


def lemmas(graph: Graph) -> Iterator[Tuple[str, int]]:
    """Each word that is the first form of a paradigm, and the paradigm's number."""
    firsts: Dict[int, List[int]] = {}  # node behind the separator -> paradigms whose first form ends there

    def values(node: int, path: bytes) -> Iterator[bytes]:
        if len(path) > LONGEST_VALUE:
            raise WorkError("words.dawg is damaged: a value has no end")
        if graph.ends(node):
            yield path
        for label, child in graph.edges(node):
            yield from values(child, path + bytes([label]))

    def paradigms_at(node: int) -> List[int]:
        if node not in firsts:
            found = [struct.unpack(">HH", binascii.a2b_base64(value)) for value in values(node, b"")]
            firsts[node] = [paradigm for paradigm, place in found if place == 0]
        return firsts[node]

    reaching: Dict[int, bool] = {}  # whether a lemma ends below a node

    def reaches(node: int) -> bool:
        if node not in reaching:
            reaching[node] = False  # a damaged file may lead back here
            edges = list(graph.edges(node))
            reaching[node] = any(
                bool(paradigms_at(child)) if label == SEPARATOR[0] else reaches(child) for label, child in edges
            )
        return reaching[node]

    def walk(node: int, word: bytes) -> Iterator[Tuple[str, int]]:
        if len(word) > LONGEST_WORD:
            raise WorkError("words.dawg is damaged: a word has no end")
        for label, child in graph.edges(node):
            if label == SEPARATOR[0]:
                for paradigm in paradigms_at(child):
                    yield word.decode("utf-8"), paradigm
            elif reaches(child):
                yield from walk(child, word + bytes([label]))

    return walk(0, b"")


def paradigms(data: bytes, suffixes: Sequence[str], tags: Sequence[str]) -> List[List[Form]]:
    """The forms of each paradigm, out of ``paradigms.array``: of each the suffixes, the tags, and the prefixes.

    Raises:
        WorkError: it is damaged.
    """
    try:
        count, place = struct.unpack_from("<H", data)[0], 2
        found = []
        for _ in range(count):
            size = struct.unpack_from("<H", data, place)[0]
            numbers = struct.unpack_from(f"<{size}H", data, place + 2)
            place += 2 + 2 * size
            third = size // 3
            rows = zip(numbers[:third], numbers[third : 2 * third], numbers[2 * third :])
            found.append([Form(PREFIXES[prefix], suffixes[suffix], tags[tag]) for suffix, tag, prefix in rows])
    except (struct.error, IndexError) as error:
        raise WorkError(f"paradigms.array cannot be read: {error}") from None
    return found


def features(tag: str) -> str:
    """``NOUN,anim,masc sing,datv`` -> N;DAT;SG; empty where it is no form that is inflected."""
    of_lemma, _, of_form = tag.partition(" ")
    part, names = of_lemma.split(",")[0], of_form.split(",")
    if part not in PARTS or UNUSUAL.intersection(of_lemma.split(",") + names):
        return ""
    if not all(name in FEATURES or name in ("indc", "excl") for name in names):
        return ""
    return ";".join([PARTS[part], *(new for old, new in FEATURES.items() if old in names)])


def russian(files: Mapping[str, bytes]) -> Iterator[Word]:
    """A tenth of the nouns, adjectives and verbs: a draw by the word, since there are 390,000.

    Args:
        files: of the package's ``data``, by name.

    Raises:
        WorkError: one is damaged.
    """
    try:
        tags, suffixes = (json.loads(files[name]) for name in ("gramtab-opencorpora-int.json", "suffixes.json"))
    except ValueError as error:
        raise WorkError(f"the dictionary's lists cannot be read: {error}") from None
    known = paradigms(files["paradigms.array"], suffixes, tags)
    by_paradigm = [[(form, features(form.tag)) for form in forms] for forms in known]
    try:
        yield from _words(lemmas(Graph.read(files["words.dawg"])), known, by_paradigm)
    except (IndexError, ValueError, struct.error) as error:
        raise WorkError(f"words.dawg does not fit the dictionary's lists: {error}") from None


def _words(
    found: Iterable[Tuple[str, int]], known: Sequence[Sequence[Form]], by_paradigm: Sequence[Sequence[Tuple[Form, str]]]
) -> Iterator[Word]:
    """Words that are drawn and usual, with those of their forms that have features."""
    for lemma, number in found:
        first = known[number][0]
        part, *about = first.tag.replace(" ", ",").split(",")
        is_usual = part in LEMMAS and not UNUSUAL.intersection(about) and is_word(lemma)
        if zlib.crc32(lemma.encode()) % SHARE or not is_usual:
            continue
        stem = lemma[len(first.prefix) : len(lemma) - len(first.suffix)]
        forms: Forms = {}
        for form, tag in by_paradigm[number]:
            if tag:
                forms.setdefault(tag, []).append(form.prefix + stem + form.suffix)
        if forms:
            yield Word(lemma, forms)
