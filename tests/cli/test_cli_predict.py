"""``s2s predict``, the real command."""

import json
import math
import re
import subprocess
import sys

import pytest
from conftest import digit_pairs, preprocess, said_on_a_terminal
from test_cli_errors import one_line_error

from s2s_plugins.models.translator import load_translator
from s2s_plugins.text.spelling import Spelling

LINES = ["1 2 3 4 5 6", "7", "", "8 9 9", "3 3 3"]


def predict(commands, checkpoint, *flags, lines=LINES, **kwargs):
    return commands("s2s", "predict", checkpoint, *flags, stdin="".join(line + "\n" for line in lines), **kwargs)


def rows(result):
    assert result.err == ""
    return [line.split("\t") for line in result.out.splitlines()]


def test_each_line_comes_back_with_its_best_translation(commands, trained):
    found = rows(predict(commands, trained["attention_lstm"], "--batch-size", 2))
    best = load_translator(str(trained["attention_lstm"])).translate(LINES)
    assert found == [[line, " ".join(hypotheses[0].tokens) if line else ""] for line, hypotheses in zip(LINES, best)]


def test_the_n_best_have_scores_and_probabilities(commands, trained):
    found = rows(predict(commands, trained["peek_lstm"], "--nbest", 3, "--scores", lines=["1 2 3"]))
    best = load_translator(str(trained["peek_lstm"])).translate(["1 2 3"], nbest=3)[0]
    assert found == [["1 2 3", " ".join(one.tokens), f"{one.score:.4f}"] for one in best]
    answer = json.loads(predict(commands, trained["peek_lstm"], "--nbest", 3, "--json", lines=["1 2 3"]).out)
    assert (
        answer["source"] == "1 2 3"
        and answer["source_tokens"] == ["1", "2", "3"]
        and answer["predictions"] == [row[1] for row in found]
    )
    expected = [math.exp(one.score * (len(one.tokens) + 1)) for one in best]
    assert answer["probabilities"] == pytest.approx(expected, abs=1e-5) and sum(expected) < 1


def test_a_line_that_is_too_improbable_is_left_empty_and_a_column_says_so(commands, trained):
    path, lines = trained["attention_lstm"], ["1 2 3 4", "7"]
    best = load_translator(str(path)).translate(lines, nbest=2)
    least = sum(own[0].probability for own in best) / 2
    expected = []
    for line, own in zip(lines, best):
        said = "sure" if own[0].probability >= least else "unsure"
        for one in own:
            text = " ".join(one.tokens) if said == "sure" else ""
            expected.append([line, text, f"{one.score:.4f}", f"{one.probability:.4f}", said])
    result = predict(commands, path, "--nbest", 2, "--scores", "--min-probability", least, lines=lines)
    assert [line.split("\t") for line in result.out.splitlines()] == expected
    assert {row[-1] for row in expected} == {"sure", "unsure"}
    assert result.err.count("\n") == 1 and "s2s calibrate mends that" in result.err
    answers = predict(commands, path, "--json", "--min-probability", least, lines=lines).out.splitlines()
    for answer, own in zip(map(json.loads, answers), best):
        text, unsure = " ".join(own[0].tokens), own[0].probability < least
        assert answer["unsure"] == unsure and answer["predictions"] == ["" if unsure else text]
        assert answer.get("candidates") == ([text] if unsure else None)
    error = one_line_error(predict(commands, path, "--min-probability", 1.5, code=2))
    assert "--min-probability 1.5 is no probability: use a number from 0 to 1" in error


def test_characters_are_tokens_on_either_side(commands, trained):
    spaced = rows(predict(commands, trained["attention_lstm"], lines=["1 2 3 4", "7"]))
    found = rows(predict(commands, trained["attention_lstm"], "--source", "char", lines=["1234", " 7 "]))
    assert [row[1] for row in found] == [row[1] for row in spaced]
    joined = rows(predict(commands, trained["attention_lstm"], "--target", "char", lines=["1 2 3 4", "7"]))
    assert [row[1] for row in joined] == [row[1].replace(" ", "") for row in spaced]


def test_characters_that_a_model_knows_in_parts_come_apart():
    assert Spelling("char").tokens("café 한", set("café한")) == "c a f é \u2581 한"
    assert Spelling("char").tokens("cafe\u0301 한", {*"cafe", "\u0301", *"\u1112\u1161\u11ab"}) == (
        "c a f e \u0301 \u2581 \u1112 \u1161 \u11ab"
    )
    assert Spelling("char").tokens("é", {"e"}) == "é"  # a part is unknown: so is the whole
    assert Spelling("char").tokens("ABÉß", {*"abé"}) == "a b é ß"  # a model of small letters reads capitals
    assert Spelling("char").tokens("ÉaA", {*"eA", "\u0301"}) == "e \u0301 A A"
    assert Spelling("token").tokens("q  é", set()) == "q  é"


