"""Scheduled sampling: what is read in training, how often, and that a resumed training keeps the schedule."""

import re

import pytest
import torch
import torch.nn.functional as F
from conftest import USER_DIR, batch_of, build_model, dictionary, translation_task
from test_decoders import VARIANTS, title

from s2s_plugins.models.config import DECAYS
from s2s_plugins.nn.scheduled import ScheduledSampling, draw, teacher_forcing

SOURCES = [[1, 2, 3, 4, 5], [6, 7], [8]]
TARGETS = [[5, 4, 3], [7, 6, 1, 2], [8]]
OTHER_TARGETS = [[9, 9, 0], [1, 1, 8, 8], [5]]
READING = [variant for variant in VARIANTS if variant[0] != "basic_lstm"]
every_reader = pytest.mark.parametrize("variant", READING, ids=title)


def training_model(variant, left_pad_target=False, **flags):
    """A model in training, with distributions that are not flat, and its task."""
    task = translation_task(dictionary(features=2), dictionary(), left_pad_target=left_pad_target)
    model = build_model(variant[0], task, **variant[1], **flags)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8)
    return model.train(), task


def logits_of(model, batch, seed=3):
    torch.manual_seed(seed)
    return model(**batch["net_input"])[0]


@every_reader
def test_at_probability_0_training_is_teacher_forcing_bit_for_bit(variant):
    plain, task = training_model(variant)
    batch = batch_of(task, SOURCES, TARGETS)
    expected = logits_of(plain, batch)
    expected.logsumexp(-1).sum().backward()
    scheduled, _ = training_model(variant, scheduled_sampling=1.0, scheduled_sampling_updates=100)
    scheduled.set_num_updates(0)
    logits = logits_of(scheduled, batch)
    logits.logsumexp(-1).sum().backward()
    assert torch.equal(logits, expected)
    for parameter, wanted in zip(scheduled.parameters(), plain.parameters()):
        assert torch.equal(parameter.grad, wanted.grad)
    scheduled.set_num_updates(100)
    assert not torch.equal(logits_of(scheduled, batch), expected)


@every_reader
def test_where_all_coins_say_reference_outputs_and_gradients_are_teacher_forcings(variant):
    found = []
    for probability in (0.0, 1e-12):  # the second goes token by token
        model, task = training_model(variant, scheduled_sampling=probability)
        batch = batch_of(task, SOURCES, TARGETS)
        logits = logits_of(model, batch)
        pad = task.target_dictionary.pad()
        F.cross_entropy(logits.transpose(1, 2), batch["target"], ignore_index=pad).backward()
        found.append((logits.detach(), *(parameter.grad for parameter in model.parameters())))
    torch.testing.assert_close(found[0], found[1], atol=1e-4, rtol=1e-3)


@every_reader
def test_at_probability_1_the_reference_is_never_read(variant):
    model, task = training_model(variant, scheduled_sampling=1.0)
    one, other = (logits_of(model, batch_of(task, SOURCES, targets)) for targets in (TARGETS, OTHER_TARGETS))
    assert torch.equal(one, other)
    model.set_num_updates(5)  # without a schedule it stays so
    assert torch.equal(logits_of(model, batch_of(task, SOURCES, OTHER_TARGETS)), one)
    assert not torch.equal(*(logits_of(model.eval(), batch_of(task, SOURCES, t)) for t in (TARGETS, OTHER_TARGETS)))


@every_reader
def test_what_is_read_is_what_the_model_has_written(variant, monkeypatch):
    # with the most probable token drawn, training at probability 1 computes what greedy decoding does
    monkeypatch.setattr("s2s_plugins.nn.scheduled.draw", lambda scores, features, pad: scores(features).argmax(-1))
    model, task = training_model(variant, scheduled_sampling=1.0)
    net_input = batch_of(task, SOURCES, [[1] * 6] * 3)["net_input"]
    logits = model(**net_input)[0]
    encoder_output = model.encoder.core(net_input["src_tokens"])
    state = model.decoder.core.start(encoder_output)
    tokens = net_input["prev_output_tokens"][:, 0]
    for t in range(logits.size(1)):
        output, state = model.decoder.core.step(tokens, state)
        torch.testing.assert_close(output.logits[:, 0], logits[:, t], atol=1e-4, rtol=1e-4)
        tokens = output.logits[:, 0].argmax(-1)


