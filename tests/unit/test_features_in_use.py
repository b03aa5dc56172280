"""A model with features: trained, scored, calibrated, checked, reported, served and packaged."""

import json
import random
import zipfile

import httpx
import pytest
from conftest import REPOSITORY
from in_process import run_here
from served import running
from web_tools import inflecting_model

import s2s_plugins
from s2s_plugins.errors import UsageError
from s2s_plugins.inference.files.info import as_text
from s2s_plugins.inference.files.model_file import read_model_file
from s2s_plugins.inference.files.wheel import write_wheel
from s2s_plugins.inference.load import opened
from s2s_plugins.models.saving import model_of
from s2s_plugins.text.spelling import Spelled
from s2s_plugins.training.check.run import check
from s2s_plugins.training.job import BEST
from s2s_plugins.training.pretrained import read_start, with_levels
from s2s_plugins.training.settings import TrainSettings

TINY = "--encoder-layers 1 --encoder-embed-dim 16 --encoder-hidden-size 16 --decoder-embed-dim 16".split()
TINY += "--decoder-hidden-size 32 --dropout 0".split()


def verbs(count, seed):
    """Lemmas of random letters, their forms and features, each source once."""
    draw, found = random.Random(seed), {}
    while len(found) < count:
        lemma = "".join(draw.choices("abcde", k=draw.randint(2, 4)))
        tense = draw.choice(["PST", "PRS"])
        found[lemma, f"V;{tense}"] = f"{lemma}{'xy'[tense == 'PST']}"
    return [(lemma, form, tags) for (lemma, tags), form in found.items()]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """The folder of a training on triples."""
    patch, out = pytest.MonkeyPatch(), tmp_path_factory.mktemp("features") / "verbs"
    patch.setattr("s2s_plugins.training.plan.run_workers", run_here)
    settings = {"updates": 40, "valid": 30, "test": 30, "precision": "fp32", "flags": TINY}
    s2s_plugins.train(verbs(200, 1), out, progress=False, **settings)
    patch.undo()
    return out


@pytest.fixture(scope="module")
def model(out):
    return s2s_plugins.load(out)


def test_tables_of_a_training_have_a_column_of_features(out):
    for name in ("predictions.tsv", "errors.tsv"):
        heading, *rows = (line.split("\t") for line in (out / name).read_text(encoding="utf-8").splitlines())
        assert heading[:3] == ["source", "features", "prediction"]
        assert rows and all(len(row) == len(heading) and row[1] in ("V;PST", "V;PRS") for row in rows)
    scores = json.loads((out / "scores.json").read_text(encoding="utf-8"))
    assert scores["scores"]["test"]["sources"] == 30


def test_the_flags_of_the_architecture_copy(model):
    assert model.file.members[0].settings.decoder.copies is not None


def test_data_with_features_in_any_form_scores_the_same(model, out, tmp_path):
    own = out / "data" / "test.tsv"  # SOURCE FEATURES TARGET
    rows = [line.split("\t") for line in own.read_text(encoding="utf-8").splitlines()]
    other = tmp_path / "test.tsv"
    other.write_text("".join(f"{lemma}\t{form}\t{tags}\n" for lemma, tags, form in rows), encoding="utf-8")
    csv = tmp_path / "test.csv"
    csv.write_text("tags,a,b\n" + "".join(f"{tags},{lemma},{form}\n" for lemma, tags, form in rows), encoding="utf-8")
    expected = model.evaluate({f"{lemma}\t{tags}": form for lemma, tags, form in rows})
    assert expected.sources == 30
    triples = [(lemma, form, tags) for lemma, tags, form in rows]
    for found in (model.evaluate(own), model.evaluate(other), model.evaluate(triples)):
        assert (found.error_rate, found.edits, found.sources) == (expected.error_rate, expected.edits, 30)
    assert model.evaluate(csv, "a", "b", features="tags").error_rate == expected.error_rate


def test_data_without_features_is_no_data_of_this_model(model, tmp_path):
    with pytest.raises(UsageError, match="pair 1: no features stand behind it, and the model needs them"):
        model.evaluate([("ab", "abx")] * 3)
    lexicon = tmp_path / "a.tsv"
    lexicon.write_text("ab\tabx\ncd\tcdx\n")
    with pytest.raises(UsageError, match="a.tsv has no features, and .* needs them: name their column with --features"):
        check(lexicon, tmp_path / "out", model.name, progress=False)


def test_data_with_features_is_no_data_of_a_model_without(tmp_path):
    file = inflecting_model()
    spelling = opened(file)
    spelling.source_spelling.features = None
    with pytest.raises(UsageError, match="the data has features, and the model was trained without"):
        spelling.evaluate(verbs(10, 1))


def test_calibration_and_check_read_features(model, out, tmp_path):
    found = model.calibrate([*verbs(120, 2)])
    assert found.sources == 120
    lexicon = tmp_path / "verbs.tsv"
    lexicon.write_text("".join("\t".join(row) + "\n" for row in verbs(20, 3)), encoding="utf-8")
    judged = check(lexicon, tmp_path / "out", str(out), progress=False)
    heading, first, *_ = (tmp_path / "out" / "check.tsv").read_text(encoding="utf-8").splitlines()
    assert len(judged) == 20 and heading.split("\t")[1:4] == ["source", "features", "target"]
    assert first.split("\t")[2] in ("V;PST", "V;PRS")