def test_unknown_tokens_are_reported_once_and_counted(commands, trained):
    lines = ["1 2", "8 q 9 x", "7", "x"]
    result = predict(commands, trained["attention_lstm"], "--batch-size", 2, lines=lines)
    assert [line.split("\t")[0] for line in result.out.splitlines()] == lines
    assert result.err.splitlines() == [
        "s2s predict: warning: line 2: unknown token q, replaced by <unk>",
        "s2s predict: warning: 2 of 4 lines have unknown tokens",
    ]
    alone = predict(commands, trained["attention_lstm"], "--source", "char", lines=["12", "3é"])
    assert alone.err.count("\n") == 1 and "line 2: unknown token é," in alone.err


def test_several_checkpoints_are_an_ensemble_as_in_fairseq_generate(commands, digits, trained):
    both = [trained["attention_lstm"], trained["feedback_lstm"]]
    generated = commands.generate(digits, "--path", ":".join(map(str, both)), "--beam", 5)
    sources = [source for source, _ in digit_pairs(13, 3)]
    found = rows(predict(commands, both[0], both[1], "--scores", lines=sources))
    assert [row[1] for row in found] == generated.hypotheses()
    scores = [float(line.split("\t")[0]) * math.log(2) for line in generated.lines("H")]  # fairseq's are in base 2
    assert [float(row[2]) for row in found] == pytest.approx(scores, abs=2e-4)
    alone = rows(predict(commands, both[0], "--scores", lines=sources))
    assert [float(row[2]) for row in alone] != pytest.approx(scores, abs=2e-4)


def test_a_pipe_is_answered_as_soon_as_a_batch_is_full(trained):
    process = subprocess.Popen(
        [sys.executable, "-m", "s2s_plugins", "predict", str(trained["basic_lstm"]), "--batch-size", "2"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        process.stdin.write("1 2\n3 4\n")
        process.stdin.flush()
        assert [process.stdout.readline().split("\t")[0] for _ in range(2)] == ["1 2", "3 4"]
        process.stdin.close()
        assert process.wait(60) == 0
    finally:
        process.kill()


def test_answers_that_go_to_a_file_are_counted_on_the_terminal(trained, tmp_path):
    lines = b"1 2 3\n" * 39 + b"x"
    flags = ("predict", trained["basic_lstm"], "--batch-size", 1)  # 16 of them are read at a time
    with (tmp_path / "answers").open("w+b") as answers:
        said = said_on_a_terminal(*flags, stdin=lines, stdout=answers)
        answers.seek(0)
        assert len(answers.readlines()) == 40
    assert list(dict.fromkeys(re.findall(r"\b(\d+/\d+) ", said))) == ["0/40", "16/40", "32/40", "40/40"]
    warning = "s2s predict: warning: line 40: unknown token x, replaced by <unk>"
    assert warning in said.replace("\r", "\n").split("\n")  # not behind a bar in the same line
    assert said.endswith("\r")  # and the bar is gone


def test_nothing_is_counted_where_the_answers_go_into_a_pipe(trained):
    assert said_on_a_terminal("predict", trained["basic_lstm"], stdin=b"1 2\n", stdout=subprocess.PIPE) == ""


def test_what_cannot_be_predicted_is_an_error_of_one_line(commands, trained, tmp_path):
    model = trained["attention_lstm"]
    for flags, lines, message in (
        (("--nbest", 6), LINES, "--nbest 6 is more than --beam 5 finds"),
        ((tmp_path / "none.pt",), LINES, "there is no such file"),
        ((), ["1", "", "2 " * 2000], "line 3 has 2001 tokens, </s> included, and the model takes 1024"),
    ):
        result = predict(commands, model, *flags, lines=lines, code=2)
        assert message in one_line_error(result)
    assert [line.split("\t")[0] for line in result.out.splitlines()] == [
        "1",
        "",
    ]  # what comes before the long line is answered
    data = preprocess(commands, tmp_path / "other", [("a b", "b a")] * 3, [("a", "a")], [("b", "b")])
    commands.train(data, "attention_lstm_tiny", tmp_path / "model", "--max-epoch", 1)
    other = tmp_path / "model" / "checkpoint_last.pt"
    assert f"{other} has another source dictionary than {model}" in one_line_error(
        predict(commands, model, other, code=2)
    )
