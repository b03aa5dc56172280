"""How text becomes tokens, and how documents are read."""

import inspect
import json
import tracemalloc
import types

import pytest
import torch

from s2s_plugins.errors import UsageError
from s2s_plugins.text.binarise import build_dictionary, count_tokens, counted_together, train_sentencepiece
from s2s_plugins.text.documents import read_labelled, read_unlabelled
from s2s_plugins.text.symbols import EOS, UNK, SymbolTable
from s2s_plugins.text.tokens import Tokenizer, load_settings

TEXT = "It's  Good, isn’t it?\tÜber 3.5 cafe\u0301s… <unk>"


def test_words_keep_punctuation_as_tokens():
    assert Tokenizer("word").tokenize("Good, “very” good (9/10)!") == "good , “ very ” good ( 9/10 ) !".split()
    assert Tokenizer("word", lowercase=False).tokenize("Über") == ["Über"]


@pytest.mark.parametrize("text", ["it cost 5.", "(5 stars", "10!", "…5"])
def test_a_mark_beside_a_number_is_a_token_at_both_ends_of_a_text_too(text):
    assert Tokenizer("word").tokenize(text) == Tokenizer("word").tokenize(f"x {text} x")[1:-1]
    assert all(token.isdigit() or not any(map(str.isdigit, token)) for token in tokens_of(text))


def tokens_of(text):
    return Tokenizer("word").tokenize(text)


def test_no_text_is_kept_after_it_is_tokenised():
    tokens_of("warm up")
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(2000):
        tokens_of(f"document {number} " + "word " * 100)  # half a kilobyte each, all different
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 100_000


def test_characters_keep_the_space_as_a_symbol():
    assert Tokenizer("char").tokenize(" Ab  c\n") == ["a", "b", "▁", "c"]


def test_text_is_composed_and_no_token_has_white_space():
    for level in ("word", "char"):
        tokens = Tokenizer(level).tokenize("cafe\u0301 a\u00a0b\u2028c\x85d")
        assert "é" in "".join(tokens) and not any(character.isspace() for token in tokens for character in token)


def test_the_settings_survive_a_checkpoint_and_a_folder(tmp_path):
    texts = ["the quick brown fox jumps over the lazy dog", "pack my box with five dozen liquor jugs"] * 50
    model = train_sentencepiece(texts, 36)
    for tokenizer in (
        Tokenizer("word", lowercase=False, rare="unk"),
        Tokenizer("char"),
        Tokenizer("sentencepiece", model=model),
    ):
        torch.save(tokenizer.settings(), tmp_path / "settings.pt")
        loaded = Tokenizer.from_settings(torch.load(tmp_path / "settings.pt", weights_only=True))
        tokenizer.save(tmp_path)
        saved = Tokenizer.from_settings(load_settings(tmp_path))
        for other in (loaded, saved):
            assert other.settings() == tokenizer.settings()
            assert other.tokenize(TEXT) == tokenizer.tokenize(TEXT)
    assert load_settings(tmp_path / "elsewhere") is None
    assert "".join(saved.tokenize("lazy fox")).replace("▁", " ").strip() == "lazy fox"
    assert train_sentencepiece(texts, 36) == model


@pytest.mark.parametrize("text", ["{", "[]", '{"level": "word"}', '{"level": "wrod", "model": null}'])
def test_damaged_settings_are_named(tmp_path, text):
    (tmp_path / "tokens.json").write_text(text)
    with pytest.raises(UsageError, match="tokens.json is not what s2s prepare writes"):
        load_settings(tmp_path)


def test_settings_read_no_other_file_than_their_own_model(tmp_path):
    (tmp_path / "other").write_text("private")
    (tmp_path / "tokens.json").write_text(json.dumps({"level": "sentencepiece", "model": str(tmp_path / "other")}))
    with pytest.raises(UsageError, match="its model is not tokens.model"):
        load_settings(tmp_path)


