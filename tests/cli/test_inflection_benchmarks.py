"""The benchmarks of inflection: their tables, the commands of both systems, and bad input."""

import json
import stat
import sys

import pytest
from conftest import REPOSITORY

sys.path.insert(0, str(REPOSITORY))  # benchmarks is no part of the installed package

from benchmarks import inflection, minutes, peers, unseen  # noqa: E402
from s2s_plugins.cli.main import parse  # noqa: E402
from s2s_plugins.errors import UsageError, WorkError  # noqa: E402
from s2s_plugins.training.settings import TrainSettings  # noqa: E402


def code_and_error(capsys, main, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    return stop.value.code, capsys.readouterr().err


def test_the_table_has_the_affix_baseline_and_names_who_loses_to_it():
    rows = [
        {"language": "welsh", "error_rate": 20.0, "minutes": 5.0},
        {"language": "welsh", "error_rate": 24.0, "minutes": 5.0},
        {"language": "spanish", "error_rate": 16.0, "minutes": 6.0},
    ]
    *_, welsh, spanish, mean = inflection.table(rows, "medium").splitlines()
    assert welsh == "| welsh | 78.00 ± 2.83 | 56.0 | 5.0 |"
    assert spanish == "| spanish | 84.00 | 84.5 **under it** | 6.0 |"
    assert mean == "| mean of 2 | 81.00 | 70.2 | 5.5 |"


def test_the_mean_of_the_affix_baseline_is_that_of_the_ten_languages():
    for amount, mean in (("medium", 55.7), ("high", 72.3)):
        assert sum(row[amount] for row in inflection.AFFIXES.values()) / 10 == pytest.approx(mean, abs=0.05)


def test_a_folder_without_the_files_is_named(tmp_path, capsys):
    code, err = code_and_error(capsys, inflection.main, tmp_path, "--out", tmp_path / "out")
    assert code == 2 and "has no file LANGUAGE-train-medium" in err and err.count("\n") == 1
    (tmp_path / "welsh-train-medium").write_text("a\tb\tN\n")
    code, err = code_and_error(capsys, inflection.main, tmp_path, "--out", tmp_path / "out")
    assert code == 2 and "has no file welsh-dev" in err
    (tmp_path / "welsh-dev").write_text("a\tb\tN\n")
    assert inflection.languages(tmp_path, "medium", None) == ["welsh"]
    with pytest.raises(UsageError, match="no file irish-train-medium"):
        inflection.languages(tmp_path, "medium", "irish")


def test_what_was_measured_with_other_settings_is_not_taken(tmp_path):
    settings = TrainSettings(seed=3, updates=5, test="dev")
    kept = {"error_rate": 1.0, "settings": {**settings.plain(), **vars(settings.options)}}
    (tmp_path / "words-3").mkdir()
    (tmp_path / "words-3" / "measured.json").write_text(json.dumps(kept))
    assert minutes.measure("there/words.tsv", settings, tmp_path) == kept
    with pytest.raises(UsageError, match="words-3 was measured with other settings"):
        minutes.measure("there/words.tsv", settings.but(updates=6), tmp_path)
    with pytest.raises(UsageError, match="words-3 was measured with other settings"):
        minutes.measure("there/words.tsv", settings.but(copy=False), tmp_path)


def test_letters_are_replaced_where_they_belong_to_the_stem_alone():
    assert unseen.letters_of("almak", "aldım") == ["l"]  # "a" is in the ending of the lemma too
    assert unseen.letters_of("gelmek", "geldim") == ["g", "l"]
    (case,) = unseen.cases(["gelmek\tgeldim\tV;PST"], None, 1)
    new = case.replaced_form[0], case.replaced_form[2]
    assert set(new) <= set(unseen.LETTERS) and case.replaced_form == "{}e{}dim".format(*new)
    assert case.replaced_source == "{}e{}mek\tV;PST".format(*new) and case.source == "gelmek\tV;PST"
    assert len(unseen.cases(["go\twent\tV;PST", "gelmek\tgeldim\tV;PST"], 1, 1)) == 1
    for bad, error in (([], "no line has a letter"), (["go\twent\tV"], "no line has"), (["go\twent"], "line 1 has 2")):
        with pytest.raises(UsageError, match=error):
            unseen.cases(bad, 1, 1)


def test_letters_that_come_out_otherwise_are_counted():
    class Loses:
        """Right of every word as it was; else it says the lemma."""

        def predict(self, sources):
            lemmas = [source.split("\t")[0] for source in sources]
            return [type("Text", (), {"text": {"gel": "geldi", "kal": "kaldı"}.get(one, one)}) for one in lemmas]

    *_, row = unseen.measure(Loses(), ["gel\tgeldi\tV", "kal\tkaldı\tV"], 1).splitlines()
    assert row == "| all | 2 | 100.0 | 0.0 | 100.0 |"


PEER = """#!/bin/sh
# says what its configuration asks to predict: the targets in upper case
config="$3"
[ "$1" = fit ] && mkdir -p {out}/checkpoints && touch {out}/checkpoints/best.ckpt && exit 0
[ "$5" = {out}/checkpoints/best.ckpt ] || exit 3
grep -q '"path": "{out}/predictions.txt"' "$config" || exit 4
cut -f2 {dev} | sed 's/WRONG/right/' > {out}/predictions.txt
"""


@pytest.fixture
def setup(tmp_path):
    """Files with features, and a program in yoyodyne's place that predicts their targets but for one."""
    train, dev = tmp_path / "tur-train", tmp_path / "tur-dev"
    train.write_text("a\tbb\tN;PL\n" * 3)
    dev.write_text("a\tbb\tN;PL\nc\tWRONG\tN;SG\n\u0130\t\u0131\tN;PL\n")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "yoyodyne").write_text(PEER.format(out=tmp_path / "out" / "y", dev=dev))
    (folder / "yoyodyne").chmod(stat.S_IRWXU)
    return f"{train}={dev}", folder / "python", tmp_path / "out"


