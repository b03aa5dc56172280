"""The page's JavaScript searches as Python does, and gives the same predictions and classes."""

import json
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from conftest import REPOSITORY, program
from onnx_models import TOKENS
from web_tools import (
    LETTERS,
    block_of,
    letters_model,
    no_runtime,
    pieces_model,
    run_node,
    runtime_or_skip,
    same_predictions,
    sentencepiece_model,
    served,
)

from s2s_plugins.inference.calibration import Calibration
from s2s_plugins.inference.load import opened
from s2s_plugins.models.saving import model_of
from s2s_plugins.search import SearchSettings, beam_search
from s2s_plugins.text.spelling import Spelling
from s2s_plugins.text.tokens import Tokenizer
from s2s_plugins.web.folder import write_page

CHECKPOINTS = REPOSITORY / "tests" / "checkpoints"
NAMES = sorted(json.loads((CHECKPOINTS / "expected.json").read_text()))
TRANSLATORS = [name for name in NAMES if not name.endswith("-classifier")]
CLASSIFIERS = [name for name in NAMES if name.endswith("-classifier")]

SEARCH = """
const { beamSearch } = await import("PAGE/search.js");
class Table {
  constructor(rows, looks) { Object.assign(this, { rows, looks }); }
  async step(tokens, rows, state) {
    const carried = rows.map((row, place) => [...state[row], tokens[place]]);
    const logits = Float32Array.from(carried.flatMap((path) => this.rows[path.at(-1)].map((one) => one * path.length)));
    return { logits, attention: Float32Array.from(tokens.flatMap((token) => this.looks[token])), state: carried };
  }
}
const answers = [];
for (const { tables, looks, settings } of given) {
  const models = tables.map((rows, place) => new Table(rows, looks[place]));
  const found = await beamSearch(models, models.map(() => [[]]), settings, { attends: true });
  answers.push(found.map((one) => ({ ...one, attention: one.attention.map((row) => [...row]) })));
}
console.log(JSON.stringify(answers));
"""


class Table:
    """A model whose logits depend on the last token and the number of tokens so far."""

    def __init__(self, rows, looks):
        self.rows, self.looks = np.array(rows, np.float32), np.array(looks, np.float32)

    def step(self, tokens, state):
        carried = [[*state.paths[row], token] for row, token in zip(state.rows, tokens.tolist())]
        logits = np.stack([self.rows[path[-1]] * np.float32(len(path)) for path in carried])
        return logits, Paths(carried, range(len(carried)), self.looks[tokens])


class Paths:
    def __init__(self, paths, rows, weights=None):
        self.paths, self.rows, self.weights = paths, rows, weights

    def reorder(self, rows, sentences):
        return Paths(self.paths, rows.tolist())


def draw_case(number):
    random = np.random.default_rng(number)
    size, models = int(random.integers(5, 12)), int(random.integers(1, 4))
    longest = int(random.integers(1, 9))
    settings = {
        "end": 2,
        "pad": 1,
        "never": [0] if random.random() < 0.5 else [],
        "longest": longest,
        "shortest": int(random.integers(0, min(3, longest + 1))),
        "lengthPenalty": float(random.choice([0.0, 0.6, 1.0, 1.4])),
        "beam": int(random.integers(1, size - 1)),
    }
    tables = random.normal(0, random.choice([0.3, 1.5]), (models, size, size)).astype(np.float32)
    looks = random.random((models, size, 3)).astype(np.float32)
    return {"tables": tables.tolist(), "looks": looks.tolist(), "settings": settings}


def search_in_python(case):
    own = case["settings"]
    names = {"lengthPenalty": "length_penalty"}
    values = {names.get(name, name): value for name, value in own.items()}
    settings = SearchSettings(unknown=3, **{**values, "never": tuple(own["never"])})
    models = [Table(*parts) for parts in zip(case["tables"], case["looks"])]
    return beam_search(models, [Paths([[]], [0]) for _ in models], np.array([own["end"]]), settings, True)[0]


def test_a_search_gives_the_hypotheses_of_python():
    cases = [draw_case(number) for number in range(150)]
    lengths = set()
    for case, found in zip(cases, run_node(SEARCH, cases)):
        expected = search_in_python(case)
        assert [one["score"] for one in found] == pytest.approx([float(one.score) for one in expected], abs=1e-4)
        assert [one["tokens"] for one in found] == [one.tokens.tolist() for one in expected]
        for one, other in zip(found, expected):
            np.testing.assert_allclose(one["attention"], other.attention.T, atol=1e-6)
            assert one["logProbability"] == pytest.approx(float(other.positional_scores.sum()), abs=1e-4)
            lengths.add(len(one["tokens"]))
    assert len(lengths) > 5  # not all hypotheses end at once