def test_a_missing_sentencepiece_model_is_named(tmp_path):
    (tmp_path / "tokens.json").write_text('{"level": "sentencepiece", "model": "tokens.model"}')
    with pytest.raises(UsageError, match="tokens.model is missing"):
        load_settings(tmp_path)


def test_rare_tokens_are_dropped_or_unknown_and_symbols_of_fairseq_harm_nothing():
    dictionary = SymbolTable()
    good = dictionary.add("good")
    tokens = ["good", "</s>", "rare", "<pad>", "good"]
    assert Tokenizer("word").encode(tokens, dictionary.indices) == [good, good, EOS]
    encoded = Tokenizer("word", rare="unk").encode(tokens, dictionary.indices)
    assert encoded == [good, UNK, UNK, UNK, good, EOS]


def test_the_dictionary_has_the_frequent_words_first_and_the_mask_last():
    counts = counted_together([count_tokens(["b b a a a", "c c d"], Tokenizer("word"))])
    counts.update({"</s>": 9, "<mask>": 9})
    assert build_dictionary(counts, 2, None).symbols[4:] == ["a", "b", "c", "<mask>"]
    assert build_dictionary(counts, 1, 2).symbols[4:] == ["a", "b", "<mask>"]
    with pytest.raises(UsageError, match="no token occurs 99 times"):
        build_dictionary(counts, 99, None)


def test_too_many_pieces_for_the_text_is_said():
    with pytest.raises(UsageError, match="--vocab-size 5000 does not fit this text: Vocabulary size too high"):
        train_sentencepiece(["a b c"] * 10, 5000)


ROWS = [("a film, good", "pos"), ("bad", "very neg"), ("", "pos")]


def write_forms(folder):
    """The same documents in each form."""
    (folder / "d.csv").write_text('label,text\npos,"a film, good"\nvery neg,bad\npos,""\n', encoding="utf-8-sig")
    (folder / "d.tsv").write_text("text\tlabel\r\na film, good\tpos\r\nbad\tvery neg\r\n\tpos\r\n")
    lines = [json.dumps({"text": text, "label": label}) for text, label in ROWS]
    (folder / "d.jsonl").write_text("\n".join(lines) + "\n\n")
    for number, (text, label) in enumerate(ROWS):
        (folder / "d" / label).mkdir(parents=True, exist_ok=True)
        (folder / "d" / label / f"{number}.txt").write_text(text)
        (folder / "d" / label / ".DS_Store").write_bytes(b"\xff")


@pytest.mark.parametrize("form", ["d.csv", "d.tsv", "d.jsonl", "d"])
def test_every_form_gives_the_same_documents_one_at_a_time(tmp_path, form):
    write_forms(tmp_path)
    documents = read_labelled(str(tmp_path / form))
    assert isinstance(documents, types.GeneratorType)
    assert sorted((d.text, d.label) for d in documents) == sorted(ROWS)
    assert inspect.isgeneratorfunction(read_unlabelled)
    assert sorted(d.text for d in read_unlabelled(str(tmp_path / form))) == sorted(text for text, _ in ROWS)


def test_a_csv_text_may_have_lines_and_a_tsv_text_quotes(tmp_path):
    (tmp_path / "d.csv").write_text('text,label\n"one\ntwo",a\nthree,b\n')
    documents = list(read_labelled(str(tmp_path / "d.csv")))
    assert [d.text for d in documents] == ["one\ntwo", "three"]
    assert documents[1].where.endswith("d.csv, line 4")
    (tmp_path / "d.tsv").write_text('text\tlabel\n"open\ta\nshut"\tb\n')
    assert [d.text for d in read_labelled(str(tmp_path / "d.tsv"))] == ['"open', 'shut"']


