"""Features as symbols, and slots for symbols that the dictionaries lack."""

import numpy as np
import pytest
import torch
from web_tools import FEATURES, inflecting_model, run_node

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.load import load, opened
from s2s_plugins.inference.sentences import Unknown
from s2s_plugins.models.slotted import NAMES, _named
from s2s_plugins.text.slots import SLOTS, Slots
from s2s_plugins.text.spelling import Spelling
from s2s_plugins.text.symbols import BOS, EOS, UNK, SymbolTable

WORDS = ["ab\tV;PST", "a\u0435b\u0435\u4e16\tPST", "bé\t", "\u0433\u0434\u0435\u0433 a\tV; PRS;", "", "g\tNEW;V"]
MANY = "".join(chr(0x4E00 + number) for number in range(20))


def table(*symbols):
    found = SymbolTable()
    for symbol in symbols:
        found.add(symbol)
    return found


@pytest.fixture(scope="module")
def file():
    return inflecting_model()


@pytest.fixture(scope="module")
def model(file):
    return opened(file)


@pytest.mark.parametrize(
    "text, separator, expected",
    [
        ("walk\tV;PST", ";", "⟦V⟧ ⟦PST⟧ w a l k"),
        ("give up\t V | Tense = Past |", "|", "⟦V⟧ ⟦Tense▁=▁Past⟧ g i v e ▁ u p"),
        ("a\tV PST", " ", "⟦V⟧ ⟦PST⟧ a"),
        ("a\te\u0301", ";", "⟦é⟧ a"),
        ("a\t", ";", "a"),
        (" \tV", ";", ""),
        ("", ";", ""),
    ],
)
def test_features_are_symbols_before_the_characters(text, separator, expected):
    assert Spelling("char", features=separator).tokens(text, set("walkgiveup")) == expected


@pytest.mark.parametrize("text, error", [("walk", "no features stand behind it"), ("a\tb\tV", "two tabs are in it")])
def test_a_text_without_features_or_with_several_tabs_is_an_error(model, text, error):
    with pytest.raises(UsageError, match=f"text 2: {error}.*: write TEXT<TAB>FEATURES"):
        list(model.predict(["a\tV", text]))


def test_the_length_of_a_line_is_known_before_it_is_spelled():
    spelling = Spelling("char", features=";")
    for text in ("walk  up\tV; PST;;", "a\t", "abc\tV"):
        assert spelling.most(text) == len(spelling.tokens(text, set("walkupbc")).split()) + 1


def test_unknown_features_are_reported_as_such_and_have_no_slot(model, caplog):
    [found] = model.encode(["⟦V⟧ ⟦NEW⟧ ⟦PAST▁TENSE⟧ a Q"])
    assert [found.numbers[place] == BOS for place in range(5)] == [False, True, True, False, False]
    Unknown().look([found], 1)
    assert caplog.messages == ["line 1: unknown feature NEW, replaced by <unk>"]


def test_nothing_is_written_of_features_known_or_not():
    file = inflecting_model()
    weights = file.members[0].weights
    weights["decoder.copying.gate.bias"] = np.full_like(weights["decoder.copying.gate.bias"], 20)  # it copies, or ends
    model = opened(file)
    for text in ("a\tNEW;V", "\u0433\tOTHER", "b\tPST"):
        found = [model.predict(text, beam=8)]
        assert {token for one in found for token in one.tokens} <= set(text.partition("\t")[0])


def test_distinct_unknown_symbols_have_slots_in_order_and_the_rest_none():
    slots = Slots(table("a", *SLOTS), table("b", *SLOTS))
    first = 4 + 1
    assert slots.source_numbers(["x", "a", "y", "x", "<copy2>"]) == [first, 4, first + 1, first, first + 2]
    numbers = slots.source_numbers(list(MANY))
    assert numbers == [*range(first, first + 16), *[UNK] * 4]
    held = slots.held(list(MANY), numbers)
    assert slots.target_numbers([MANY[3], MANY[17], "b", "a", "</s>"], held) == [first + 3, UNK, 4, UNK, UNK]
    assert slots.written([first + 3, 4, first + 15], held) == [MANY[3], "b", MANY[15]]
    assert slots.written([first + 3, 4], {}) == ["<unk>", "b"]


def test_without_slots_nothing_has_one():
    slots = Slots(table("a", *SLOTS), table("b"))
    assert not slots
    assert slots.source_numbers(["x", "a"]) == [UNK, 4]
    assert slots.held(["x"], [UNK]) == {}