def test_a_search_that_is_abandoned_ends_before_the_next_step():
    script = """
    const { beamSearch } = await import("PAGE/search.js");
    const abandon = new AbortController();
    let steps = 0;
    const model = { async step(tokens) {
      if (++steps === 3) abandon.abort();
      return { logits: new Float32Array(tokens.length * 8), state: null };
    } };
    const settings = { end: 2, pad: 1, never: [2], longest: 50, shortest: 1, lengthPenalty: 1, beam: 2 };
    let name = "";
    await beamSearch([model], [null], settings, { signal: abandon.signal }).catch((error) => { name = error.name; });
    console.log(JSON.stringify([steps, name]));
    """
    assert run_node(script, None) == [3, "AbortError"]


def test_a_beam_that_the_vocabulary_has_no_tokens_for_is_an_error():
    case = draw_case(1)
    case["settings"]["beam"] = 50
    script = SEARCH.replace("const answers = [];", "const answers = []; try {")
    script = script.replace("console.log", "} catch (error) { answers.push(error.message); } console.log")
    with pytest.raises(ValueError) as error:
        search_in_python(case)
    assert run_node(script, [case]) == [str(error.value)]


PREDICT = """
const { load } = await import("PAGE/s2s.js");
const plain = (one) => ({ ...one, alignment: one.alignment?.map((row) => [...row]) ?? null });
const answers = [];
for (const { address, texts, options } of given) {
  const model = await load(address).catch(String);
  // all at once, as on a page where a search is abandoned for the next one
  const ask = (text) => (model.kind === "classifier" ? model.classify(text) : model.predict(text, options));
  const found = model.kind ? await Promise.all(texts.map((text) => ask(text).catch(String))) : model;
  answers.push(Array.isArray(found) ? found.map((one) => (Array.isArray(one) ? one.map(plain) : one)) : found);
}
console.log(JSON.stringify(answers));
"""
WORDS = ["abc", "p", "hello", "bad face", "feedback", "ABBA", "éa", "ponm lkji hgfe dcba", "q\u0301z", "kk", " ", ""]
# a model of each decoder, of several cells; members of an ensemble with and without attention
EVERY = ["basic", "feedback, two layers, GRU", "peek, adaptive softmax", "additive before, coverage", "monotonic"]
EVERY += ["general before, three layers, residual", "concat after, input feeding, two layers", "hard"]
WRONG = [{"nbest": 0}, {"nbest": 3, "beam": 2}, {"beam": 1.5}]


def calibrated(model):
    return replace(model, facts=replace(model.facts, calibration=Calibration(1.25, -0.75, 0.5, 1.5)))


