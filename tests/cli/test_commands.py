"""The console commands."""

import importlib
import inspect
import subprocess
import sys

import pytest
import torch
from conftest import REPOSITORY, USER_DIR

from s2s_plugins.cli.main import VERBS, main


def test_user_dir_prints_the_package_folder(capsys):
    assert main(["user-dir"]) == 0
    assert capsys.readouterr().out.strip() == USER_DIR


def test_averaged_checkpoints_decode_and_hold_the_mean(commands, digits, tmp_path):
    flags = ("--max-epoch", 4, "--keep-last-epochs", 3)
    run = ("fairseq-train", digits, "--user-dir", USER_DIR, "--arch", "peek_lstm_tiny", "--save-dir", tmp_path)
    commands(*run, "--optimizer", "adam", "--lr", 0.01, "--max-tokens", 400, "--num-workers", 0, *flags)
    paths = [tmp_path / f"checkpoint{epoch}.pt" for epoch in (2, 3, 4)]
    output = tmp_path / "new" / "average.pt"
    result = commands("s2s", "average", *paths, "--output", output)
    assert "averaged 3 checkpoints" in result.out
    states = [torch.load(path, weights_only=True)["model"] for path in paths]
    for name, weight in torch.load(output, weights_only=True)["model"].items():
        mean = sum(state[name].double() for state in states) / 3
        torch.testing.assert_close(weight.double(), mean, atol=1e-7, rtol=1e-6)
    assert len(commands.generate(digits, "--path", output).lines("H")) == 13


@pytest.mark.parametrize("arguments", [["{peek}"], ["{peek}", "no.pt"], ["{peek}", "{basic}"], ["{peek}", "{text}"]])
def test_checkpoints_that_cannot_be_averaged_are_named(trained, tmp_path, capsys, arguments):
    text = tmp_path / "text"
    text.write_text("not a checkpoint, whatever its name says, and long enough")
    names = {"peek": trained["peek_lstm"], "basic": trained["basic_lstm"], "text": text}
    paths = [argument.format(**names) for argument in arguments]
    output = tmp_path / "average.pt"
    with pytest.raises(SystemExit) as raised:
        main(["average", *paths, "--output", str(output)])
    error = capsys.readouterr().err
    assert raised.value.code == 2 and not output.exists()
    assert "two or more" in error if len(paths) == 1 else paths[1] in error


WITHOUT_TORCH = """
import sys
class Refuses:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "fairseq", "numpy"):
            raise RuntimeError(f"{name} is imported")
sys.meta_path.insert(0, Refuses())
from s2s_plugins.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def light(*words):
    return subprocess.run([sys.executable, "-c", WITHOUT_TORCH, *words], capture_output=True, text=True)


@pytest.mark.parametrize("words", [(), ("--help",), ("--version",), *((verb, "--help") for verb in VERBS)], ids=str)
def test_help_answers_without_torch_and_fairseq(words):
    done = light(*words)
    assert done.returncode == 0 and done.stdout, done.stderr
    if words in ((), ("--help",)):
        assert all(f"  {verb} " in done.stdout for verb in VERBS)


def test_work_does_need_them():
    assert "RuntimeError: " in light("predict", "x.pt").stderr, "the test above refuses nothing"


@pytest.mark.parametrize(
    "words, message", [(("predcit",), "there is no verb 'predcit': choose among train"), (("-x",), "-x")]
)
def test_a_verb_that_does_not_exist_is_named(words, message):
    done = light(*words)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr


def test_every_verb_has_a_file_of_one_shape():
    files = {path.stem.replace("_", "-") for path in (REPOSITORY / "s2s_plugins" / "cli").glob("[a-z]*.py")} - {
        "job",
        "main",
        "opening",
        "save-arguments",
        "train-arguments",
    }
    assert files == {*VERBS, "prepare-series", "prepare-pairs"}  # prepare, with --series or --pairs among its words
    for verb in files:
        module = importlib.import_module(f"s2s_plugins.cli.{verb.replace('-', '_')}")
        assert module.DESCRIPTION and callable(module.add_arguments) and callable(module.run)
        assert len(inspect.getsource(module).splitlines()) <= 90, verb
