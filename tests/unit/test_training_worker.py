"""The process that trains, in this one: what it chooses, when it ends, how it resumes."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Callable, List

import pytest
import torch

from s2s_plugins import load
from s2s_plugins.errors import UsageError
from s2s_plugins.text.pairs.options import Options
from s2s_plugins.text.pairs.prepare import prepare_pairs
from s2s_plugins.training.job import BEST, LAST, Ended, Event, Hurried, Job, Progress, Save, Training, Validation
from s2s_plugins.training.recipes import Flags, words
from s2s_plugins.training.worker.loop import Stopped
from s2s_plugins.training.worker.main import work

TINY: Flags = {
    "--task": "translation",
    "--source-lang": "source",
    "--target-lang": "target",
    "--arch": "attention_lstm",
    "--attention": "general",
    "--attention-timing": "after",
    "--encoder-embed-dim": 16,
    "--decoder-embed-dim": 16,
    "--encoder-hidden-size": 16,
    "--decoder-hidden-size": 32,
    "--optimizer": "adam",
    "--lr": 0.02,
    "--batch-size": 20,
    "--clip-norm": 1,
    "--dropout": 0,
    "--num-workers": 0,
    "--seed": 1,
}


def never() -> bool:
    """The user does not stop it."""
    return False


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Words of five letters, spelled in capitals with spaces between."""
    generator = torch.Generator().manual_seed(1)
    letters = ["abcdefgh"[number] for number in torch.randint(8, (160 * 3,), generator=generator).tolist()]
    sources = ["".join(letters[place : place + 3]) for place in range(0, len(letters), 3)]
    folder = tmp_path_factory.mktemp("pairs") / "data"
    prepare_pairs([(source, " ".join(source.upper())) for source in sources], folder, Options(valid=30, test=10))
    return folder


def run(job: Job, stopping: Callable[[], bool] = never) -> List[Event]:
    """What the worker says."""
    said: List[Event] = []
    work(job, said.append, stopping)
    return said


def training(data: Path, folder: Path, updates: int = 60, **changes) -> Training:
    """A small one."""
    made = Training(str(data), str(folder), words(TINY), updates=updates, warmup=5, precision="fp32", threads=1)
    return replace(made, **changes)


