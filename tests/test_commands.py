"""The console commands."""

import pytest
import torch
from conftest import USER_DIR

from s2s_plugins.cli.main import main


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
