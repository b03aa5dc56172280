"""The word tokenizer gives the tokens of sacrebleu's TokenizerV14International, and needs nothing but Python."""

import subprocess
import sys
import unicodedata

import pytest
import regex
from conftest import REPOSITORY
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.tokenizers.tokenizer_intl import TokenizerV14International

from s2s_plugins.text.words import kind_of, newer_characters, split_words

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "s2s_plugins" / "text").glob("*.py"))]


def reference(text):
    """sacrebleu's tokens of ``text`` within a sentence, where the spaces of its neighbours stand around it."""
    call = TokenizerV14International.__call__
    return call.__wrapped__(TokenizerV14International(), f" {text} ").split()


@pytest.mark.parametrize(
    "text, words",
    [
        ("It cost $3.50, (really).", "It cost $ 3.50 , ( really ) ."),
        ("1,000 1, ,1 10:30-11:00", "1,000 1 , , 1 10:30-11:00"),
        ("!5 !!5 !!!5 5!! 5!!5 5!!!6", None),
        ("isn’t it… «quoted» ½×2=1 a+b x²", "isn ’ t it … « quoted » ½ × 2 = 1 a + b x²"),
        ("5'5 ٣٫٥ 三、四 Ⅷ.Ⅸ", "5'5 ٣٫٥ 三 、 四 Ⅷ.Ⅸ"),
        ("c\u0327a\u0301. \u0301! e\u0301\u0301,", None),
        ("😀5 5😀 👩\u200d🚀", "😀 5 5 😀 👩 \u200d 🚀"),
        ("", ""),
        ("  \u3000 ", ""),
    ],
)
def test_words_are_those_of_sacrebleu(text, words):
    assert split_words(text) == reference(text)
    if words is not None:
        assert split_words(text) == words.split()


@given(st.text(st.sampled_from("ab 1 2.,!-$«»٣½\u0301\u00a0\n"), max_size=12))
def test_runs_of_marks_digits_and_letters_are_parted_as_by_sacrebleu(text):
    assert split_words(text) == reference(text)


@given(st.text(st.one_of(st.characters(), st.sampled_from(sorted(dict(newer_characters())))), max_size=30))
def test_any_text_is_parted_as_by_sacrebleu(text):
    assert split_words(text) == reference(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_real_text_is_parted_as_by_sacrebleu(page):
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [split_words(line) for line in lines] == [reference(line) for line in lines] and lines


def test_every_character_has_the_kind_that_unicode_gives_it():
    """A newer ``regex`` may know characters that are unassigned here; of all others it says the same."""
    patterns = {kind: regex.compile(rf"\p{{{kind}}}") for kind in "NPS"}
    newer = dict(newer_characters())
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) != "Cn" or character in newer:
            found = next((kind for kind, pattern in patterns.items() if pattern.match(character)), None)
            assert (kind_of(character) if kind_of(character) in "NPS" else None) == found, hex(code)
    assert kind_of("\U0001fae8") == "S" and kind_of("\U00011f50") == "N" and kind_of("\u2e60") == "P"


def test_no_mark_or_symbol_is_a_letter_for_python():
    """:func:`split_words` leaves such words whole."""
    marks = [chr(code) for code in range(sys.maxunicode + 1) if kind_of(chr(code)) in "PS"]
    assert not any(mark.isalnum() for mark in marks) and len(marks) > 8000


REFUSE = """
import builtins, sys
original = builtins.__import__
def importing(name, *args, **kwargs):
    if name.split(".")[0] in {"fairseq", "torch", "sacrebleu", "regex", "gensim"}:
        raise AssertionError(f"{name} is imported")
    return original(name, *args, **kwargs)
builtins.__import__ = importing
"""


def test_text_becomes_tokens_where_fairseq_torch_and_sacrebleu_cannot_be_imported(tmp_path):
    rooms = sorted(path.stem for path in (REPOSITORY / "s2s_plugins" / "text").glob("[!_]*.py"))
    assert "tokens" in rooms and "prepare" in rooms and "vectors" in rooms
    (tmp_path / "d.tsv").write_text("text\tlabel\n" + "good, film\tpos\nbad film\tneg\n" * 9)
    script = REFUSE + "".join(f"import s2s_plugins.text.{room}\n" for room in rooms)
    script += """
from s2s_plugins.text.tokens import Tokenizer
print(Tokenizer("word").tokenize("It cost 3.50."), Tokenizer("char").tokenize("ab"))
from s2s_plugins.cli.main import main
main(["prepare", "--train", "d.tsv", "--level", "word", "--dest", "bin"])
from s2s_plugins.text.vectors import Sentences
from pathlib import Path
print(list(Sentences(Path("bin/pretrain")))[0])
print({"fairseq", "torch", "sacrebleu"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert lines[0] == "['it', 'cost', '3.50', '.'] ['a', 'b']"
    assert lines[-2:] == ["['good', ',', 'film']", "set()"]
