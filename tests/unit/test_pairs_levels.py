"""What a token is, in which Unicode form, and how monotonic an alignment is: recognised by the texts."""

import random
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pairs_data import lexicon, spelled_out, words

from s2s_plugins.text.pairs.levels import Level, recognise, recognise_both
from s2s_plugins.text.pairs.monotonicity import monotonicity
from s2s_plugins.text.pairs.sides import Side
from s2s_plugins.text.pairs.tokenizing import Writing, form_of_tokens
from s2s_plugins.text.spelling import Spelling
from s2s_plugins.text.symbols import UNK

ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
ONES += "seventeen eighteen nineteen".split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
TONES = ["˧˧", "˧˦", "˦˥"]
IPA = ["aː", "t̪", "d͡ʒ", "ɡ", "ŋ", "ɨᵝ", "sʰ", "e̞"]


def in_words(number):
    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10] + (f"-{ONES[number % 10]}" if number % 10 else "")
    if number < 1000:
        return f"{ONES[number // 100]} hundred" + (f" {in_words(number % 100)}" if number % 100 else "")
    return f"{in_words(number // 1000)} thousand" + (f" {in_words(number % 1000)}" if number % 1000 else "")


def sentences(count, seed=1):
    """Sentences of words that are common and rare as in a language."""
    draw = random.Random(seed)
    vocabulary = words(4000)
    weights = [1 / rank for rank in range(1, 4001)]
    return [" ".join(draw.choices(vocabulary, weights, k=draw.randint(5, 14))) + "." for _ in range(count)]


def joined(symbols, count, least, most, mark, seed=1):
    """Texts of random symbols."""
    draw = random.Random(seed)
    return [mark.join(draw.choices(symbols, k=draw.randint(least, most))) for _ in range(count)]


HANGUL = joined([chr(0xAC00 + 28 * number) for number in range(0, 399, 2)], 300, 2, 5, "")
SYLLABLES = words(3000, least=2, most=4)
NUMBERS = random.Random(1).sample(range(10**6), 1000)


@pytest.mark.parametrize(
    "texts, level",
    [
        ([word for word, _ in lexicon(300)], "char"),
        ([phones for _, phones in lexicon(300)], "token"),
        ([phones for _, phones in lexicon(5)], "token"),
        (joined(IPA, 200, 2, 9, " "), "token"),
        (joined([f"a{tone}" for tone in TONES] + ["ɓ"], 200, 2, 9, " "), "token"),
        (joined("01", 40, 3, 20, " "), "token"),
        (joined("0123456789", 200, 1, 7, ""), "char"),
        ([in_words(number) for number in NUMBERS], "token"),
        ([str(number) for number in NUMBERS], "char"),
        (joined(SYLLABLES, 500, 1, 3, " "), "char"),  # names of two syllables
        ([f"Haus {word}" for word in words(300)], "char"),  # phrases
        (joined(["jump", "walk", "twice", "left"], 300, 6, 20, " "), "token"),
        (joined("ACGT", 100, 80, 150, ""), "char"),
        (joined("😀😁😂🤣😃", 60, 2, 8, ""), "char"),
        (joined("😀😁😂🤣😃", 60, 2, 8, " "), "token"),
        (joined("אבגדהוזחט", 60, 2, 8, ""), "char"),
        (HANGUL, "char"),
        (sentences(400), "sentencepiece"),
        (sentences(60), "char"),  # too few for pieces
        (joined([chr(0x4E00 + number) for number in range(2000)], 400, 15, 40, ""), "sentencepiece"),
        (joined([chr(0x4E00 + number) for number in range(2000)], 400, 2, 4, ""), "char"),
        (joined([chr(0x4E00 + number) for number in range(900)], 99, 6, 9, " "), "char"),  # too few sentences
        (joined([chr(0x4E00 + number) for number in range(3000)], 400, 6, 9, " "), "sentencepiece"),
        (["the same"] * 9, "char"),
        ([], "char"),
    ],
)
def test_levels_are_recognised(texts, level):
    assert recognise(texts, is_target=False).name == recognise(texts, is_target=True).name == level


