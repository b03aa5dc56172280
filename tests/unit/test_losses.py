"""Losses of numbers: their values, what they predict, what they learn."""

import math

import pytest
import torch

from s2s_plugins.nn.losses import LOSSES, build_loss
from s2s_plugins.nn.settings import LossSettings

LEVELS = (0.1, 0.5, 0.9)
SQRT_TAU = math.sqrt(2 * math.pi)


def loss_of(kind, **given):
    return build_loss(LossSettings(kind, LEVELS if kind == "quantile" else (), **given))


@pytest.mark.parametrize(
    "kind, outputs, target, expected",
    [
        ("mse", [2.0], 5.0, 9.0),
        ("mae", [2.0], 5.0, 3.0),
        ("huber", [2.0], 2.5, 0.125),
        ("huber", [2.0], 5.0, 2.5),
        ("quantile", [0.0, 1.0, 2.0], 1.0, 2 * (0.1 * 1.0 + 0.0 + 0.1 * 1.0)),
        (
            "gaussian",
            [1.0, math.log(math.e**2 - 1)],
            5.0,
            (4 / 2.001) ** 2 / 2 + math.log(2.001 * math.sqrt(2 * math.pi)),
        ),
    ],
)
def test_the_loss_of_a_value(kind, outputs, target, expected):
    losses = loss_of(kind).losses(torch.tensor([[[outputs]]]), torch.tensor([[[target]]]))
    assert losses.shape == (1, 1, 1)
    assert losses.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", list(LOSSES))
def test_what_is_predicted_is_what_the_loss_learns(kind):
    # an exponential distribution: mean 1, median ln 2, quantiles -ln(1 - q)
    torch.manual_seed(0)
    loss, drawn = loss_of(kind), torch.empty(20000, 1, 1).exponential_()
    outputs = torch.zeros(1, 1, 1, loss.size, requires_grad=True)
    optimizer = torch.optim.LBFGS([outputs], lr=0.5, max_iter=60)

    def closure():
        optimizer.zero_grad()
        total = loss.losses(outputs.expand(len(drawn), -1, -1, -1), drawn).mean()
        total.backward()
        return total

    optimizer.step(closure)
    point = loss.point(outputs).item()
    expected = {"mse": 1.0, "mae": math.log(2), "quantile": math.log(2), "gaussian": 1.0}
    if kind in expected:
        assert point == pytest.approx(expected[kind], abs=0.05)
    else:
        assert math.log(2) < point < 1.0
    if kind == "quantile":
        found = loss.quantiles(outputs, LEVELS)[0, 0, 0].tolist()
        assert found == pytest.approx([-math.log(1 - level) for level in LEVELS], abs=0.08)
    if kind == "gaussian":
        low, middle, high = loss.quantiles(outputs, (0.1, 0.5, 0.9))[0, 0, 0].tolist()
        assert middle == pytest.approx(1.0, abs=0.05) and high - middle == pytest.approx(1.2816, abs=0.08)
        assert low < middle


def test_quantiles_that_cross_are_put_in_order():
    quantiles = loss_of("quantile").quantiles(torch.tensor([[[[3.0, 1.0, 2.0]]]]), (0.1, 0.9))
    assert quantiles[0, 0, 0].tolist() == [1.0, 3.0]


@pytest.mark.parametrize("kind", ["mse", "mae", "huber"])
def test_a_number_alone_has_no_quantiles(kind):
    loss = loss_of(kind)
    assert not loss.gives_quantiles
    with pytest.raises(ValueError, match=f"the loss {kind} predicts a number alone"):
        loss.quantiles(torch.zeros(1, 1, 1, 1), LEVELS)


@pytest.mark.parametrize(
    "settings, message",
    [
        (LossSettings("other"), "loss 'other' is unknown: use one of mse, mae, huber, quantile, gaussian"),
        (LossSettings("huber", huber_delta=0.0), "huber_delta 0.0 is no error"),
        (LossSettings("quantile"), r"quantiles \[\] are no levels"),
        (LossSettings("quantile", (0.5, 0.1)), r"quantiles \[0.5, 0.1\] are no levels"),
        (LossSettings("quantile", (0.1, 1.0)), "are no levels"),
        (LossSettings("quantile", (math.nan,)), "are no levels"),
    ],
)
def test_settings_that_make_no_sense(settings, message):
    with pytest.raises(ValueError, match=message):
        build_loss(settings)


def test_levels_that_were_not_learned_are_named():
    with pytest.raises(ValueError, match="quantile 0.2 is none of those that the model was trained for: 0.1, 0.5, 0.9"):
        loss_of("quantile").quantiles(torch.zeros(1, 1, 1, 3), (0.2,))
    with pytest.raises(ValueError, match=r"quantiles \[1.5\] are no levels"):
        loss_of("gaussian").quantiles(torch.zeros(1, 1, 1, 2), (1.5,))
