"""Lemmas, features and forms: DIR/LANGUAGE/{train,dev,test}.tsv, LEMMA<TAB>FORM<TAB>N;DAT;PL.

    german     nouns of the German Wiktionary, out of PyPI's german-nouns (CC BY-SA 4.0)
    english    nouns, verbs, adjectives and adverbs of the SPECIALIST Lexicon of the United States' National Library of
               Medicine, out of PyPI's lemminflect (MIT; the lexicon may be used for any purpose)
    russian    nouns, adjectives and verbs of OpenCorpora, out of PyPI's pymorphy3-dicts-ru (CC BY-SA 3.0)
    french     verbs of verbiste, out of PyPI's verbecc (GPL, version 2 or later)

No lemma is in two parts. Lemmas are drawn with a seed, and up to four forms of each; forms that are equally right are
lines of their own. Features are called as in UniMorph.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional, Sequence

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.corpora import Package, fetch, member
from common.held_out import TRAIN, check_least, parted, write_parts
from inflection.recipe import LICENCES
from inflection.russian import russian
from inflection.sources import Word, english, french, german
from s2s_plugins.errors import one_line_errors

NOUNS = Package("german-nouns==1.2.5", "german_nouns-1.2.5-*.whl")
LEMMINFLECT = Package("lemminflect==0.2.3", "lemminflect-0.2.3-*.whl")
OPENCORPORA = Package("pymorphy3-dicts-ru==2.4.417150.4580142", "pymorphy3_dicts_ru-2.4.417150.4580142-*.whl")
VERBECC = Package("verbecc==2.0.3", "verbecc-2.0.3-*.whl")
HELD, FORMS = 1000, 4  # lemmas to develop on and to test; forms of a lemma at most


def read_german(cache: Path) -> Iterable[Word]:
    return german(member(fetch(NOUNS, cache), "german_nouns/nouns.csv"))


def read_english(cache: Path) -> Iterable[Word]:
    return english(member(fetch(LEMMINFLECT, cache), "lemminflect/resources/infl_lu.csv.gz"))


def read_french(cache: Path) -> Iterable[Word]:
    archive = fetch(VERBECC, cache)
    files = [f"verbecc/data/xml/{name}/{name}-fr.xml" for name in ("verbs", "conjugations")]
    return french(member(archive, files[0]), member(archive, files[1]))


def read_russian(cache: Path) -> Iterable[Word]:
    archive = fetch(OPENCORPORA, cache)
    names = ("gramtab-opencorpora-int.json", "suffixes.json", "paradigms.array", "words.dawg")
    return russian({name: member(archive, f"pymorphy3_dicts_ru/data/{name}") for name in names})


LANGUAGES = {"german": read_german, "russian": read_russian, "french": read_french, "english": read_english}


def examples(words: Sequence[Word], seed: str, forms: int) -> Iterator[List[str]]:
    """The lines of each lemma and features, up to ``forms`` of a lemma, drawn."""
    draw = random.Random(seed)
    for word in words:
        for tags in draw.sample(list(word.forms), min(forms, len(word.forms))):
            yield [f"{word.lemma}\t{form}\t{tags}" for form in dict.fromkeys(word.forms[tags])]


def splits(words: Iterable[Word], held: int, train: int, seed: int, language: str) -> Dict[str, List[str]]:
    """Lines by part: of ``held`` lemmas each to develop on and to test one form, of the others up to ``train``."""
    by_lemma: Dict[str, Word] = {}
    for word in words:  # a lemma that stands twice is one word with the forms of both
        known = by_lemma.setdefault(word.lemma, Word(word.lemma, {}))
        for tags, forms in word.forms.items():
            known.forms.setdefault(tags, []).extend(forms)
    found: Dict[str, List[str]] = {}
    for part, lemmas in parted(sorted(by_lemma), held, seed, f"{language} lemmas").items():
        most, each = (train, FORMS) if part == TRAIN else (held, 1)
        found[part] = []
        drawn = examples([by_lemma[lemma] for lemma in lemmas], f"{seed} {language} {part}", each)
        for lines in itertools.islice(drawn, most):
            found[part] += lines
    return found


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="where the folders of the languages go")
    add("--cache", type=Path, metavar="DIR", help="where downloads are kept (default: OUT/download)")
    add("--train", type=int, default=10_000, metavar="N", help="examples to train on at most (default: 10000)")
    add("--held", type=int, default=HELD, metavar="N", help=f"to develop on and to test, each (default: {HELD})")
    add("--seed", type=int, default=1, metavar="N", help="random seed of the splits (default: 1)")
    args = parser.parse_args(argv)
    with one_line_errors("prepare.py", str(args.out)):
        for flag in ("train", "held"):
            check_least(f"--{flag}", getattr(args, flag))
        for language, read in LANGUAGES.items():
            print(f"{language}: the words are under {LICENCES[language]}", flush=True)
            words = read(args.cache or args.out / "download")
            write_parts(args.out / language, splits(words, args.held, args.train, args.seed, language), args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
