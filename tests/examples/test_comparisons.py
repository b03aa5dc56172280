"""The examples that are comparisons: each prepares data and is an s2s compare; and the gallery of their reports."""

import importlib
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import gallery
import pytest
from conftest import REPOSITORY
from runs import code_of, environment, inside, run

from common import comparison
from common.comparison import Comparison
from common.recipe import DEMO, words
from number_words.recipe import COMPARISONS as NUMBER_WORDS
from s2s_plugins.cli.compare import settings_of
from s2s_plugins.cli.main import parse
from s2s_plugins.comparison import metrics
from s2s_plugins.comparison.text import TextChoice
from s2s_plugins.comparison.values import choice_of
from s2s_plugins.files import write_whole

FIVE = ("number_words-five", "--demo", "--archs", "attention_lstm")
EXAMPLES = ("adder", "headlines", "number_words", "patterns", "pig_latin", "translation")
OF_TRAININGS = ("inflection", "normalisation", "transliteration")  # by s2s train


def comparisons_of(example: str) -> "list[Comparison]":
    return importlib.import_module(f"{example}.recipe").COMPARISONS


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    """The gallery with its smallest comparison, through the scripts."""
    out = tmp_path_factory.mktemp("gallery")
    command = [sys.executable, REPOSITORY / "scripts" / "gallery.py", *FIVE, "--out", out]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.mark.parametrize("arch", ["basic_lstm", "feedback_lstm", "peek_lstm", "attention_lstm"])
def test_every_decoder_learns_the_five_lines_exactly(commands, five, tmp_path, arch):
    (one,) = comparison.chosen(NUMBER_WORDS, ["number_words-five"])
    flags = dict(one.train)
    if arch == "basic_lstm":  # it reads no target
        del flags["--decoder-embed-dim"]
    data = five / "number_words-five" / "data" / "bin"
    commands.train(data, arch, tmp_path, *words(flags), "--max-update", one.updates[DEMO], "--no-epoch-checkpoints")
    result = commands.generate(data, "--path", tmp_path / "checkpoint_last.pt")
    assert result.hypotheses() == result.lines("T")


def test_the_index_links_each_report_and_has_its_scores(five):
    page = (five / "index.html").read_text()
    assert '<a href="number_words-five/report.html">Five lines of number words</a>' in page
    assert page.count("<td>100.00</td>") == 1 and page.count("<section>") == 1
    assert (five / "number_words-five" / "report.html").is_file()


