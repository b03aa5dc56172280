"""The gallery: examples that compare models, each a preparation and an s2s compare, and the page that links them."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "scripts"))
from gallery import __main__ as gallery  # noqa: E402
from gallery import index  # noqa: E402
from gallery.tables import COMPARISONS  # noqa: E402

from s2s_plugins.cli.main import parse  # noqa: E402
from s2s_plugins.comparison import metrics  # noqa: E402
from s2s_plugins.comparison.run import settings_of  # noqa: E402
from s2s_plugins.files import write_whole  # noqa: E402

DEMO = ("number_words-five", "--demo", "--archs", "attention_lstm")


def run(example, *flags, code=0):
    command = [str(REPOSITORY / "examples" / example / "run.sh"), *map(str, flags)]
    done = subprocess.run(
        command, capture_output=True, text=True, env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    out = tmp_path_factory.mktemp("gallery")
    run("number_words", *DEMO, "--out", out)
    return out


@pytest.mark.parametrize("arch", ["basic_lstm", "feedback_lstm", "peek_lstm", "attention_lstm"])
def test_every_decoder_learns_the_five_lines_exactly(commands, five, tmp_path, arch):
    (comparison,) = gallery.chosen(["number_words-five"])
    flags = shlex.split(comparison.train)
    if arch == "basic_lstm":  # it reads no target
        place = flags.index("--decoder-embed-dim")
        del flags[place : place + 2]
    data, updates = five / "number_words-five" / "data" / "bin", comparison.demo_updates
    commands.train(data, arch, tmp_path, *flags, "--max-update", updates, "--no-epoch-checkpoints")
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
    index.write(tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert page.count("<svg ") == 1 and "peek_lstm: a step reads token, constant" in page, "the decoders are drawn"
    assert '<a href="dialogue/report.html">Film dialogue</a>' in page and "test perplexity 51.23." in page
    assert "<td>greedy</td><td>0.84</td><td>2.00</td>" in page and "Training: 2.5 minutes in all. a machine." in page


def test_a_second_start_does_nothing_again_wherever_the_folder_is_and_other_settings_are_an_error(five, tmp_path):
    flags = (*DEMO, "--out", shutil.copytree(five, tmp_path / "moved"))
    again = run("number_words", *flags)
    assert again.stdout.count("done before") == 2 and "pairs" not in again.stdout
    done = run("number_words", *flags, "--updates", "3", code=1)
    assert "of other settings" in done.stderr and "number_words-five could not be compared: exit code 2" in done.stderr


def test_what_an_example_runs_are_commands_that_its_scripts_take(capsys):
    assert gallery.main(["--list"]) == 0
    lines = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    assert lines.pop()[1:] == ["-m", "dialogue", "--out", "gallery/dialogue"]
    assert len(lines) == 2 * len(COMPARISONS)
    for comparison, prepare, command in zip(COMPARISONS, lines[::2], lines[1::2]):
        assert Path(prepare[1]).is_file() and f"gallery/{comparison.name}/data" in prepare
        _, args = parse("compare", command[2:])
        metrics.choose(args.metrics.split(","), args.bleu_tokenize)
        assert settings_of(args).out == Path("gallery", comparison.name)


@pytest.mark.parametrize("archs, names", [("attention_lstm", []), ("luong=attention_lstm,peek_lstm", ["luong"])])
def test_only_the_systems_that_take_part_have_flags_of_their_own(archs, names, capsys):
    assert gallery.main(["translation", "--archs", archs, "--list"]) == 0
    _, args = parse("compare", shlex.split(capsys.readouterr().out.splitlines()[1])[2:])
    settings = settings_of(args)
    assert list(settings.own_flags) == names


def test_a_name_may_stand_behind_a_flag(capsys):
    assert gallery.main(["headlines", "--list", "headlines-news"]) == 0
    assert len([line for line in capsys.readouterr().out.splitlines() if "headlines-news" in line]) == 2


def test_names_choose_examples_and_single_comparisons():
    assert [one.name for one in gallery.chosen(["adder", "pig_latin"])] == ["pig_latin", "adder"]
    assert [one.name for one in gallery.chosen(["patterns", "patterns-reversed"])] == ["patterns-reversed"]
    assert gallery.chosen(["dialogue"]) == [] and gallery.with_dialogue(["dialogue"]) and gallery.with_dialogue([])
    assert not gallery.with_dialogue(["adder"])
    assert len(gallery.chosen(["patterns"])) == 3 and gallery.chosen([]) == COMPARISONS
    error = run("patterns", "sums", code=2).stderr
    assert error.startswith("run.sh: error: sums is not in the gallery: use adder, dialogue, headlines, ")