def test_languages_whose_phrases_are_nearly_sentences_have_one_level():
    german = [f"der große Hund {word} läuft" for word in words(300)]
    english = [f"the big dog {word} is running" for word in words(300)]
    assert recognise(english, is_target=True).name == "sentencepiece"
    assert [level.name for level in recognise_both(german, english)] == ["char", "char"]
    longer = [f"{text} fast and far" for text in english]
    assert [level.name for level in recognise_both(german, longer)] == ["sentencepiece", "sentencepiece"]
    names = words(300)
    assert [level.name for level in recognise_both(names, longer)] == ["char", "sentencepiece"]


def test_a_few_targets_that_occur_again_and_again_are_tokens():
    assert recognise(["masculine", "feminine"] * 30, is_target=True).name == "token"
    assert recognise(["masculine", "feminine"] * 30, is_target=False).name == "char"
    assert recognise(["masculine", "feminine"] * 3, is_target=True).name == "char"
    assert recognise(words(200) * 10, is_target=True).name == "char"  # new ones are to be expected


def test_source_characters_are_decomposed_and_target_characters_where_that_halves_the_alphabet():
    accented = set("aeouäöüéабв")
    assert form_of_tokens(accented, "char", is_target=False) == "NFD"
    assert form_of_tokens(accented, "char", is_target=True) == "NFC"
    assert form_of_tokens(set("".join(HANGUL)), "char", is_target=True) == "NFD"
    assert form_of_tokens(set("".join(HANGUL)), "token", is_target=False) == "NFC"


def side(level, name):
    """One side of prepared pairs, before its symbols are numbered: characters of a source are NFD."""
    return Side(name, Level(level, ""), set())


def test_tokens_of_each_level():
    assert side("char", "source").tokens(" Zoë\u00a0 é ") == ["Z", "o", "e", "\u0308", "▁", "e", "\u0301"]
    assert side("char", "target").tokens("한 e\u0301") == ["한", "▁", "é"]
    assert side("token", "source").tokens(" e\u0301  b\u2003c\n") == ["é", "b", "c"]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="▁"), max_size=12)


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_no_token_has_white_space_and_characters_stand_for_their_text(text):
    for form, name in (("NFC", "target"), ("NFD", "source")):
        tokens = side("char", name).tokens(text)
        assert not any(len(token) != 1 or token.isspace() for token in tokens)
        assert "".join(tokens).replace("▁", " ").split() == unicodedata.normalize(form, text.replace("▁", " ")).split()


@given(st.lists(TEXT, min_size=1, max_size=9), st.lists(TEXT, max_size=5))
@settings(max_examples=100, deadline=None)
def test_a_model_reads_what_it_was_trained_on(texts, others):
    for level, name in (("char", "source"), ("char", "target"), ("token", "source")):
        trained = side(level, name)
        for text in texts:
            trained.count(text)
        trained.number_symbols(1)
        spelling, known = Spelling(*trained.facts().spelled), trained.table.indices
        for text in texts:
            tokens = spelling.tokens(text, known).split()
            assert tokens == trained.tokens(text)
            form = trained.form if trained.writing.form == trained.form else trained.writing.form
            assert spelling.text(tokens).strip() == unicodedata.normalize(form, " ".join(text.split()))
        if name == "source":  # held-out texts are read as in use: unknown characters in the other case
            for text in others:
                found = (trained.tokens(text), spelling.tokens(text, known).split())
                assert len({tuple(known.get(token, UNK) for token in tokens) for tokens in found}) == 1