def test_the_peer_is_configured_run_and_scored_by_lines(setup):
    files, peer, out = setup
    args = peers.parse([files, "--peer", str(peer), "--out", str(out), "--hidden", "96"])
    found = peers.run_peer(peers.Data.of(files), out / "y", args)
    assert found["accuracy"] == pytest.approx(200 / 3) and found["cpu_seconds"] > 0
    config = json.loads((out / "y" / "config.yaml").read_text())
    assert config["data"]["features_col"] == 3 and config["model"]["class_path"].endswith("PointerGeneratorLSTMModel")
    model = config["model"]["init_args"]
    assert model["decoder_hidden_size"] == 192 == model["features_encoder"]["init_args"]["output_size"]
    assert (
        config["trainer"]["callbacks"][0]["init_args"]["monitor"] == config["checkpoint"]["monitor"] == "val_accuracy"
    )


def test_a_peer_that_fails_or_predicts_too_little_is_an_error(setup):
    files, peer, out = setup
    args = peers.parse([files, "--peer", str(peer), "--out", str(out)])
    with pytest.raises(WorkError, match=r"failed with exit code 3: see .*log-2.txt"):
        peers.run_peer(peers.Data.of(files), out / "other", args)
    script = peer.parent / "yoyodyne"
    script.write_text(script.read_text().replace("cut -f2", "head -1"))
    with pytest.raises(WorkError, match=r"predictions.txt has 1 lines, .*tur-dev 3"):
        peers.run_peer(peers.Data.of(files), out / "y", args)


def test_without_features_there_is_no_encoder_of_them(setup, tmp_path):
    files, peer, out = setup
    args = peers.parse([files, "--peer", str(peer), "--out", str(out)])
    config = peers.config(peers.Data.of(files), out, False, args)
    assert config["data"]["features_col"] == 0 and "features_encoder" not in config["model"]["init_args"]


def test_the_commands_of_both_are_listed_and_ours_is_one_that_s2s_takes(setup, capsys):
    files, peer, out = setup
    flags = ["--minutes", "5", "--list", "--copy", "--", "--dropout", "0.3"]
    assert peers.main([files, "--peer", str(peer), "--out", str(out), *flags]) == 0
    fit, predict, ours = (line.split() for line in capsys.readouterr().out.splitlines())
    assert fit[:2] == [str(peer.parent / "yoyodyne"), "fit"] and predict[1] == "predict"
    _, read = parse("train", ours[2:])
    assert ours[1] == "train" and read.minutes == 5 and read.copy is True and read.flags_behind == ["--dropout", "0.3"]
    assert read.valid == read.test == files.partition("=")[2]
    assert not out.exists()


@pytest.mark.parametrize(
    "files, peer, message",
    [
        ("only-one", "bin/python", "only-one is not TRAIN=DEV"),
        ("no=file", "bin/python", "there is no file no"),
        (None, "elsewhere/python", "has no yoyodyne beside it"),
    ],
)
def test_bad_arguments_are_named(setup, tmp_path, capsys, files, peer, message):
    words = [files or setup[0], "--peer", tmp_path / peer, "--out", tmp_path / "out"]
    code, err = code_and_error(capsys, peers.main, *words)
    assert code == 2 and message in err and err.count("\n") == 1


def test_lines_of_other_forms_are_named(tmp_path):
    for text, message in (
        ("a\tb\nc\n", "line 2: 1 columns"),
        ("a\tb\nc\td\te\n", "line 2: 3 columns"),
        ("", "is empty"),
    ):
        (tmp_path / "file").write_text(text)
        data = peers.Data(tmp_path / "file", tmp_path / "file")
        with pytest.raises(UsageError, match=message):
            data.rows(data.dev)


def test_the_table_has_both_accuracies_and_the_ratio_of_cpu_seconds():
    row = {"yoyodyne": {"accuracy": 80.0, "cpu_seconds": 300.0}, "ours": {"accuracy": 85.0, "cpu_seconds": 60.0}}
    other = {"yoyodyne": {"accuracy": 90.0, "cpu_seconds": 100.0}, "ours": {"accuracy": 91.0, "cpu_seconds": 50.0}}
    *_, first, _, mean = peers.table({"x": row, "y": other}).splitlines()
    assert first == "| x | 80.00 | 300 | 85.00 | 60 | 5.00 |"
    assert [cell.strip() for cell in mean.split("|")[1:-1]] == ["mean of 2", "85.00", "", "88.00", "", "3.50"]
