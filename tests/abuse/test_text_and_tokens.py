"""Any text becomes tokens, and tokens text, with nothing invented, nothing lost and nothing raised."""

from __future__ import annotations

import io
import os
import tempfile
import unicodedata

import pytest
from fairseq.data import Dictionary
from hypothesis import given
from hypothesis import strategies as st

from s2s_plugins.inference.lines import read_batches
from s2s_plugins.models.loading import numbers_as_symbols, symbols_as_numbers
from s2s_plugins.text.binarise import build_dictionary, count_tokens, counted_together
from s2s_plugins.text.spelling import Spelling
from s2s_plugins.text.symbols import EOS, UNK
from s2s_plugins.text.tokens import Tokenizer

# what can stand in a UTF-8 file: no halves of surrogate pairs
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
lines = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\n\r"), max_size=30)
anything = st.characters(exclude_categories=("Cs",))


@pytest.mark.parametrize("level", ["word", "char"])
@given(text=texts, lowercase=st.booleans())
def test_tokens_hold_every_character_but_white_space(level, text, lowercase):
    tokenizer = Tokenizer(level, lowercase)
    tokens = tokenizer.tokenize(text)
    assert all(token and not any(character.isspace() for character in token) for token in tokens)
    seen = "".join(tokens)
    kept = "".join(tokenizer.normalize(text).split())
    assert (seen.replace("▁", "") if level == "char" else seen) == (kept.replace("▁", "") if level == "char" else kept)


@given(texts=st.lists(texts, min_size=1, max_size=8), rare=st.sampled_from(["drop", "unk"]))
def test_numbers_are_those_of_the_dictionary_and_end_once(texts, rare):
    tokenizer = Tokenizer("char", rare=rare)
    counts = counted_together([count_tokens(texts, tokenizer)])
    if not counts:
        return
    dictionary = build_dictionary(counts, 1, None)
    for text in texts:
        tokens = tokenizer.tokenize(text)
        numbers = tokenizer.encode(tokens, dictionary.indices)
        assert numbers[-1] == EOS and EOS not in numbers[:-1]
        assert [dictionary.symbols[number] for number in numbers[:-1]] == tokens
    foreign = tokenizer.encode(["no such token", "<pad>", "</s>"], dictionary.indices)
    assert foreign == ([EOS] if rare == "drop" else [UNK] * 3 + [EOS])


@given(text=texts)
def test_letters_become_the_text_again(text):
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    tokens = Spelling("char").tokens(text, set(composed)).split(" ")
    assert Spelling("char").text(tokens if tokens != [""] else []) == composed.replace("▁", " ")


@given(text=texts, known=st.sets(anything, max_size=20))
def test_a_letter_is_taken_in_a_form_that_is_known_or_as_it_is(text, known):
    for token in Spelling("char").tokens(text, known).split():
        forms = unicodedata.normalize("NFD", text + text.swapcase()) + unicodedata.normalize("NFC", text)
        assert token in known or token in forms + text.swapcase() or token == "▁"


@given(
    symbols=st.lists(st.text(anything, min_size=1, max_size=8).filter(lambda s: "".join(s.split()) == s), unique=True)
)
def test_a_checkpoint_keeps_any_symbols(symbols):
    dictionary = Dictionary()
    for symbol in symbols:
        dictionary.add_symbol(symbol)
    kept = symbols_as_numbers(dictionary)
    assert (
        numbers_as_symbols(kept) == dictionary.symbols and numbers_as_symbols(kept.half().float()) == dictionary.symbols
    )


@given(written=st.lists(lines, max_size=20), ended=st.booleans(), size=st.integers(1, 5), ahead=st.integers(1, 3))
def test_lines_come_out_as_they_were_written(written, ended, size, ahead):
    content = "\n".join(written) + ("\n" if ended and written else "")
    with tempfile.TemporaryFile() as file:
        file.write(content.encode())
        file.seek(0)
        found = [line for batch in read_batches(file, size, ahead) for line in batch]
    expected = content.split("\n")
    if expected[-1] == "":
        expected.pop()
    assert found == expected


@given(content=st.binary(max_size=200))
def test_bytes_that_are_no_text_are_named_and_those_before_are_given_out(content):
    from s2s_plugins.errors import UsageError

    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        os.lseek(file.fileno(), 0, io.SEEK_SET)
        found = []
        try:
            for batch in read_batches(file, 2, 1):
                found += batch
        except UsageError as error:
            assert f"line {len(found) + 1} is not UTF-8 text" in str(error)
        else:
            content.decode()
    whole = content.split(b"\n")[: len(found)]
    assert [line.decode().rstrip("\r") for line in whole] == found