def test_dialogue_is_in_the_index_too(tmp_path):
    results = {
        "title": "Film dialogue",
        "test_perplexity": 51.234,
        "machine": "a machine",
        "epochs": [{"seconds": 90.0}, {"seconds": 60.0}],
        "decodings": [{"name": "greedy", "distinct_1": 0.841, "distinct_2": 2.0}],
    }
    write_whole(tmp_path / "dialogue" / "results.json", json.dumps(results))
    gallery.write_index(tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert page.count("<svg ") == 1 and "peek_lstm: a step reads token, constant" in page, "the decoders are drawn"
    assert '<a href="dialogue/report.html">Film dialogue</a>' in page and "test perplexity 51.23." in page
    assert "<td>greedy</td><td>0.84</td><td>2.00</td>" in page and "Training: 2.5 minutes in all. a machine." in page


def test_a_second_start_does_nothing_again_wherever_the_folder_is_and_other_settings_are_an_error(five, tmp_path):
    flags = (*FIVE, "--out", shutil.copytree(five, tmp_path / "moved"))
    code, printed, err = run("number_words", *flags)
    assert code == 0 and printed.count("done before") == 3, printed + err
    code, _, err = run("number_words", *flags, "--updates", "3")
    assert code == 1 and "with other settings" in err
    assert "number_words-five could not be compared: exit code 2" in err


def test_data_with_other_settings_is_an_error_and_made_again_with_redo(five, tmp_path):
    moved = shutil.copytree(five, tmp_path / "moved")
    state = moved / "number_words-five" / "state" / "prepare.json"
    before = json.loads(state.read_text())
    write_whole(state, json.dumps({**before, "settings": {**before["settings"], "flags": {"--language": "de"}}}))
    code, _, err = run("number_words", *FIVE, "--out", moved)
    assert code == 2 and "prepare with other settings (flags --language: de, now five)" in err and err.count("\n") == 1
    code, printed, err = run("number_words", *FIVE, "--out", moved, "--redo")
    assert code == 0 and printed.count("done before") == 2, printed + err


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("size", [[], ["--demo"]])
def test_what_an_example_runs_are_commands_that_its_scripts_take(example, size, capsys):
    comparisons = comparisons_of(example)
    code, printed, _ = inside(capsys, lambda argv: comparison.main(comparisons, argv), "--list", "--out", "x", *size)
    lines = [shlex.split(line) for line in printed.splitlines() if not line.startswith("# ")]
    assert code == 0 and len(lines) == 2 * len(comparisons)
    for one, prepare, command in zip(comparisons, lines[::2], lines[1::2]):
        assert Path(prepare[1]).is_file() and f"x/{one.name}/data" in prepare
        _, args = parse("compare", command[2:])
        choice = TextChoice(**choice_of(vars(args)))
        metrics.choose(choice.metrics, choice.bleu_tokenize)
        assert settings_of(args).out == Path("x", one.name)


@pytest.mark.parametrize("archs, names", [("attention_lstm", []), ("luong=attention_lstm,peek_lstm", ["luong"])])
def test_only_the_systems_that_take_part_have_flags_of_their_own(archs, names):
    comparisons = comparisons_of("translation")
    args = comparison.parse(comparisons, ["--archs", archs])
    _, found = parse("compare", comparison.compare_command(comparisons[0], args)[2:])
    assert list(settings_of(found).own_flags) == names


def test_a_name_may_stand_behind_a_flag_and_an_unknown_one_is_an_error(capsys):
    def main(argv):
        return comparison.main(comparisons_of("patterns"), argv)

    code, printed, _ = inside(capsys, main, "patterns-sorted", "--list", "patterns-reversed")
    assert code == 0 and "patterns-reversed/data" in printed and "maxmin_dup" not in printed
    code, _, err = inside(capsys, main, "sums")
    assert code == 2
    known = "patterns-sorted, patterns-reversed, patterns-maxmin_dup"
    assert err == f"run.py: error: there is no comparison sums: use {known}\n"
    code, _, err = inside(capsys, main, "--updates", "0")
    assert (code, err) == (2, "run.py: error: --updates 0 is too few: use 1 or more\n")


def test_the_gallery_has_every_comparison_and_names_choose_examples_or_single_ones(capsys):
    every = [
        name
        for example in sorted([*EXAMPLES, *OF_TRAININGS])
        for name in ([one.name for one in comparisons_of(example)] if example in EXAMPLES else [example])
    ]
    assert [one.name for one in gallery.chosen([])] == [*every, "dialogue"]
    assert [one.name for one in gallery.chosen(["adder", "pig_latin"])] == ["adder", "pig_latin"]
    assert [one.name for one in gallery.chosen(["patterns-reversed"])] == ["patterns-reversed"]
    assert len(gallery.chosen(["patterns"])) == 3
    assert code_of(lambda: gallery.main(["sums"])) == 2
    said = capsys.readouterr().err
    assert said.startswith("gallery.py: error: sums is not in the gallery: use adder, dialogue, headlines, ")


def test_the_gallery_passes_its_flags_on(capsys):
    flags = [
        "headlines-news",
        "dialogue",
        "inflection",
        "--updates",
        "9",
        "--list",
        "--demo",
        "--seeds",
        "2",
        "--archs",
        "lstm",
        "--out",
        "x",
    ]
    assert gallery.main(flags) == 0
    news, inflection, dialogue = (shlex.split(line)[1:] for line in capsys.readouterr().out.splitlines())
    run_py = REPOSITORY / "examples" / "headlines" / "run.py"
    assert news == [
        str(run_py),
        "headlines-news",
        "--out",
        "x",
        "--archs",
        "lstm",
        "--updates",
        "9",
        "--seeds",
        "2",
        "--demo",
    ]
    assert inflection[1:] == ["--out", "x/inflection", "--updates", "9", "--demo"]
    assert dialogue[1:] == ["--out", "x/dialogue", "--demo"]


NEW_EXAMPLE = {
    "__init__.py": '"""Letters said twice."""\n',
    "README.md": "# Echo\n",
    "prepare.py": """\
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import corpora, pairs


def main():
    args = pairs.parser(__doc__, {"train": 40, "valid": 4, "test": 4}).parse_args()
    words = [f"{a} {b}" for a in "abcdefgh" for b in "ijklmnop"]
    splits = pairs.held_out([(word, f"{word} {word}") for word in words], {"valid": 4, "test": 4}, args.seed)
    pairs.write(Path(args.out), splits, "once", "twice")


if __name__ == "__main__":
    sys.exit(corpora.finish(main))
""",
    "recipe.py": """\
from common.comparison import RULES, Comparison, updates

COMPARISONS = [Comparison("echo", "Echo", "letters said twice", updates(1000, demo=2), RULES)]
""",
    "run.py": (REPOSITORY / "examples" / "adder" / "run.py").read_text().replace("adder", "echo"),
}


def test_a_new_example_is_its_folder_and_the_gallery_finds_it(tmp_path):
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("examples", "scripts"):
        shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=ignored)
    for name, text in NEW_EXAMPLE.items():
        write_whole(tmp_path / "examples" / "echo" / name, text)
    command = [sys.executable, "scripts/gallery.py", "echo", "--demo", "--archs", "peek_lstm", "--out", "out"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "out" / "echo" / "report.html").is_file()
    assert '<a href="echo/report.html">Echo</a>' in (tmp_path / "out" / "index.html").read_text()
