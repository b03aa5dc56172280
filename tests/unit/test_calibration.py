"""Probabilities that say how often predictions are right: fitted, kept in the model file, the same everywhere."""

import itertools
import json
from dataclasses import asdict, replace

import numpy as np
import onnxruntime
import pytest
from conftest import REPOSITORY
from onnx_models import TOKENS
from test_forecaster import forecaster
from test_model_file_damaged import changed
from web_tools import letters_model, run_node

import s2s_plugins
from s2s_plugins.cli.main import main
from s2s_plugins.errors import UsageError
from s2s_plugins.evaluation.calibration import calibration_error, reliability
from s2s_plugins.inference.calibration import Calibration, fit, fit_temperature, probabilities_of, tempered
from s2s_plugins.inference.files.info import as_text
from s2s_plugins.inference.files.model_file import read_model_file
from s2s_plugins.inference.load import opened
from s2s_plugins.inference.onnx.folder_writer import write_onnx_folder
from s2s_plugins.models.saving import model_of
from s2s_plugins.models.translator import load_translator

CHECKPOINTS = REPOSITORY / "tests" / "checkpoints"
SOME = Calibration(1.25, -0.75, 0.5, 1.5)
BY_ODDS = replace(SOME, by_odds=True)


def error_of(probabilities, right):
    return calibration_error(reliability(probabilities, right))


def drawn(count, slope, offset, seed, taken=0.0):
    """Log-probabilities of two outputs for each source, and whether the better one is right, with a probability that is
    a logistic function of their distance; ``taken`` of both, as label smoothing does."""
    random = np.random.default_rng(seed)
    distances = random.gamma(1.5, 2.0, count)
    best = -np.log1p(np.exp(-distances)) - taken
    right = random.random(count) < 1 / (1 + np.exp(-(slope * distances + offset)))
    return [[one, one - distance] for one, distance in zip(best, distances)], right


@pytest.mark.parametrize("slope, offset, taken", [(0.8, -0.9, 0.7), (1.1, -0.4, 0.4), (0.4, -1.1, 0.0)])
def test_calibrated_probabilities_say_how_often_predictions_are_right(slope, offset, taken):
    logs, right = drawn(2000, slope, offset, 1, taken)
    new, whether = drawn(5000, slope, offset, 2, taken)
    found = fit(logs, right)
    assert (1 / found.temperature, found.offset) == pytest.approx((slope, offset), abs=0.3)
    probabilities = [found.probabilities(one)[0] for one in new]
    assert error_of(probabilities, whether) < 2 < 5 < error_of(np.exp([one[0] for one in new]), whether)
    alone = [found.probabilities(one[:1])[0] for one in new]  # what greedy search has
    assert error_of(alone, whether) < 6


@pytest.mark.parametrize(
    "slope, offset, taken", [(0.8, -0.9, 0.7), (1.1, -0.4, 0.4), (0.4, -1.1, 0.0), (1.0, 0.0, 0.0)]
)
def test_fifty_sources_do_not_make_probabilities_worse(slope, offset, taken):
    new, whether = drawn(5000, slope, offset, 3, taken)
    errors = []
    for seed in range(20):
        found = fit(*drawn(50, slope, offset, 10 + seed, taken))
        errors.append(error_of([probabilities_of(found, one)[0] for one in new], whether))
    own = error_of(np.exp([one[0] for one in new]), whether)
    assert np.median(errors) <= own if own < 3 else np.mean(errors) < own / 4, errors


def test_what_is_known_too_little_of_is_left_alone_and_data_that_contradict_turn_nothing_round():
    assert fit([], []) is fit([[-0.1, -3.0]] * 4, [True] * 4) is None
    upside_down = fit([[-0.001, -9.0]] * 300 + [[-0.7, -0.71]] * 300, [False] * 300 + [True] * 300)
    assert upside_down.temperature > 0 and upside_down.alone_temperature > 0
    alone = fit([[-0.5]] * 50, [True] * 50)  # nothing is known of distances: what is usual
    assert alone.probabilities([-0.5])[0] > 0.9 and alone.probabilities([-0.5, -5.0])[0] > 0.8