def test_a_label_is_one_however_its_accent_is_written_and_may_be_a_number(tmp_path):
    (tmp_path / "d.csv").write_text("text,label\na,caf\u00e9\nb,cafe\u0301 \n", encoding="utf-8")
    assert {d.label for d in read_labelled(str(tmp_path / "d.csv"))} == {"caf\u00e9"}
    (tmp_path / "d.jsonl").write_text('{"text": "a", "label": 1}\n{"text": 2.5, "label": true}\n')
    assert [d[:2] for d in read_labelled(str(tmp_path / "d.jsonl"))] == [("a", "1"), ("2.5", "true")]


def test_a_byte_order_mark_is_no_part_of_a_text(tmp_path):
    (tmp_path / "d" / "a").mkdir(parents=True)
    for path in ("d/a/1.txt", "u.txt"):
        (tmp_path / path).write_text("one", encoding="utf-8-sig")
    (tmp_path / "u.csv").write_text("text\none\n", encoding="utf-8-sig")
    (tmp_path / "u.jsonl").write_text('{"text": "one"}\n', encoding="utf-8-sig")
    for path in ("d", "u.txt", "u.csv", "u.jsonl"):
        assert [d.text for d in read_unlabelled(str(tmp_path / path))] == ["one"]
    assert [d.text for d in read_labelled(str(tmp_path / "d"))] == ["one"]


def test_plain_text_has_a_document_a_line(tmp_path):
    (tmp_path / "u.txt").write_text("one two\n\nthree")
    assert [d.text for d in read_unlabelled(str(tmp_path / "u.txt"))] == ["one two", "", "three"]


@pytest.mark.parametrize(
    "name, content, message",
    [
        (
            "d.csv",
            b"text,class\na,b\n",
            "d.csv: no column 'label' in its header, which has text, class: .*--label-column",
        ),
        ("d.tsv", b"text\tlabel\na\tb\nc\n", "d.tsv, line 3: 1 columns where the header has 2"),
        ("d.csv", b'text,label\n"a,b\n', "d.csv, line 2: not CSV"),
        ("d.csv", b"", "d.csv: the file is empty"),
        ("d.csv", b"text,label\na,\n", "d.csv, line 2: the label is empty"),
        ("d.csv", b"text,label\n\xff,a\n", "d.csv, line 2: not UTF-8 text"),
        ("d.jsonl", b'{"text": "a", "label": "b"}\n{"text": \n', "d.jsonl, line 2: not a line of JSON"),
        ("d.jsonl", b'{"text": "a"}\n', "d.jsonl, line 1: no key 'label': it has text"),
        ("d.jsonl", b'{"text": null, "label": "b"}\n', "d.jsonl, line 1: 'text' is null: write a text between quotes"),
        ("d.jsonl", b'{"text": "a", "label": ["b"]}\n', "d.jsonl, line 1: 'label' is .*b.*: write a text"),
        ("d.jsonl", b'{"text": "a \\ud800", "label": "b"}\n', "d.jsonl, line 1: .*ud800' is half a character"),
        ("d.csv", b"text,label\n", "d.csv: no document in it"),
        ("d.jsonl", b"\n", "d.jsonl: no document in it"),
        ("d.jsonl", b"[1]\n", "d.jsonl, line 1: no key 'text': it has list"),
        ("d.txt", b"a\n", "labelled documents come as .csv, .tsv or .jsonl"),
        ("none.csv", None, "none.csv: No such file"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message):
        list(read_labelled(str(tmp_path / name)))


def test_the_flag_that_names_another_column_is_in_the_message(tmp_path):
    (tmp_path / "d.csv").write_text("review,stars\na,1\n")
    assert [d[:2] for d in read_labelled(str(tmp_path / "d.csv"), "review", "stars")] == [("a", "1")]
    with pytest.raises(UsageError, match="no column 'body' .* has review, stars: .*--text-column"):
        list(read_labelled(str(tmp_path / "d.csv"), "body", "stars"))


def test_folders_without_documents_are_named(tmp_path):
    with pytest.raises(UsageError, match="no folder in it"):
        list(read_labelled(str(tmp_path)))
    with pytest.raises(UsageError, match="the folder has no files"):
        list(read_unlabelled(str(tmp_path)))
