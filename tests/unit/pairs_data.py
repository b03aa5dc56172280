"""Pairs for tests, and prepared folders read back."""

import random
import unicodedata

from s2s_plugins.text.indexed import IndexedTexts
from s2s_plugins.text.pairs import read_prepared
from s2s_plugins.text.symbols import EOS, SymbolTable

LETTERS = "abcdefghijklmnopqrst"


def words(count, seed=1, least=3, most=9):
    """Distinct words of random letters."""
    draw = random.Random(seed)
    found = set()
    while len(found) < count:
        found.add("".join(draw.choices(LETTERS, k=draw.randint(least, most))))
    return sorted(found)


def spelled_out(word):
    """``ab`` -> ``AH BH``."""
    return " ".join(letter.upper() + "H" for letter in word)


def lexicon(count, seed=1):
    """Words and their pronunciations."""
    return [(word, spelled_out(word)) for word in words(count, seed)]


def written(path, pairs, mark="\t"):
    """A file of pairs, a line each."""
    path.write_text("".join(f"{source}{mark}{target}\n" for source, target in pairs), encoding="utf-8", newline="\n")
    return path


def tokens_in(folder, part):
    """The pairs of a part, as lists of tokens."""
    sides = []
    for side in ("source", "target"):
        table = SymbolTable.load(folder / f"dict.{side}.txt")
        texts = IndexedTexts(folder / f"{part}.source-target.{side}", len(table))
        for text in (texts[place] for place in range(len(texts))):
            assert text[-1] == EOS
        sides.append([[table.symbols[number] for number in texts[place][:-1]] for place in range(len(texts))])
    assert len(sides[0]) == len(sides[1])
    return list(zip(*sides))


def texts_in(folder, part):
    """The pairs of a part as texts, composed."""
    prepared = read_prepared(folder)
    return [
        tuple(text_of(tokens, facts.level) for tokens, facts in zip(pair, (prepared.source, prepared.target)))
        for pair in tokens_in(folder, part)
    ]


def text_of(tokens, level):
    text = " ".join(tokens) if level == "token" else "".join(tokens).replace("▁", " ").strip()
    return unicodedata.normalize("NFC", text)