def test_a_model_whose_own_probabilities_say_more_than_distances_is_calibrated_by_these():
    """As models without label smoothing are: a little too modest, whatever else the search found."""
    random = np.random.default_rng(1)

    def some(count):
        odds = random.normal(1.0, 1.5, count)
        logs = -np.log1p(np.exp(-odds))
        right = random.random(count) < 1 / (1 + np.exp(-(1.1 * odds + 0.5)))
        return [[one, one - distance] for one, distance in zip(logs, random.gamma(1.5, 2.0, count))], right

    found = fit(*some(2000))
    assert found.by_odds
    new, whether = some(5000)
    assert error_of([found.probabilities(one)[0] for one in new], whether) < 2
    assert error_of(np.exp([one[0] for one in new]), whether) > 3
    assert found.probabilities(new[0])[0] == found.probabilities(new[0][:1])[0]


@pytest.mark.parametrize(
    "calibration",
    [
        SOME,
        Calibration(1.0, 0.0, 0.7, 0.4, True),
        Calibration(0.001, 2e9, 0.001, -2e9),
        Calibration(2e9, 0.0, 2e9, 5.0),
    ],
)
def test_the_more_probable_output_never_has_the_smaller_probability(calibration):
    logs = [0.0, -1e-9, -0.2, -0.2, -5.0, -800.0, -1e6]
    found = calibration.probabilities(logs)
    assert found == sorted(found, reverse=True) and all(0 <= one <= 1 for one in found)
    for log in logs:
        assert 0 <= calibration.probabilities([log])[0] <= 1
    alone = [calibration.probabilities([log])[0] for log in logs]
    assert alone == sorted(alone, reverse=True)


def test_a_temperature_is_found_again_and_keeps_order_and_sum():
    random = np.random.default_rng(1)
    logits = 2 * random.standard_normal((4000, 5))
    own = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    classes = np.array([random.choice(5, p=row) for row in own])
    for temperature in (0.4, 1.0, 3.0):
        given = tempered(own, temperature)  # too sure, or not sure enough
        assert fit_temperature(given, classes) == pytest.approx(1 / temperature, rel=0.06)
        np.testing.assert_allclose(given.sum(1), 1, atol=1e-6)
        assert (given.argmax(1) == own.argmax(1)).all()
        assert error_of(tempered(given, fit_temperature(given, classes)).max(1), own.argmax(1) == classes) < 3
    assert fit_temperature(np.empty((0, 3)), []) == pytest.approx(1, abs=1e-3)
    assert fit_temperature(own[:5], own[:5].argmax(1)) > 0.2  # five that are right do not make it sure
    edges = np.array([[1.0, 0.0, 0.0], [1e-30, 1.0, 1e-45], [1 / 3, 1 / 3, 1 / 3]])
    for temperature in (0.001, 1.0, 20.0, 1e9):
        found = tempered(edges, temperature)
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)


@pytest.fixture(scope="module")
def plain():
    return replace(letters_model([TOKENS["monotonic"]]), path="letters.safetensors")