def test_letters_are_copied_as_they_are_and_not_in_another_case(model):
    sentence = model.spell("AB\u00c9\tV", "a text")
    assert sentence.tokens == ["⟦V⟧", "A", "B", "É", "</s>"]
    assert sentence.numbers[1:4] == model.slots.of_source[:3]


def predictions_numbers(model, sentence, alignment):
    """The numbers of an output, of which the alignment has the tokens."""
    held = model.slots.held(sentence.tokens, sentence.numbers)
    return [*model.slots.target_numbers(alignment.target[:-1], held), EOS]


def test_fairseqs_commands_give_an_unknown_feature_no_name():
    slots = Slots(table("⟦V⟧", "a", *SLOTS), table("a", *SLOTS))
    sentence = _named(torch.tensor([4, UNK, 5, UNK, EOS]), ["⟦V⟧", "⟦NEW⟧", "a", "Q"], slots)
    assert sentence.tolist() == [4, BOS, 5, NAMES.number("Q"), EOS]


def test_predictions_scores_and_alignments_have_the_sources_own_symbols(model):
    predictions = model.predict("\u0433\u0433\u0433\tV", nbest=5)
    written = {token for one in predictions for token in one.tokens}
    assert written & set("\u0433") and not written & set(SLOTS)
    whole = [one for one in predictions if "<unk>" not in one.tokens]
    assert any(set(one.tokens) & set("\u0433") for one in whole)
    scored = model.score([("\u0433\u0433\u0433\tV", one.text) for one in whole])
    assert [one.score for one in scored] == pytest.approx([one.score for one in whole], abs=1e-4)
    sentence = model.spell("\u0433\u0433\u0433\tV", "a text")
    [alignment] = model.attend([sentence])
    assert alignment.unknown == [] and list(alignment.target[:-1]) == predictions[0].tokens
    [copied] = model.model.copied([sentence.numbers], [predictions_numbers(model, sentence, alignment)])
    assert alignment.copied == pytest.approx(copied.tolist()) and max(alignment.copied) > 0


def test_a_model_file_keeps_features_and_slots_and_every_backend_says_the_same(file, model, tmp_path):
    file.write(tmp_path / "verbs.safetensors")
    for backend in ("torch", "onnx"):
        found = load(tmp_path / "verbs.safetensors", backend)
        assert found.source_spelling.features == ";"
        for one, other in zip(found.predict(WORDS), model.predict(WORDS)):
            assert (one.text, one.score) == (other.text, pytest.approx(other.score, abs=1e-4))


def test_the_page_spells_numbers_and_writes_as_python_does(model):
    script = """
    const { Slots, Spelling, Symbols } = await import("PAGE/text.js");
    const [source, target] = [new Symbols(given.source), new Symbols(given.target)];
    const [slots, spelling] = [new Slots(source, target), new Spelling({ level: "char", form: "NFC", features: ";" })];
    console.log(JSON.stringify(given.texts.map((text) => {
      const tokens = spelling.tokens(text, slots.known);
      const numbers = slots.numbers(tokens);
      return [tokens, numbers, slots.written(given.output, tokens, numbers)];
    })));
    """
    texts = [*WORDS, f"{MANY}\tV", "<copy1>\tV", "ABÉ é\tNEW", "a\t⟦V⟧"]
    output = [4, *model.slots.of_target, 4]
    expected = []
    for text in texts:
        *tokens, _ = model.spell(text, "a text").tokens
        numbers = model.slots.source_numbers(tokens)
        expected.append([tokens, numbers, model.slots.written(output, model.slots.held(tokens, numbers))])
    sides = {"source": model.source.symbols[4:], "target": model.target.symbols[4:]}
    assert run_node(script, {**sides, "texts": texts, "output": output}) == expected


@pytest.mark.parametrize("text", ["walk", "a\tb\tV"])
def test_the_page_says_what_features_need(text):
    script = """
    const { Spelling } = await import("PAGE/text.js");
    try { new Spelling({ level: "char", form: "NFC", features: ";" }).tokens(given, new Set()); }
    catch (error) { console.log(JSON.stringify([error.name, error.message])); }
    """
    name, message = run_node(script, text)
    assert name == "RangeError" and "write TEXT<TAB>FEATURES" in message


def test_a_new_combination_of_known_features_is_no_unknown_one(model, caplog):
    assert len(list(model.predict([f"abc\t{';'.join(reversed(FEATURES))}"]))) == 1
    assert not caplog.messages