MODELS = {name: letters_model([TOKENS[name]]) for name in EVERY}
MODELS["an ensemble"] = letters_model([TOKENS[name] for name in ("additive before", "peek", "general after")])
MODELS["an ensemble without alignments"] = letters_model([TOKENS[name] for name in ("peek", "general after")])
MODELS["16 bits"] = letters_model([TOKENS["additive before"]], "float16")
MODELS["pieces"] = pieces_model(TOKENS["monotonic"])
MODELS["calibrated"] = calibrated(letters_model([TOKENS["hard"]]))
MODELS["8 bits"] = letters_model([TOKENS["additive before"]], "int8")


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What the folders of all models answer in JavaScript, and the models in Python, by name."""
    runtime_or_skip()
    root = tmp_path_factory.mktemp("pages")
    models = dict(MODELS)
    for name in (*TRANSLATORS, *CLASSIFIERS):
        files = [str(CHECKPOINTS / f"{name}.pt")]
        models[name] = replace(model_of(files), path=f"{name}.safetensors")
    first = models[CLASSIFIERS[0]]
    models[CLASSIFIERS[0]] = replace(first, facts=replace(first.facts, temperature=0.4))
    given, python, none = [], {}, no_runtime(root / "none")
    write_page(MODELS["pieces"], str(root / "all"))  # has all that is needed to run any of them
    with served(root) as address:
        for number, (name, model) in enumerate(models.items()):
            write_page(model, str(root / str(number)), none)
            python[name] = opened(model)
            texts = WORDS if name in MODELS else ["a b c", "j i h g f e", "a <pad> x", "c"]
            if name in CLASSIFIERS:
                texts = ["good film", "awful, sad plot!", "nice nice actor", "Nice FILM xyz", ""]
            options = {"nbest": 3, "beam": 4}
            given.append({"address": f"{address}{number}", "texts": texts, "options": options})
        given += [{"address": f"{address}0", "texts": ["a" * 30], "options": options} for options in [{}, *WRONG]]
        given.append({"address": f"{address}nowhere", "texts": [], "options": {}})
        found = run_node(PREDICT, given, root / "all")
    answers = {name: (given[place]["texts"], found[place], python[name]) for place, name in enumerate(models)}
    return {**answers, "errors": found[len(models) :]}


@pytest.mark.parametrize("name", [*MODELS, *TRANSLATORS])
def test_predictions_are_those_of_python(answers, name):
    texts, found, translator = answers[name]
    for shown, expected in zip(found, translator.predict(texts, nbest=3, beam=4)):
        same_predictions(shown, expected)
        for one, other in zip(shown, expected):
            if other.alignment is None:
                assert one["alignment"] is None
            elif one["text"] == other.text:
                np.testing.assert_allclose(one["alignment"], other.alignment, atol=1e-4)


def test_the_models_that_are_compared_have_outputs_of_several_lengths(answers):
    lengths = {len(each[0]["tokens"]) for name in EVERY for each in answers[name][1]}
    assert len(lengths) > 6


def test_unknown_tokens_of_a_text_are_named(answers):
    texts, found, _ = answers["basic"]
    marked = {text: [(one["token"], one["known"]) for one in shown[0]["source"]] for text, shown in zip(texts, found)}
    assert marked["ABBA"] == [("a", True), ("b", True), ("b", True), ("a", True)]
    assert marked["éa"] == [("é", False), ("a", True)]
    assert set("".join(WORDS[:2])) <= set(LETTERS)


def test_pieces_are_those_of_python(tmp_path):
    runtime_or_skip()
    write_page(MODELS["pieces"], str(tmp_path / "page"))
    tokenizer = Tokenizer("sentencepiece", True, "drop", sentencepiece_model())
    texts = [line for line in (REPOSITORY / "README.md").read_text().splitlines() if line]
    texts += ["Ünïcode ﬁ ½ Ａ １", "\u4e16\u754c hello", "  a  b\t", "", "e\u0301", "▁x", "नमस्ते", "한국어"]
    script = """
    const { readFileSync: read } = await import("node:fs");
    const { SentencePieceProcessor } = await import("PAGE/runtime/sentencepiece.js");
    const { Spelling, Symbols, Tokenizer } = await import("PAGE/text.js");
    const processor = new SentencePieceProcessor();
    await processor._loadModel(read(new URL("PAGE/pieces.model")));
    const pieces = (text) => processor.encodePieces(text);
    const [spelling, known] = [new Spelling({ level: "sentencepiece" }, pieces), new Symbols([])];
    const tokenizer = new Tokenizer({ level: "sentencepiece", lowercase: true, rare: "drop", newer: {} }, pieces);
    console.log(JSON.stringify(given.map((text) => [spelling.tokens(text, known), tokenizer.tokens(text)])));
    """
    spelling = Spelling("sentencepiece", sentencepiece_model())
    expected = [[spelling.tokens(text, {}).split(), tokenizer.tokenize(text)] for text in texts]
    found = run_node(script, texts, tmp_path / "page")
    # of two ways to part a text that are equally probable, as a|aa and aa|a, releases of sentencepiece take another one
    assert [[sorted(own) for own in pair] for pair in found] == [[sorted(own) for own in pair] for pair in expected]
    assert sum(one != other for one, other in zip(found, expected)) < 0.05 * len(texts)
    assert [["".join(own) for own in pair] for pair in found] == [["".join(own) for own in pair] for pair in expected]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classes_are_those_of_python(answers, name):
    texts, found, classifier = answers[name]
    for shown, expected in zip(found, classifier.classify(texts)):
        assert shown["label"] == expected.label and shown["probabilities"].keys() == expected.probabilities.keys()
        assert shown["probabilities"] == pytest.approx(expected.probabilities, abs=1e-4)
        assert shown["probability"] == pytest.approx(expected.probability, abs=1e-4)


def test_what_cannot_be_predicted_is_an_error_that_says_why(answers):
    long, none, few, part, nowhere = answers["errors"]
    assert long == ["RangeError: the text has 31 tokens, </s> included, and the model takes 30: shorten it"]
    assert few == ["RangeError: nbest 3 with beam 2: use whole numbers from 1, beam not below nbest"]
    assert none[0].startswith("RangeError: nbest 0") and part[0].startswith("RangeError: nbest 1 with beam 1.5")
    assert nowhere == "Error: /nowhere/model.json cannot be read (404): export the model again"


def test_the_example_of_the_documentation_runs_in_node(tmp_path):
    runtime_or_skip()
    write_page(MODELS["monotonic"], str(tmp_path / "page"))
    (tmp_path / "example.mjs").write_text(block_of("web.md", "js").replace("zebra", "head"))
    done = subprocess.run([program("node"), "example.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert not done.returncode, done.stderr
    expected = opened(MODELS["monotonic"]).predict("head", nbest=3)
    shown = [line.split("\t") for line in done.stdout.splitlines()]
    assert [text for text, _ in shown] == [one.text for one in expected]
    assert [float(value) for _, value in shown] == pytest.approx([one.probability for one in expected], abs=1e-4)