def test_a_model_reads_sentences_as_it_was_trained_on_them():
    texts = sentences(300)
    trained = side("sentencepiece", "source")
    trained.train_pieces(texts, 20, 200)
    spelling = Spelling(*trained.facts().spelled)
    for text in [*texts, "ﬁ ① e\u0301", "  a  b "]:
        assert spelling.tokens(text, set()).split() == trained.tokens(text)
    words = texts[0].split()
    for space in ("\t", "\u00a0", "\u3000", "  "):  # what training takes for one space is one in use
        assert spelling.tokens(space.join(words), set()) == spelling.tokens(texts[0], set())
    assert [spelling.text(trained.tokens(text)) for text in texts] == texts


def test_the_commonest_form_of_the_texts_is_found():
    writing = Writing()
    for text in ["plain", "é", unicodedata.normalize("NFD", "é"), unicodedata.normalize("NFD", "ü")]:
        writing.add(text)
    assert (writing.composed, writing.decomposed, writing.form) == (1, 2, "NFD")
    assert Writing().form == "NFC"


def test_what_nobody_sees_is_counted_by_its_name():
    writing = Writing()
    for text in ["a\u00a0b", "a\u200bb\u200b", "\ufeffé", "a\x07", "plain", "▁x", "a\ufffd"]:
        writing.add(text)
    assert dict(writing.invisible) == {
        "non-breaking space": 1,
        "zero-width space": 1,
        "byte order mark": 1,
        "control character U+0007": 1,
        "replacement character": 1,
    }
    assert writing.spaces == 1


def latin(word):
    """``banana`` -> ``ananabay``."""
    return word[1:] + word[0] + "ay"


def tokens(pairs):
    return [(list(source), target.split() if " " in target else list(target)) for source, target in pairs]


ENDINGS = ["sten", "aral", "inder", "lome", "k", "", "tako"]  # of letters that the words have too


def test_monotonicity_is_one_minus_one_and_between():
    drawn = words(800)
    draw = random.Random(2)
    of = {
        "spelling": monotonicity(tokens([(word, spelled_out(word)) for word in drawn])),
        "inflection": monotonicity(tokens([(word, f"ge{word}est") for word in drawn])),
        "endings": monotonicity(tokens([(word, word + draw.choice(ENDINGS)) for word in drawn])),
        "reversal": monotonicity(tokens([(word, word[::-1]) for word in drawn])),
        "rotation": monotonicity(tokens([(word, latin(word)) for word in drawn])),
        "sorting": monotonicity(tokens([(word, "".join(sorted(word))) for word in drawn])),
        "nothing": monotonicity(tokens(list(zip(drawn, draw.sample(drawn, len(drawn)))))),
    }
    assert of["spelling"] > 0.999 and of["inflection"] > 0.95 and of["endings"] > 0.75
    assert of["reversal"] < -0.999
    assert 0.05 < of["rotation"] < 0.6
    assert abs(of["sorting"]) < 0.2 and abs(of["nothing"]) < 0.2


def test_sentences_whose_verb_moves_are_less_monotonic_than_a_copy():
    drawn = [text.rstrip(".").split() for text in sentences(250)]
    moved = [(text, [text[0], *text[2:], text[1]]) for text in drawn]
    assert 0.4 < monotonicity(moved) < 0.9 < monotonicity([(text, [word.upper() for word in text]) for text in drawn])


@pytest.mark.parametrize(
    "pairs", [[], [("a", "b")], [("", "")], [("ab", "cd")], [("ab", "cd")] * 9, [("aa", "bb")] * 9]
)
def test_monotonicity_of_nothing_to_tell_by_is_zero(pairs):
    assert monotonicity(pairs) == 0


def test_monotonicity_looks_at_a_bounded_part_of_long_texts():
    long = [["a"] * 1000] * 2
    assert monotonicity([(long[0], long[1])] * 100) == 0
    endless = ((list("abcdefghij"), list("ABCDEFGHIJ")[: 5 + number % 5]) for number in iter(int, 1))
    assert -1 <= monotonicity(endless) <= 1
