"""examples/g2p: fetching CMUdict, and what it is trained with."""

import os
import zipfile

import pytest
from runs import code_of, inside

from common import cmudict
from g2p import prepare, report
from g2p import run as g2p
from s2s_plugins import locks
from s2s_plugins.cli.main import parse
from s2s_plugins.steps import exclusive


@pytest.fixture
def cache(tmp_path):
    """A folder with a small CMUdict in it, as PyPI would give it."""
    folder = tmp_path / "out" / "download"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "cmudict-1.1.3-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            cmudict.MEMBER,
            "a AH0\na(2) EY1\nabbey AE1 B IY0 # a comment\nread R EH1 D\nread(2) R IY1 D\nread(3) R EH2 D\n",
        )
    return folder


def test_cmudict_becomes_pairs_without_variants_stress_and_comments(tmp_path, cache, capsys):
    assert prepare.main(["--out", str(tmp_path / "out")]) == 0
    lines = (tmp_path / "out" / "cmudict.tsv").read_text().splitlines()
    assert lines == ["a\tAH", "a\tEY", "abbey\tAE B IY", "read\tR EH D", "read\tR IY D"]
    assert "cmudict.tsv: 5 lines" in capsys.readouterr().out


def listed(capsys, *arguments):
    """The arguments of the ``s2s train`` that a run shows, read as s2s reads them."""
    code, printed, _ = inside(capsys, g2p.main, *arguments, "--list")
    assert code == 0
    *_, command = printed.splitlines()
    assert command.startswith("s2s train ")
    return parse("train", command.split()[2:])[1]


def test_the_run_is_a_fetch_and_a_training_that_the_user_could_type(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    plain = listed(capsys)
    assert (plain.data, plain.out, plain.licence) == (["g2p-cmudict/cmudict.tsv"], "g2p-cmudict", "BSD-2-Clause")
    assert (plain.minutes, plain.updates, plain.ngrams, plain.members, plain.flags_behind) == (None, None, False, 1, [])
    voting = listed(capsys, "--members", 2, "--ngrams", "--seed", 7, "--out", "there")
    assert (voting.members, voting.ngrams, voting.seed, voting.out) == (2, True, 7, "there")
    assert 0 < listed(capsys, "--demo").minutes < 4, "make demo takes no longer"
    assert not os.listdir(tmp_path)


def test_the_run_trains_on_what_it_fetched(tmp_path, cache, capsys):
    out = tmp_path / "out"
    code, printed, err = inside(capsys, g2p.main, "--out", out, "--updates", 2)
    assert code == 0, printed + err
    assert "fetch" in printed and (out / "model.safetensors").exists() and (out / "report.html").exists()
    code, printed, err = inside(capsys, g2p.main, "--out", out, "--updates", 2)
    assert code == 0 and printed.count("done before") == 4, "the fetch, and the three steps of the training"
    code, _, err = inside(capsys, g2p.main, "--out", out, "--updates", 3)
    assert code == 2 and "with other settings" in err and "--redo" in err and err.count("\n") == 1


def test_predictions_are_shown_beside_their_pronunciations(tmp_path):
    rows = [("cat", "K AE", "0.5", "wrong", "K AE T"), ("a", "EY", "0.9", "right", "AH | EY"), ("b", "B", "1", "", "")]
    rows = [("source", "prediction", "probability", "verdict", "references"), *rows, rows[0]]
    (tmp_path / "predictions.tsv").write_text("".join("\t".join(row) + "\n" for row in rows))
    lines = report.samples(tmp_path, 2).splitlines()
    assert lines == ["word  prediction     reference", "cat   K AE        x  K AE T", "b     B           x  "]
    assert len(report.samples(tmp_path, 10).splitlines()) == 5
    assert report.samples(tmp_path, 4).splitlines()[2] == "a     EY          =  AH | EY"


def test_two_runs_in_one_folder_are_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(locks, "SECONDS_TO_END", 0)
    (tmp_path / "out").mkdir()
    with exclusive(tmp_path / "out"):
        code, _, err = inside(capsys, g2p.main, "--demo", "--out", tmp_path / "out")
    assert code == 2 and "another run is using" in err
    assert os.listdir(tmp_path / "out") == [".lock"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--epochs", "3"], "unrecognized arguments: --epochs 3"),
        (["--updates", "many"], "argument --updates: invalid int value: 'many'"),
        (["--updates", "0"], "--updates 0 is out of range: use 1"),
        (["--out"], "argument --out: expected one argument"),
        (["--members", "0"], "--members 0 is too small: use 1 or more"),
        (["--seed", "-1"], "--seed -1 is too small: use 0 or more"),
        (["--languages", "fre"], "--languages is for several languages: give --data DIR too"),
        (["--seeds", "3"], "--seeds is for several languages: give --data DIR too"),
    ],
)
def test_bad_arguments_of_the_run_are_named(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert code_of(lambda: g2p.main(arguments)) == 2
    assert message in capsys.readouterr().err and not os.listdir(tmp_path)