@pytest.fixture
def calibrated(plain, tmp_path):
    replace(plain, facts=replace(plain.facts, calibration=SOME)).write(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


WORDS = ["bafe", "mano", "gel", "ponm", "bb", "dada", "akko", "fehl", "abcdefgh", "a", "na", "one"]


def test_every_backend_gives_the_calibrated_probabilities_and_nothing_else_changes(plain, calibrated, tmp_path):
    write_onnx_folder(read_model_file(calibrated), str(tmp_path / "onnx"))
    for nbest, beam in [(3, 5), (5, 5), (2, 2), (1, 1)]:
        expected = [
            SOME.probabilities([one.log_probability for one in best])[:nbest]
            for best in opened(plain).predict(WORDS, nbest=beam, beam=beam)
        ]
        before = list(opened(plain).predict(WORDS, nbest=nbest, beam=beam))
        for path, backend in [(calibrated, "onnx"), (calibrated, "torch"), (tmp_path / "onnx", None)]:
            found = list(s2s_plugins.load(path, backend).predict(WORDS, nbest=nbest, beam=beam))
            for best, own, probabilities in zip(found, before, expected):
                assert [one.tokens for one in best] == [one.tokens for one in own]
                assert [one.score for one in best] == pytest.approx([one.score for one in own], abs=1e-4)
                assert [one.probability for one in best] == pytest.approx(probabilities, abs=1e-4)
    assert s2s_plugins.load(calibrated).predict("").probability == 1


def test_greedy_onnx_has_what_the_documented_formula_needs(calibrated, tmp_path):
    write_onnx_folder(read_model_file(calibrated), str(tmp_path / "onnx"))
    facts = json.loads((tmp_path / "onnx" / "model.json").read_text())["translator"]
    calibration = facts["calibration"]
    session = onnxruntime.InferenceSession(tmp_path / "onnx" / "greedy.onnx", providers=["CPUExecutionProvider"])
    for word in WORDS[:4]:
        source = [4 + facts["source"]["symbols"].index(letter) for letter in word] + [2]
        tokens, scores = session.run(None, {"src_tokens": np.array([source]), "longest": np.array(29)})
        whole = scores[0] * (tokens[0] != 1).sum()
        odds = (whole - np.log(-np.expm1(whole))) / calibration["alone_temperature"] + calibration["alone_offset"]
        expected = s2s_plugins.load(calibrated).predict(word, beam=1).probability
        assert 1 / (1 + np.exp(-odds)) == pytest.approx(expected, abs=1e-4)


def test_the_page_computes_the_same_probabilities():
    logs = [[-0.1], [0.0], [-30.0], [-0.5, -0.4, -3.0], [-2.0, -2.0], [-0.01, -900.0], [1e-3, -1.0]]
    rows = [[0.7, 0.2, 0.1], [1.0, 0.0], [0.5, 0.5]]
    script = """
    const { probabilitiesOf, tempered } = await import("PAGE/calibration.js");
    const { calibrations, logs, rows, temperatures } = given;
    const found = calibrations.map((one) => logs.map((own) => probabilitiesOf(one, own)));
    console.log(JSON.stringify([found, temperatures.map((one) => rows.map((row) => tempered(row, one)))]));
    """
    calibrations, temperatures = [None, SOME, BY_ODDS], [1, 0.3, 7.5]
    given = {
        "calibrations": [one and asdict(one) for one in calibrations],
        "logs": logs,
        "rows": rows,
        "temperatures": temperatures,
    }
    found, classes = run_node(script, given)
    for calibration, own in zip(calibrations, found):
        for log, values in zip(logs, own):
            assert values == pytest.approx(probabilities_of(calibration, log), abs=1e-9)
    for temperature, own in zip(temperatures, classes):
        for row, values in zip(rows, own):
            assert values == pytest.approx(tempered(np.array([row]), temperature)[0].tolist(), abs=1e-6)


def pairs_of(model, count=60):
    """Sources with outputs of which two thirds are what the model predicts."""
    random = np.random.default_rng(1)
    words = sorted({"".join(random.choice([*"abcdefghijklmnop"], random.integers(1, 9))) for _ in range(count)})
    best = model.predict(words)
    return [(word, one.text if place % 3 else "X0 X0 X0") for place, (word, one) in enumerate(zip(words, best))]


def test_a_model_is_calibrated_on_pairs_and_saved(plain, tmp_path):
    model = opened(plain)
    pairs = pairs_of(model)
    before = list(model.predict(WORDS, nbest=2))
    first = pairs[1]  # a source with several right outputs
    found = model.calibrate([*pairs, (first[0], "Y1")])
    right = sum(target != "X0 X0 X0" for _, target in pairs)
    assert (found.sources, found.right) == (len(pairs), right) and found.after < found.before
    assert str(found).startswith("calibration error: ") and "5-fold cross-validation" in str(found)
    logs = [[one.log_probability for one in best] for best in model.predict([word for word, _ in pairs], nbest=5)]
    assert model.calibration == fit(logs, [target != "X0 X0 X0" for _, target in pairs])
    assert model.calibrate(pairs).before < found.before  # it starts from what it has
    model.save(tmp_path / "model.safetensors")
    again = s2s_plugins.load(tmp_path / "model.safetensors")
    assert again.calibration == model.calibration
    for own, best in zip(before, again.predict(WORDS, nbest=2)):
        assert [one.text for one in own] == [one.text for one in best]
        assert [one.probability for one in own] != [one.probability for one in best]
    with pytest.raises(UsageError, match="9 sources are too few to calibrate by: give 10 or more"):
        model.calibrate(pairs[:9])


def test_a_classifier_gets_a_temperature(tmp_path):
    model = opened(model_of([str(CHECKPOINTS / "sa_lstm-classifier.pt")]))
    texts = [
        f"{one} {other} film" for one in ("good", "nice", "awful", "sad", "plot") for other in ("actor", "bad", "x")
    ]
    own = list(model.classify(texts))
    pairs = [(text, one.label if place % 4 else "pos") for place, (text, one) in enumerate(zip(texts, own))]
    found = model.calibrate(pairs)
    assert model.temperature == fit_temperature(
        np.array([[*one.probabilities.values()] for one in own]), [model.labels.index(label) for _, label in pairs]
    )
    assert found.sources == len(texts) and model.temperature != 1
    temperature = model.temperature
    model.calibrate(pairs)
    assert model.temperature == pytest.approx(temperature, rel=1e-3)  # not on top of the first one
    model.save(tmp_path / "films.safetensors")
    write_onnx_folder(read_model_file(tmp_path / "films.safetensors"), str(tmp_path / "onnx"))
    expected = tempered(np.array([[*one.probabilities.values()] for one in own]), temperature)
    for path, backend in [("films.safetensors", "onnx"), ("films.safetensors", "torch"), ("onnx", None)]:
        classes = list(s2s_plugins.load(tmp_path / path, backend).classify(texts))
        assert [one.label for one in classes] == [one.label for one in own]
        np.testing.assert_allclose([[*one.probabilities.values()] for one in classes], expected, atol=1e-4)
    lines = as_text(read_model_file(tmp_path / "films.safetensors"), 1).splitlines()
    assert ["temperature", f"{temperature:g}"] in [line.split() for line in lines]


def test_a_temperature_that_is_not_above_zero_is_damage(calibrated, tmp_path):
    for name, value in itertools.product(["temperature", "alone_temperature"], [0, -1.5, 1e-9]):
        wrong = {name: value}
        path = changed(calibrated, tmp_path, lambda values, w=wrong: values["translator"]["calibration"].update(w))
        with pytest.raises(UsageError, match="damaged, its temperature .* is not above 0.001"):
            s2s_plugins.load(path)
    path = changed(calibrated, tmp_path, lambda values: values["translator"]["calibration"].pop("offset"))
    with pytest.raises(UsageError, match="lacks the field offset"):
        s2s_plugins.load(path)
    path = changed(calibrated, tmp_path, lambda values: values["translator"].pop("calibration"))
    assert s2s_plugins.load(path).calibration is None  # of a file without it


def said(capsys, *words):
    """What a command that fails says, in one line."""
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    line = capsys.readouterr().err
    assert end.value.code == 2 and line.count("\n") == 1, line
    return line


def test_s2s_calibrate_rewrites_the_model_file(plain, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g2p").mkdir()
    plain.write("g2p/model.safetensors")
    own = (tmp_path / "g2p" / "model.safetensors").read_bytes()
    (tmp_path / "pairs.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in pairs_of(opened(plain))))
    main(["calibrate", "g2p", "pairs.tsv", "--out", "new.safetensors"])
    assert (tmp_path / "g2p" / "model.safetensors").read_bytes() == own
    main(["calibrate", "g2p", "pairs.tsv"])
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("g2p/model.safetensors: calibration error: ") and line.endswith("of them right)")
    assert (tmp_path / "g2p" / "model.safetensors").read_bytes() == (tmp_path / "new.safetensors").read_bytes() != own
    assert [path.name for path in (tmp_path / "g2p").iterdir()] == ["model.safetensors"]
    main(["info", "g2p"])
    assert f"probabilities  calibrated on {len(pairs_of(opened(plain)))} sources\n" in capsys.readouterr().out


def predicted(monkeypatch, capsys, path, *words):
    """What ``s2s predict`` writes, and whether it warns of the probabilities."""
    path.with_name("words.txt").write_text("".join(f"{word}\n" for word in WORDS))
    warnings = []
    monkeypatch.setattr("s2s_plugins.cli.predict.logger.warning", warnings.append)
    with path.with_name("words.txt").open("rb") as stream:
        monkeypatch.setattr("s2s_plugins.cli.predict.standard_input", lambda: stream)
        main(["predict", str(path), *words])
    return capsys.readouterr().out.splitlines(), any("s2s calibrate mends that" in one for one in warnings)


def test_probabilities_that_were_found_good_are_warned_of_no_more(plain, tmp_path, capsys, monkeypatch):
    path = tmp_path / "own.safetensors"
    plain.write(path)
    assert predicted(monkeypatch, capsys, path, "--min-probability", "0")[1]
    model, random = s2s_plugins.load(path), np.random.default_rng(3)
    words = ["".join(random.choice([*"abcdefghijklmnop"], 4)) for _ in range(80)]
    best = list(model.predict(words))
    truth = [one.text if random.random() < one.probability else "X0 X0 X0" for one in best]
    found = model.calibrate(list(zip(words, truth)))
    assert found.is_own and model.calibration is None and str(found).endswith("do as well, and are left")
    model.save(path)
    assert s2s_plugins.load(path).calibrated_on == found.sources
    assert not predicted(monkeypatch, capsys, path, "--min-probability", "0")[1]
    row = f"probabilities  the model's own, which do as well as calibrated ones on {found.sources} sources"
    assert row in as_text(read_model_file(path), 1)


def test_of_several_predictions_the_lower_one_is_never_the_more_probable(plain, tmp_path, capsys, monkeypatch):
    path, steep = tmp_path / "steep.safetensors", Calibration(0.2, -2.0, 1.0, 0.0)
    replace(plain, facts=replace(plain.facts, calibration=steep)).write(path)
    model = s2s_plugins.load(path)
    found = list(model.predict(WORDS, nbest=5))
    crossing = [best for best in found if best[0].log_probability < best[1].log_probability]
    assert crossing  # the shorter one is the more probable as a whole, the search prefers the other
    for best in found:
        probabilities = [one.probability for one in best]
        assert probabilities == sorted(probabilities, reverse=True)
    rows, _ = predicted(monkeypatch, capsys, path, "--nbest", "2", "--min-probability", "0.1")
    for one, other in zip(rows[::2], rows[1::2]):
        (_, _, first, verdict), (_, _, second, verdict_of_other) = one.split("\t"), other.split("\t")
        assert float(first) >= float(second) and verdict == verdict_of_other


def test_what_cannot_be_calibrated_is_one_line(plain, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain.write("m.safetensors")
    (tmp_path / "few.tsv").write_text("a\tX0\nb\tX1\n")
    (tmp_path / "p" / "s2s_letters_cc").mkdir(parents=True)
    (tmp_path / "p" / "s2s_letters_cc" / "__init__.py").touch()
    plain.write("p/s2s_letters_cc/model.safetensors")
    monkeypatch.syspath_prepend(str(tmp_path / "p"))
    assert "2 sources are too few to calibrate by: give 10 or more" in said(
        capsys, "calibrate", "m.safetensors", "few.tsv"
    )
    assert "give --out" in said(capsys, "calibrate", "s2s_letters_cc", "few.tsv")
    assert "nosuch.tsv" in said(capsys, "calibrate", "m.safetensors", "nosuch.tsv")
    assert "not new.pt" in said(capsys, "calibrate", "m.safetensors", "few.tsv", "--out", "new.pt")
    assert "3 files are too many" in said(capsys, "calibrate", "m.safetensors", "few.tsv", "few.tsv", "few.tsv")
    checkpoint = CHECKPOINTS / "peek_lstm.pt"
    assert "is a checkpoint: s2s save" in said(capsys, "calibrate", checkpoint, "few.tsv")
    assert (tmp_path / "m.safetensors").exists() and not (tmp_path / "new.pt").exists()


def test_a_model_of_series_gives_no_probabilities():
    with pytest.raises(UsageError, match="is a forecaster, which gives no probabilities"):
        forecaster().calibrate([("a", "b")] * 20)


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_a_saved_model_has_the_bytes_of_its_file(precision, tmp_path):
    both = letters_model([TOKENS["monotonic"], TOKENS["peek"]]).rounded(precision)
    films = model_of([str(CHECKPOINTS / "lm_lstm-classifier.pt")]).rounded(precision)
    for name, model in [("both", both), ("films", films)]:
        path = tmp_path / f"{name}.safetensors"
        model.write(path)
        own = path.read_bytes()
        for backend in ("onnx", "torch"):
            again = s2s_plugins.load(path, backend)
            again.save(tmp_path / "again.safetensors")
            assert (tmp_path / "again.safetensors").read_bytes() == own
        again.save(path)  # on itself
        assert path.read_bytes() == own
        again.about = replace(again.about, figures={"WER": 22.5}, licence="CC0-1.0")
        again.save(path)
        assert read_model_file(path).about == again.about and len(path.read_bytes()) != len(own)


def test_what_is_from_no_model_file_says_how_it_becomes_one(calibrated, tmp_path):
    write_onnx_folder(read_model_file(calibrated), str(tmp_path / "onnx"))
    with pytest.raises(
        UsageError, match="onnx is a folder of ONNX files: name the model file that it was exported from"
    ):
        s2s_plugins.load(tmp_path / "onnx").save(tmp_path / "new.safetensors")
    with pytest.raises(
        UsageError, match="peek_lstm.pt is a checkpoint: s2s save .*peek_lstm.pt --out MODEL.safetensors"
    ):
        load_translator(str(CHECKPOINTS / "peek_lstm.pt")).save(tmp_path / "new.safetensors")
    with pytest.raises(UsageError, match="named MODEL.safetensors, not .*new.pt"):
        s2s_plugins.load(calibrated).save(tmp_path / "new.pt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors", "onnx"]


def test_what_is_too_improbable_is_left_empty_and_called_unsure(calibrated, tmp_path, capsys, monkeypatch):
    model = s2s_plugins.load(calibrated)
    own = list(model.predict(WORDS, nbest=2))
    least = sorted(best[0].probability for best in own)[len(own) // 2]
    for best, expected in zip(model.predict(WORDS, nbest=2, min_probability=least), own):
        unsure = expected[0].probability < least
        assert [one.unsure for one in best] == [unsure] * 2
        assert [one.text for one in best] == ["" if unsure else one.text for one in expected]
        assert [one.tokens for one in best] == [one.tokens for one in expected]
    assert not any(one.unsure or not one.text for best in own for one in best)
    films = opened(model_of([str(CHECKPOINTS / "sa_lstm-classifier.pt")]))
    found = films.classify("good film")
    assert films.classify("good film", min_probability=found.probability) == found
    unsure = films.classify("good film", min_probability=1)
    assert unsure == ("", found.probability, found.probabilities, True)
    films.save(tmp_path / "films.safetensors")
    lines = "good film\nawful sad plot\n"
    for words, expected in [
        ([], f"{found.label}\t{found.probability:.4f}"),
        (["--min-probability", "0"], f"{found.label}\t{found.probability:.4f}\tsure"),
        (["--min-probability", "1"], f"\t{found.probability:.4f}\tunsure"),
    ]:
        (tmp_path / "lines").write_text(lines)
        with open(tmp_path / "lines", "rb") as stream:
            monkeypatch.setattr("s2s_plugins.cli.classify.standard_input", lambda stream=stream: stream)
            main(["classify", str(tmp_path / "films.safetensors"), *words])
        assert capsys.readouterr().out.splitlines()[0] == expected
    for least in (-0.1, 1.5, float("nan"), "0.5"):
        with pytest.raises(UsageError, match="--min-probability .* is no probability: use a number from 0 to 1"):
            model.predict("a", min_probability=least)