@pytest.mark.parametrize("left_pad_target", [False, True])
def test_a_part_of_the_tokens_is_read_and_padding_stays_padding(left_pad_target, monkeypatch):
    model, task = training_model(("peek_lstm", {}), left_pad_target, scheduled_sampling=0.3)
    unknown, pad = task.target_dictionary.unk(), task.target_dictionary.pad()
    monkeypatch.setattr(
        "s2s_plugins.nn.scheduled.draw", lambda scores, features, pad: torch.full_like(features[..., 0].long(), unknown)
    )
    read = []
    run = type(model.decoder.core).run
    monkeypatch.setattr(
        type(model.decoder.core), "run", lambda self, t, state: (read.append(t), run(self, t, state))[1]
    )
    targets = [[digit % 10 for digit in range(length)] for length in (40, 20, 39, 5) for _ in range(25)]
    batch = batch_of(task, [[1]] * 100, targets, left_pad_target=left_pad_target)
    logits_of(model, batch)
    tokens = torch.cat(read, 1)
    reference = batch_of(task, [[1]] * 100, targets)["net_input"]["prev_output_tokens"]
    real = reference.ne(pad)
    assert torch.equal(tokens[~real], reference[~real]) and torch.equal(tokens[:, 0], reference[:, 0])
    own = tokens.eq(unknown)
    assert torch.equal(tokens[~own], reference[~own])
    assert 0.27 < own[:, 1:].sum() / real[:, 1:].sum() < 0.33


@every_reader
@pytest.mark.parametrize("left_pad_target", [False, True])
def test_a_sentence_trains_the_same_alone_and_in_a_padded_batch(variant, left_pad_target, monkeypatch):
    monkeypatch.setattr("s2s_plugins.nn.scheduled.draw", lambda scores, features, pad: scores(features).argmax(-1))
    model, task = training_model(variant, left_pad_target, scheduled_sampling=1.0)
    batch = batch_of(task, SOURCES, TARGETS, left_pad_target=left_pad_target)
    together = logits_of(model, batch)
    real = batch["target"].ne(task.target_dictionary.pad())
    for index, (source, target) in enumerate(zip(SOURCES, TARGETS)):
        alone = logits_of(model, batch_of(task, [source], [target]))[0]
        torch.testing.assert_close(together[index][real[index]], alone, atol=1e-4, rtol=1e-4)


