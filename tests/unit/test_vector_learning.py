"""What models of vectors learn: a sum of sines, read from their own outputs; sequences, copied."""

import pytest
import torch

from s2s_plugins.nn.vectors import vector_seq2seq


def sines(count, seed):
    """Sources (N, 24, 1) and what comes next, (N, 12, 1): two sines of random phase."""
    generator = torch.Generator().manual_seed(seed)
    phases = 6.28 * torch.rand(count, 2, 1, generator=generator)
    steps = torch.arange(36.0)
    values = torch.sin(6.28 / 12 * steps + phases[:, 0]) + 0.5 * torch.sin(6.28 / 7 * steps + phases[:, 1])
    return values[:, :24, None], values[:, 24:, None]


def fit(model, source, target, updates, lr):
    """Train with the model's own outputs; the loss of predictions before, and after, on other data of the same kind."""
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, updates)
    prev_outputs = torch.cat([source[:, -1:], target[:, :-1]], dim=1)
    for _ in range(updates):
        rows = torch.randint(len(source), (32,))
        optimizer.zero_grad()
        outputs = model.train()(source[rows], prev_outputs[rows]).outputs
        model.loss.losses(outputs, target[rows]).mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()


def error(model, source, target):
    return float(((model.predict(source, target.size(1), first=source[:, -1]) - target) ** 2).mean())


@pytest.mark.parametrize("kind", ["basic", "feedback", "peek", "attention"])
def test_a_sum_of_sines_is_learned_free_running_to_a_tenth_of_the_loss(kind):
    torch.manual_seed(1)
    model = vector_seq2seq(kind, source_size=1, target_size=1, hidden_size=32, scheduled_sampling=1.0)
    unseen = sines(200, seed=2)
    before = error(model, *unseen)
    fit(model, *sines(400, seed=1), updates=200, lr=0.01)
    after = error(model, *unseen)
    assert after < 0.1 * before, (before, after)
