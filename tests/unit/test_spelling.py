"""Unicode forms: a text is read in the form of the model's symbols, and predictions are written in their own."""

import io
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from sentencepiece import SentencePieceTrainer
from web_tools import run_node

import s2s_plugins
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.files.facts import Side
from s2s_plugins.inference.files.info import as_text
from s2s_plugins.inference.files.model_file import read_model_file
from s2s_plugins.inference.onnx.folder_writer import write_onnx_folder
from s2s_plugins.models.saving import model_of
from s2s_plugins.text.spelling import Spelled, Spelling
from s2s_plugins.web.folder import facts_of

CHECKPOINT = str(Path(__file__).parents[1] / "checkpoints" / "attention_lstm.pt")
COMPOSED, DECOMPOSED = "café 한국 Ắ", unicodedata.normalize("NFD", "café 한국 Ắ")


@pytest.mark.parametrize("text", [COMPOSED, DECOMPOSED], ids=["NFC", "NFD"])
def test_a_text_is_brought_to_the_form_of_the_symbols(text):
    for form, expected in [("NFC", COMPOSED), ("NFD", DECOMPOSED), (None, COMPOSED)]:
        characters = [one if one != " " else "▁" for one in expected]
        assert Spelling("char", form=form).tokens(text, set(expected)).split(" ") == characters
    for form, expected in [("NFC", COMPOSED), ("NFD", DECOMPOSED), (None, text)]:
        assert Spelling("token", form=form).tokens(text, set()) == expected


def test_a_text_is_brought_to_the_form_before_pieces_are_made_of_it():
    written = io.BytesIO()  # pieces of the rule that is usual compose by themselves
    lines = iter([COMPOSED, DECOMPOSED] * 20)
    SentencePieceTrainer.train(
        sentence_iterator=lines,
        model_writer=written,
        vocab_size=34,
        normalization_rule_name="identity",
        hard_vocab_limit=False,
        minloglevel=2,
    )
    for form, expected in [(None, "cafe\u0301 \u00c0"), ("NFC", "caf\u00e9 \u00c0"), ("NFD", "cafe\u0301 A\u0300")]:
        tokens = Spelling("sentencepiece", written.getvalue(), form).tokens("cafe\u0301 \u00c0", set())
        assert tokens.replace(" ", "").replace("\u2581", " ").strip() == expected


def test_the_other_case_of_a_decomposed_character_is_tried():
    assert Spelling("char", form="NFD").tokens("ÉÀ", {*"ea", "\u0301", "\u0300"}) == "e \u0301 a \u0300"
    assert Spelling("char", form="NFD").tokens("é", {"e"}) == "e \u0301"  # the accent alone is unknown


@pytest.mark.parametrize("level", ["token", "char"])
def test_predictions_are_written_in_their_own_form(level):
    tokens = ["e", "\u0301"] if level == "char" else ["cafe\u0301"]
    assert Spelling(level).text(tokens) == "".join(tokens)
    assert Spelling(level, written="NFC").text(tokens) == unicodedata.normalize("NFC", "".join(tokens))
    assert Spelling(level, written="NFD").text(["é"]) == "e\u0301"
    assert Spelling("token", written="NFC").text(["e", "\u0301"]) == "e \u0301"  # a token stays one


def test_the_number_of_characters_that_is_known_beforehand_is_that_of_the_form():
    assert (Spelling("char").most(DECOMPOSED), Spelling("char", form="NFD").most(COMPOSED)) == (10, 17)


@pytest.fixture(scope="module")
def decomposed():
    """A model whose source has an accent in it, in the place of the letter b, and whose target's letters have one."""
    model = model_of([CHECKPOINT], Spelled("char", None, "NFD"), Spelled("char", None, "NFD", "NFC"))
    facts = model.facts
    source = tuple("\u0301" if one == "b" else one for one in facts.source.symbols)
    target = tuple(f"{one}\u0301" if one.isalpha() and len(one) == 1 else one for one in facts.target.symbols)
    sides = {"source": replace(facts.source, symbols=source), "target": replace(facts.target, symbols=target)}
    return replace(model, facts=replace(facts, **sides), path="decomposed.safetensors")


def test_a_model_file_and_a_folder_of_onnx_files_keep_the_forms(tmp_path, decomposed, caplog):
    decomposed.write(tmp_path / "model.safetensors")
    write_onnx_folder(decomposed, str(tmp_path / "onnx"))
    plain = s2s_plugins.load(tmp_path / "model.safetensors", "torch")
    plain.source_spelling, plain.target_spelling = Spelling(), Spelling()
    expected = plain.predict("a \u0301 j")
    for path, backend in [("model.safetensors", "torch"), ("model.safetensors", None), ("onnx", None)]:
        model = s2s_plugins.load(tmp_path / path, backend)
        for text in ["\u00e1j", "a\u0301j"]:
            found = model.predict(text)
            assert found.tokens == expected.tokens and found.score == pytest.approx(expected.score, abs=1e-5)
            assert found.text == unicodedata.normalize("NFC", "".join(found.tokens)) != "".join(found.tokens)
    assert not caplog.records  # nothing is unknown
    said = as_text(read_model_file(tmp_path / "model.safetensors"), 1)
    lines = dict(line.split(maxsplit=1) for line in said.splitlines())
    assert lines["source"].startswith("char, NFD, 1") and lines["target"].startswith("char, NFD, written in NFC, 1")


def test_a_file_without_forms_is_read_as_before_and_one_with_unknown_forms_is_refused(tmp_path, decomposed):
    assert Side(("a",)) == Side(("a",), "token", None, None, None)
    with pytest.raises(UsageError, match="damaged.*form is one of NFC, NFD, not 'NFKC'.*s2s save"):
        wrong = replace(decomposed, facts=replace(decomposed.facts, source=Side(decomposed.facts.source.symbols)))
        wrong = replace(wrong, facts=replace(wrong.facts, target=replace(wrong.facts.target, written="NFKC")))
        wrong.write(tmp_path / "wrong.safetensors")
        s2s_plugins.load(tmp_path / "wrong.safetensors")


def test_the_page_reads_and_writes_the_forms_as_python_does(decomposed):
    facts = facts_of(decomposed)
    texts = [COMPOSED, DECOMPOSED, "\u00e1j", "A\u0301J", "ẛ̣ \u212b \u1e9b\u0323"]
    script = """
    const { Spelling, Symbols } = await import("PAGE/text.js");
    const { source, target, texts } = given;
    const [read, written, known] = [new Spelling(source), new Spelling(target), new Symbols(source.symbols)];
    console.log(JSON.stringify(texts.map((text) => [read.tokens(text, known), written.text([...text])])));
    """
    found = run_node(script, {**facts, "texts": texts})
    read, written = Spelling("char", form="NFD"), Spelling("char", form="NFD", written="NFC")
    symbols = set(facts["source"]["symbols"])
    assert found == [[read.tokens(text, symbols).split(" "), written.text(list(text))] for text in texts]
    assert found[2][0] == ["a", "\u0301", "j"] and found[1][1] == COMPOSED