def test_the_model_file_says_what_it_takes(out):
    text = as_text(read_model_file(out / "model.safetensors"), 1)
    assert "features with ';' between them" in text and "copying " in text and "<copy1>" not in text


def test_a_training_that_starts_from_a_model_copies_if_it_does(out):
    start = read_start(str(out / "model.safetensors"))
    assert with_levels(TrainSettings(), start).copy is True
    with pytest.raises(UsageError, match="--no-copy does not go with --from .*, which copies: leave it out"):
        with_levels(TrainSettings(copy=False), start)


@pytest.mark.parametrize(
    "settings, error",
    [
        (
            {"arch": "peek_lstm", "copy": True},
            "--copy is of attention_lstm and transducer_lstm, and --arch is peek_lstm",
        ),
        ({"features_as": "tags"}, "--features-as tags is unknown: use one of joined, bag"),
        ({"features_as": "bag", "arch": "lstm"}, "--features-as bag is of the plugin's architectures"),
        ({"features_as": "joined", "start": "model.safetensors"}, "--features-as joined does not go with --from"),
        ({"arch": "transducer_lstm", "copy": False}, "--no-copy does not go with --arch transducer_lstm"),
        ({"flags": ["--copy"]}, "--copy cannot stand behind --: use --copy or --no-copy in front of --"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, error):
    with pytest.raises(UsageError, match=error):
        TrainSettings(**settings)


def test_what_has_other_symbols_on_both_sides_is_not_copied(tmp_path):
    pairs = [(lemma, " ".join(form), tags) for lemma, form, tags in verbs(40, 1)]
    with pytest.raises(UsageError, match="--copy copies symbols, and those of the source are of level char, .* token"):
        s2s_plugins.train(pairs, tmp_path / "out", copy=True, target_level="token", updates=1, progress=False)


def test_other_architectures_are_not_asked_to_copy():
    assert TrainSettings(arch="peek_lstm").options.copy is False
    for arch in (None, "attention_lstm", "attention_lstm_tiny", "transducer_lstm"):
        assert TrainSettings(arch=arch).options.copy is None


def test_the_decoder_sees_features_unless_they_are_to_be_symbols_alone(out, tmp_path, monkeypatch):
    monkeypatch.setattr("s2s_plugins.training.plan.run_workers", run_here)
    settings = {"updates": 1, "valid": 5, "test": 5, "precision": "fp32", "progress": False}
    s2s_plugins.train(verbs(40, 2), tmp_path / "joined", features_as="joined", flags=TINY, **settings)
    s2s_plugins.train(verbs(40, 2), tmp_path / "again", start=str(out / "model.safetensors"), **settings)
    sizes = [
        read_model_file(folder / "model.safetensors").members[0].settings.decoder.features_size
        for folder in (out, tmp_path / "joined", tmp_path / "again")
    ]
    assert sizes == [16, 0, 16]


def test_the_server_answers_texts_with_features_and_refuses_others():
    with running({"verbs": opened(inflecting_model())}) as server:
        [facts] = httpx.get(server.url + "/v1/models").json()["models"]
        assert facts["features"] == ";"
        text = "\u0433\u0433\u0433\tV;NEW"
        [result] = httpx.post(server.url + "/v1/predict", json={"text": text}).json()["results"]
        assert result["unknown"] == ["⟦NEW⟧"] and "\u0433" in result["predictions"][0]["text"]
        for bad in ("walk", "a\tb\tV"):
            answer = httpx.post(server.url + "/v1/predict", json={"text": bad})
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, "no_features")
            assert "write TEXT<TAB>FEATURES" in answer.json()["error"]["message"]


def test_a_package_says_how_features_are_given(out, tmp_path):
    wheel = write_wheel(str(out), "verbs_model", "1.0", "CC0-1.0", tmp_path)
    with zipfile.ZipFile(wheel) as package:
        [metadata] = [name for name in package.namelist() if name.endswith("METADATA")]
        assert 'model.predict("...\\tA;B")' in package.read(metadata).decode()


def test_a_checkpoint_is_saved_with_what_separates_features(out, model):
    [checkpoint] = (out / "checkpoints").rglob(BEST)
    char = Spelled("char")
    with pytest.raises(UsageError, match="has features, as ⟦.*, among its source symbols, .* --features-separator ';'"):
        model_of([str(checkpoint)], char, char)
    found = opened(model_of([str(checkpoint)], Spelled("char", features="|"), char))
    assert found.predict("ab\tPST|V").text == model.predict("ab\tPST;V").text
    with pytest.raises(UsageError, match="has no features, as ⟦PST⟧"):
        model_of([str(REPOSITORY / "tests/checkpoints/attention_lstm.pt")], Spelled("char", features=";"), char)


def test_features_that_the_data_does_not_have_are_not_asked_for_in_silence(tmp_path):
    pairs = [(lemma, form) for lemma, form, _ in verbs(30, 1)]
    with pytest.raises(UsageError, match="--features-as bag is about features, and the data has none"):
        s2s_plugins.train(pairs, out=tmp_path / "out", features_as="bag", updates=1, progress=False)
    assert not (tmp_path / "out" / "data").exists()