@every_reader
def test_gradients_reach_every_parameter(variant):
    model, task = training_model(variant, scheduled_sampling=0.5)
    batch = batch_of(task, SOURCES, TARGETS)
    logits = logits_of(model, batch).transpose(1, 2)
    F.cross_entropy(logits, batch["target"], ignore_index=task.target_dictionary.pad()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_an_adaptive_softmax_draws_from_its_own_distribution():
    model, task = training_model(("feedback_lstm", {"adaptive_softmax_cutoff": "5,9"}), scheduled_sampling=1.0)
    one, other = (logits_of(model, batch_of(task, SOURCES, targets)) for targets in (TARGETS, OTHER_TARGETS))
    assert torch.equal(one, other)
    features = one[:1, :1].detach().repeat(4000, 1, 1)
    probabilities = model.decoder.get_normalized_probs((features[:1], None), log_probs=False)[0, 0]
    drawn = draw(model.decoder._scores, features, task.target_dictionary.pad()).flatten()
    assert_drawn_from(drawn, probabilities, task.target_dictionary.pad())


def assert_drawn_from(drawn, probabilities, pad):
    """The frequencies of ``drawn`` are ``probabilities`` without ``pad``, to five standard deviations."""
    probabilities = probabilities.clone()
    probabilities[pad] = 0
    probabilities /= probabilities.sum()
    frequencies = torch.bincount(drawn, minlength=len(probabilities)) / len(drawn)
    assert frequencies[pad] == 0
    deviation = (probabilities * (1 - probabilities) / len(drawn)).sqrt()
    assert torch.all((frequencies - probabilities).abs() <= 5 * deviation + 1e-6)


def test_tokens_are_drawn_with_the_models_probabilities():
    torch.manual_seed(0)
    logits = torch.tensor([0.0, 2.0, 1.0, -1.0, 0.5, -8.0])
    drawn = draw(lambda features: features, logits.expand(20000, 1, -1), pad=1).flatten()
    assert_drawn_from(drawn, logits.softmax(0), pad=1)


@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("updates", [1, 2, 7, 1000, 10**6])
def test_a_schedule_falls_from_1_to_0(decay, updates):
    values = [teacher_forcing(update, updates, decay) for update in range(0, updates + 1, max(1, updates // 100))]
    assert values[0] == 1 and values[-1] == 0
    assert all(before > after for before, after in zip(values, values[1:]))
    assert teacher_forcing(updates + 1, updates, decay) == teacher_forcing(0, 0, decay) == 0


def test_schedules_have_the_papers_values():
    assert teacher_forcing(250, 1000, "linear") == pytest.approx(0.75)
    # k^i with k^1000 = 0.01: 0.1 at 500, stretched
    assert teacher_forcing(500, 1000, "exponential") == pytest.approx((0.1 - 0.01) / 0.99)
    # k / (k + exp(i / k)), whose middle, k ln k, is at 500
    k = 107.00129
    first, quarter, last = (k / (k + 2.718281828 ** (i / k)) for i in (0, 250, 1000))
    assert teacher_forcing(500, 1000, "inverse-sigmoid") == pytest.approx(0.5)
    assert teacher_forcing(250, 1000, "inverse-sigmoid") == pytest.approx((quarter - last) / (first - last), abs=1e-4)


def test_the_probability_rises_to_the_highest_and_stays():
    schedule = ScheduledSampling(0.4, 1000, "linear")
    found = []
    for update in (0, 500, 1000, 5000):
        schedule.set_num_updates(update)
        found.append(schedule.probability)
    assert found == pytest.approx([0, 0.2, 0.4, 0.4])
    assert ScheduledSampling().probability == 0 and ScheduledSampling(0.4).probability == 0.4
    with pytest.raises(ValueError, match="'cosine' is unknown"):
        ScheduledSampling(0.4, 1000, "cosine")


def test_the_update_of_a_training_reaches_the_schedule():
    model, _ = training_model(("attention_lstm", {}), scheduled_sampling=0.5, scheduled_sampling_updates=10)
    assert model.decoder.scheduled_sampling.probability == 0
    model.set_num_updates(4)
    assert model.decoder.scheduled_sampling.probability == pytest.approx(0.2)


def test_a_resumed_training_goes_on_at_the_same_probability_to_the_same_end(commands, digits, tmp_path):
    flags = ("--scheduled-sampling", 0.6, "--scheduled-sampling-updates", 12)
    flags += ("--scheduled-sampling-decay", "inverse-sigmoid", "--batch-size", 20)
    pattern = r"\| valid \| epoch 006 .*? loss ([\d.]+)"
    whole = commands.train(digits, "attention_lstm_tiny", tmp_path / "whole", *flags, "--max-epoch", 6)
    commands.train(digits, "attention_lstm_tiny", tmp_path / "halves", *flags, "--max-epoch", 2)
    resumed = commands.train(digits, "attention_lstm_tiny", tmp_path / "halves", *flags, "--max-epoch", 6)
    assert re.search(r"Loaded checkpoint .* @ 10 updates", resumed.out), re.findall("Loaded.*", resumed.out)
    assert re.findall(pattern, resumed.out) == re.findall(pattern, whole.out) != []
    ends = [torch.load(tmp_path / run / "checkpoint_last.pt", weights_only=True) for run in ("whole", "halves")]
    for name, weight in ends[0]["model"].items():
        torch.testing.assert_close(weight, ends[1]["model"][name], atol=1e-6, rtol=1e-5)
    plain = commands.train(digits, "attention_lstm_tiny", tmp_path / "plain", "--batch-size", 20, "--max-epoch", 6)
    assert re.findall(pattern, plain.out) != re.findall(pattern, whole.out)
    # evaluation reads the reference alone: the same loss twice, whatever the state of the random numbers
    path = ("--path", tmp_path / "whole" / "checkpoint_last.pt", "--valid-subset", "valid", "--batch-size", 20)
    for seed in (1, 2):
        validated = commands("fairseq-validate", digits, "--user-dir", USER_DIR, *path, "--seed", seed)
        assert re.findall(r"\| valid \|.*?\| loss ([\d.]+)", validated.out) == re.findall(pattern, whole.out)
