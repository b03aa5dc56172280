"""The page's JavaScript makes the same tokens and numbers of a text as Python."""

import sys
import unicodedata

import pytest
from web_tools import run_node

from s2s_plugins.text.spelling import Spelling
from s2s_plugins.text.symbols import SymbolTable
from s2s_plugins.text.tokens import Tokenizer, cut
from s2s_plugins.text.words import newer_ranges

ASSIGNED = [chr(code) for code in range(sys.maxunicode) if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")]
ALIKE = ("CJK UNIFIED", "HANGUL SYLLABLE", "TANGUT", "YI SYLLABLE")  # of these, one in a hundred
ASSIGNED = [one for one in ASSIGNED if ord(one) % 100 == 7 or not unicodedata.name(one, "").startswith(ALIKE)]
NEWER = [chr(code) for ranges in newer_ranges().values() for first, last in ranges for code in range(first, last + 1)]
WHITE = [chr(code) for code in range(0x10000) if chr(code).isspace()]


def symbol_table(symbols):
    table = SymbolTable()
    for symbol in symbols:
        table.add(symbol)
    return table


SPELL = """
const { Spelling, Symbols } = await import("PAGE/text.js");
const spelling = new Spelling(given);
const known = new Symbols(given.symbols);
console.log(JSON.stringify(given.texts.map((text) => spelling.tokens(text, known))));
"""
SMALL = [letter for letter in ASSIGNED if letter.islower()]
MARKS = [letter for letter in ASSIGNED if unicodedata.category(letter) == "Mn" or 0x1100 <= ord(letter) < 0x1200]


LATIN = [*"abcdefghijklmnopqrstuvwxyz", *MARKS]


@pytest.mark.parametrize(
    "symbols, form", [(LATIN, "NFC"), (LATIN, "NFD"), (SMALL, "NFC"), ([*"ABCSTΣΩ", "ß", *MARKS], "NFC")]
)
def test_every_character_of_unicode_is_spelled_as_python_spells_it(symbols, form):
    texts = [" ".join(ASSIGNED[place : place + 4000]) for place in range(0, len(ASSIGNED), 4000)]
    known = symbol_table(symbols).indices
    expected = [Spelling("char", form=form).tokens(text, known).split() for text in texts]
    assert run_node(SPELL, {"level": "char", "form": form, "symbols": symbols, "texts": texts}) == expected


def test_spaces_are_those_of_python():
    texts = ["".join(f"a{space}{space}b" for space in WHITE), "a\ufeffb", "a\u180eb", " \ta\n", "a\u0301 \u00e1", ""]
    for level, form in [("char", "NFC"), ("token", None), ("token", "NFD")]:
        expected = [Spelling(level, form=form).tokens(text, {"a", "b"}).split() for text in texts]
        assert run_node(SPELL, {"level": level, "form": form, "symbols": ["a", "b"], "texts": texts}) == expected


def test_tokens_become_the_text_that_python_makes_of_them():
    script = """
    const { Spelling } = await import("PAGE/text.js");
    console.log(JSON.stringify(given.map(([level, tokens]) => new Spelling({ level }).text(tokens))));
    """
    cases = [["a", "b", "c"], [], ["▁a", "b", "▁c"], ["▁", "a", "▁"], ["\ufeff", "a", "▁"]]
    # how pieces are made of a text takes a sentencepiece model, the way back does not
    given = [(level, tokens) for level in ("token", "char", "sentencepiece") for tokens in cases]

    def text(level, tokens):
        spelling = Spelling("token")
        spelling.level = level
        return spelling.text(tokens)

    assert run_node(script, given) == [text(level, tokens) for level, tokens in given]


TOKENIZE = """
const { Symbols, Tokenizer } = await import("PAGE/text.js");
const symbols = new Symbols(given.symbols);
const tokenizer = new Tokenizer(given.tokenizer);
const answers = given.texts.map((text) => {
  const tokens = tokenizer.tokens(text);
  return [tokens, tokenizer.numbers(tokens, symbols, given.limit, given.truncate)];
});
console.log(JSON.stringify(answers));
"""


def tokenized(tokenizer, symbols, texts, limit=None, truncate="tail"):
    """What Python and JavaScript make of texts: tokens and numbers."""
    facts = {
        "level": tokenizer.level,
        "lowercase": tokenizer.lowercase,
        "rare": tokenizer.rare,
        "newer": newer_ranges(),
    }
    given = {"symbols": symbols, "tokenizer": facts, "texts": texts, "limit": limit, "truncate": truncate}
    indices, expected = symbol_table(symbols).indices, []
    for text in texts:
        tokens = tokenizer.tokenize(text)
        numbers = tokenizer.encode(tokens, indices)
        if limit is not None:
            first, end = cut(numbers, limit, truncate)
            numbers = [*first, *end]
        expected.append([tokens, numbers])
    return expected, run_node(TOKENIZE, given)


@pytest.mark.parametrize("lowercase", [True, False])
def test_every_character_of_unicode_parts_words_as_in_python(lowercase):
    characters = sorted({*ASSIGNED, *NEWER})
    parts = [f"a{one}b 1{one}1 1{one}a {one}{one}{one}a1{one}" for one in characters]
    texts = [" ".join(parts[place : place + 2000]) for place in range(0, len(parts), 2000)]
    expected, found = tokenized(Tokenizer("word", lowercase), ["a", "1", "b"], texts)
    assert found == expected


@pytest.mark.parametrize(
    "level, rare, limit, truncate",
    [
        ("word", "drop", None, "tail"),
        ("word", "unk", 4, "tail"),
        ("char", "drop", 4, "head"),
        ("word", "unk", 1, "tail"),
        ("word", "drop", 1, "head"),
        ("char", "unk", None, "head"),
    ],
)
def test_documents_are_cut_and_numbered_as_in_python(level, rare, limit, truncate):
    texts = ["A warm, funny film: 3.50!", "", "film", "</s> <pad> film film film film", "Σίσυφος ΣΊΣΥΦΟΣ İ ǅ"]
    symbols = ["a", "warm", "film", ",", "3.50", "f", "σίσυφος"]
    expected, found = tokenized(Tokenizer(level, True, rare), symbols, texts, limit, truncate)
    assert found == expected


def test_what_is_no_text_is_an_error_that_says_so():
    script = """
    const { checkText } = await import("PAGE/text.js");
    const said = [null, undefined, 5, ["a"], "", "a"].map((text) => {
      try { checkText(text); return null; } catch (error) { return [error.name, error.message]; }
    });
    console.log(JSON.stringify(said));
    """
    kinds = ("null", "of type undefined", "of type number", "of type object")
    assert run_node(script, None) == [
        *(["TypeError", f"the text is {kind}: give a string"] for kind in kinds),
        None,
        None,
    ]