def weights(path: Path):
    """Of a checkpoint."""
    return torch.load(path, weights_only=True)["model"]


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A training to its end, and what was said."""
    folder = tmp_path_factory.mktemp("trained")
    save = Save([str(folder / BEST)], str(data), str(folder / "model.safetensors"), "MIT", "words")
    return folder, run(Job([training(data, folder, 200)], save))


def test_it_learns_and_says_how_far_it_is(trained):
    _, said = trained
    ended = said[-1]
    assert isinstance(ended, Ended) and ended.updates == 200 and ended.error < 20
    validations = [event for event in said if isinstance(event, Validation)]
    assert 2 <= len(validations) <= 20
    assert validations[-1].error < validations[0].error and validations[0].sources == 30
    shares = [event.share for event in said if isinstance(event, Progress)]
    assert shares == sorted(shares) and shares[-1] == 1


def test_the_worst_predictions_are_wrong_ones_beside_what_is_right(trained):
    _, said = trained
    first = next(event for event in said if isinstance(event, Validation))
    assert len(first.worst) == 5
    for mistake in first.worst:
        assert mistake.reference == " ".join(mistake.source.upper()) != mistake.prediction


def test_the_model_file_spells_as_the_data_does(trained):
    folder, said = trained
    model = load(folder / "model.safetensors")
    assert model.about.data == "words" and model.about.licence == "MIT"
    right = [model.predict(source).text == " ".join(source.upper()) for source in ("abc", "hag", "fee", "bad")]
    assert sum(right) >= 3


def test_the_chosen_checkpoint_has_the_error_that_is_reported(trained, data):
    folder, said = trained
    again = run(Job([training(data, folder, 200)]))  # finished before: it is chosen as it was
    assert again[-1].error == said[-1].error
    assert not list(folder.glob("snapshot-*"))


def test_a_stopped_training_resumes_to_the_result_of_an_uninterrupted_one(data, tmp_path):
    whole = run(Job([training(data, tmp_path / "whole")]))
    calls = iter(range(10**6))
    with pytest.raises(Stopped):
        run(Job([training(data, tmp_path / "parts")]), lambda: next(calls) >= 25)
    assert (tmp_path / "parts" / LAST).exists()
    rest = run(Job([training(data, tmp_path / "parts")]))
    assert rest[-1].updates == whole[-1].updates == 60
    expected, found = weights(tmp_path / "whole" / LAST), weights(tmp_path / "parts" / LAST)
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_time_ends_a_training_that_has_more_updates(data, tmp_path):
    started = time.monotonic()
    ended = run(Job([training(data, tmp_path, 10**6, seconds=3.0)], asked=time.time()))[-1]
    assert 0 < ended.updates < 10**6
    assert time.monotonic() - started < 30


def test_a_short_time_chooses_its_own_arguments_and_a_resumed_one_keeps_them(data, tmp_path):
    other = words({**TINY, "--decoder-hidden-size": 8})
    hurried = [Hurried(10**9, other)]
    calls = iter(range(10**6))
    job = Job([training(data, tmp_path, 10**9, seconds=60.0, hurried=hurried)])
    with pytest.raises(Stopped):
        run(job, lambda: (tmp_path / "arguments.json").exists() and next(calls) >= 3)
    assert json.loads((tmp_path / "arguments.json").read_text()) == other
    changed = replace(job.trainings[0], seconds=0.1, hurried=[Hurried(10**9, words(TINY))])
    ended = run(Job([changed]))[-1]
    assert isinstance(ended, Ended)
    assert weights(tmp_path / BEST)["decoder.core.stack.layers.0.rnn.weight_hh_l0"].shape[1] == 8


def test_ample_time_leaves_the_arguments_alone(data, tmp_path):
    hurried = [Hurried(10.0, words({**TINY, "--decoder-hidden-size": 8}))]
    run(Job([training(data, tmp_path, 20, seconds=600.0, hurried=hurried)]))
    assert json.loads((tmp_path / "arguments.json").read_text()) == words(TINY)


def test_a_flag_of_the_user_is_taken_and_an_unknown_one_refused(data, tmp_path):
    with pytest.raises(UsageError, match="--no-such-flag"):
        run(Job([training(data, tmp_path, arguments=[*words(TINY), "--no-such-flag", "3"])]))


def test_events_and_jobs_survive_their_way_through_a_pipe(tmp_path, data):
    from s2s_plugins.training.job import from_line, to_line

    job = Job([training(data, tmp_path, hurried=[Hurried(3.0, ["--x"])])], Save(["a"], "b", "c"), 12.5)
    job.write(tmp_path / "job.json")
    assert Job.read(tmp_path / "job.json") == job
    for event in run(Job([training(data, tmp_path / "made", 20)])):
        assert from_line(to_line(event)) == event


def test_tensorboard_gets_loss_rate_and_error(data, tmp_path):
    from tensorboardX.proto import event_pb2

    run(Job([training(data, tmp_path / "model-1", 20, tensorboard=str(tmp_path / "curves"))]))
    [file] = (tmp_path / "curves" / "model-1").iterdir()
    content, tags = file.read_bytes(), set()
    while content:  # records: length, checksum, event, checksum
        length = int.from_bytes(content[:8], "little")
        event = event_pb2.Event.FromString(content[12 : 12 + length])
        tags |= {value.tag for value in event.summary.value}
        content = content[12 + length + 4 :]
    assert tags == {"loss", "learning_rate", "validation_error"}


def test_bfloat16_products_lose_less_than_a_hundredth(data, tmp_path):
    losses = {}
    for precision in ("fp32", "bf16"):
        said = run(Job([training(data, tmp_path / precision, 60, precision=precision)]))
        assert said[-1].precision == precision
        losses[precision] = [event.loss for event in said if isinstance(event, Progress)][-1]
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.01)


def test_a_choice_of_the_user_is_not_measured(data, tmp_path):
    asked = training(data, tmp_path, 10, precision="auto", arguments=[*words(TINY), "--autocast", "none"])
    assert run(Job([asked]))[-1].precision == "fp32"
