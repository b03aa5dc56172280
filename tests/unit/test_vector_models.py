"""Models of vectors: masks, steps, covariates, own outputs, state that is handed on."""

import pytest
import torch
from torch import nn

from s2s_plugins.nn.recurrent import RecurrentState
from s2s_plugins.nn.settings import AttentionSettings
from s2s_plugins.nn.vectors import vector_seq2seq

D, K, F, B, S, T = 3, 2, 2, 3, 6, 5

ATTENTIONS = [
    AttentionSettings("additive", timing="before", dim=8),
    AttentionSettings("general", timing="after"),
    AttentionSettings("additive", timing="after", dim=8, input_feeding=True, coverage=True),
]
KINDS = [("basic", None), ("feedback", None), ("peek", None), *(("attention", one) for one in ATTENTIONS)]
CASES = [(*kind, cell, covariates) for kind in KINDS for cell in ("lstm", "gru") for covariates in (0, F)]


def title(case):
    kind, attention, cell, covariates = case
    how = "" if attention is None else f"-{attention.timing}{'-feeding' * attention.input_feeding}"
    return f"{kind}{how}-{cell}-{'covariates' if covariates else 'plain'}"


every_model = pytest.mark.parametrize("case", CASES, ids=title)
readers = pytest.mark.parametrize("case", [case for case in CASES if case[0] != "basic"], ids=title)


def model_of(case, **given):
    kind, attention, cell, covariates = case
    torch.manual_seed(1)
    given = {"layers": (2, 3), "bidirectional": True, "hidden_size": 8, **given}
    model = vector_seq2seq(
        kind, source_size=D, target_size=K, attention=attention, cell=cell, covariate_size=covariates, **given
    )
    with torch.no_grad():  # fresh weights are so small that faults would hide below the tolerance
        for parameter in model.parameters():
            parameter.mul_(2)
    return model


def batch_of(case):
    torch.manual_seed(2)
    covariates = torch.randn(B, T, case[3]) if case[3] else None
    return {"source": torch.randn(B, S, D), "prev_outputs": torch.randn(B, T, K), "covariates": covariates}


def row_of(batch, row, **changed):
    rows = {name: None if value is None else value[row : row + 1] for name, value in batch.items()}
    return {**rows, **changed}


def close(one, other):
    torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@every_model
@pytest.mark.parametrize("inner_handover", [False, True])
def test_a_row_predicts_the_same_alone_and_in_a_batch_padded_on_either_side(case, inner_handover):
    model, batch = model_of(case, inner_handover=inner_handover), batch_of(case)
    padding_mask = torch.zeros(B, S, dtype=torch.bool)
    padding_mask[1, 4:] = True
    padding_mask[2, :3] = True
    together = model(**batch, padding_mask=padding_mask)
    for row, real in enumerate((slice(None), slice(0, 4), slice(3, None))):
        alone = model(**row_of(batch, row, source=batch["source"][row : row + 1, real]))
        close(together.outputs[row : row + 1], alone.outputs)
        if alone.attention is not None:
            close(together.attention[row : row + 1, :, real], alone.attention)


@every_model
def test_given_outputs_all_at_once_are_what_they_are_step_by_step(case):
    model, batch = model_of(case), batch_of(case)
    whole = model(**batch).outputs
    model.sampling.probability = 1e-12  # goes step by step
    close(model(**batch).outputs, whole)


@every_model
def test_a_given_output_changes_nothing_up_to_its_step(case):
    model, batch = model_of(case), batch_of(case)
    before = model(**batch).outputs
    batch["prev_outputs"][:, 3] += 1
    after = model(**batch).outputs
    assert torch.equal(before[:, :3], after[:, :3])
    assert torch.equal(before[:, 3:], after[:, 3:]) == (case[0] == "basic")


@every_model
def test_a_covariate_changes_its_step_and_those_behind(case):
    if not case[3]:
        return
    model, batch = model_of(case), batch_of(case)
    before = model(**batch).outputs
    batch["covariates"][:, 2] += 1
    after = model(**batch).outputs
    assert torch.equal(before[:, :2], after[:, :2])
    assert all(not torch.equal(before[:, step], after[:, step]) for step in range(2, T))


@readers
def test_in_evaluation_the_decoder_reads_its_own_outputs(case):
    model, batch = model_of(case).eval(), batch_of(case)
    free = model(**batch).outputs
    own = batch["prev_outputs"].clone()
    own[:, 1:] = free[:, :-1, :, 0]
    close(model.train()(**{**batch, "prev_outputs": own}).outputs, free)
    own[:, 1:] = 7.0  # what is given does not matter
    assert torch.equal(model.eval()(**{**batch, "prev_outputs": own}).outputs, free)
    length = {} if batch["covariates"] is None else {"covariates": batch["covariates"]}
    close(model.predict(batch["source"], T, first=batch["prev_outputs"][:, 0], **length), free[..., 0])


@readers
def test_the_gradient_passes_through_own_outputs_and_not_through_given_ones(case):
    found = {}
    for probability in (0.0, 1.0):
        model, batch = model_of(case, scheduled_sampling=probability), batch_of(case)
        batch["prev_outputs"].requires_grad_()
        outputs = model(**batch).outputs
        outputs.retain_grad()
        outputs[:, -1].sum().backward()
        found[probability] = batch["prev_outputs"].grad.abs().sum((0, 2)), outputs.grad.abs().sum((0, 2, 3))
    assert bool((found[0.0][0] > 0).all())
    assert bool((found[1.0][0][1:] == 0).all()) and found[1.0][0][0] > 0
    # an own output of an earlier step is a part of the last one
    model, batch = model_of(case, scheduled_sampling=1.0), batch_of(case)
    with torch.no_grad():
        before = model(**batch).outputs[:, -1]
        model.decoder.output_layer.bias[0] += 0.1
        after = model(**batch).outputs[:, -1]
    assert not torch.allclose(after[:, 1], before[:, 1], atol=1e-6)


@readers
def test_scheduled_sampling_mixes_given_and_own_outputs(case):
    model, batch = model_of(case, scheduled_sampling=0.5), batch_of(case)
    given, free = model_of(case)(**batch).outputs, model_of(case).eval()(**batch).outputs
    torch.manual_seed(3)
    mixed = model(**batch).outputs
    close(mixed[:, 0], given[:, 0])
    own = model.sampling
    torch.manual_seed(3)
    coins = own.coins(batch["prev_outputs"])
    assert coins[:, 1:].any() and not coins[:, 1:].all()
    for row in range(B):
        drawn = coins[row, 1:]
        expected = given if not drawn.any() else free if drawn.all() else None
        if expected is not None:
            close(mixed[row], expected[row])
        else:
            assert not torch.allclose(mixed[row], given[row]) and not torch.allclose(mixed[row], free[row])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("left", [False, True])
def test_the_encoder_goes_on_from_a_state_as_if_the_source_were_one(cell, left):
    model = model_of(("feedback", None, cell, 0), bidirectional=False)
    torch.manual_seed(4)
    source = torch.randn(B, 2 * S, D)
    whole = model.encoder(source)
    first = model.encoder(source[:, :S])
    second = model.encoder(source[:, S:], state=first.state)
    close(second.memory, whole.memory[:, S:])
    close(second.state.hidden, whole.state.hidden)
    # and so with padding, on either side; a row of nothing else keeps its state
    place = slice(2, None) if left else slice(0, S)
    padded, mask = torch.full((B, S + 2, D), 9.0), torch.ones(B, S + 2, dtype=torch.bool)
    padded[:, place], mask[:, place] = source[:, S:], False
    mask[2] = True
    third = model.encoder(padded, mask, first.state)
    close(third.memory[:2, place], second.memory[:2])
    close(third.state.hidden[:2], whole.state.hidden[:2])
    close(third.state.hidden[2], first.state.hidden[2])
    close(third.state.cell[2], first.state.cell[2])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_inner_handover_starts_a_layer_from_the_final_state_of_the_one_below(cell, bidirectional):
    model = model_of(("feedback", None, cell, 0), inner_handover=True, bidirectional=bidirectional)
    torch.manual_seed(5)
    source = torch.randn(B, S, D)
    encoded = model.encoder(source)
    below, above = model.encoder.stack.layers
    with torch.no_grad():
        x = model.encoder.projection(source)
        x, state = below.rnn(x)
        x, state = above.rnn(x, state)
    hidden = state[0] if cell == "lstm" else state
    close(encoded.memory, x)
    close(encoded.state.hidden[:, -1], hidden.transpose(0, 1).flatten(1))


def test_a_model_in_bfloat16_gives_numbers():
    model, batch = model_of(("attention", None, "lstm", F)), batch_of(("attention", None, "lstm", F))
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model(**batch).outputs
    assert torch.allclose(mixed.float(), model(**batch).outputs, atol=0.1)


def test_one_state_of_another_batch_is_not_mixed_in():
    model = model_of(("feedback", None, "lstm", 0), bidirectional=False)
    source = torch.randn(B, S, D)
    first = model.encoder(source).state
    zeroed = RecurrentState(*(part * torch.tensor([1.0, 0.0, 1.0]).view(-1, 1, 1) for part in first))
    close(model.encoder(source, state=zeroed).memory[1], model.encoder(source).memory[1])


@pytest.mark.parametrize(
    "given, message",
    [
        (
            {"kind": "hard_attention"},
            "'hard_attention' is none of vectors: use one of attention",
        ),
        ({"kind": "other"}, "'other' is none of vectors"),
        ({"hidden_size": 0}, "hidden_size 0 is not positive: use 1 or more"),
        ({"hidden_size": 7, "bidirectional": True}, "hidden_size 7 has no half for each direction"),
        ({"layers": 0}, "num_layers 0 is not positive"),
        ({"cell": "rnn"}, "recurrent cell 'rnn' is unknown"),
        ({"layers": (1, 2), "bridge": "copy"}, "a copied state needs equal shapes"),
    ],
)
def test_a_model_that_cannot_be_says_why(given, message):
    given = {"kind": "feedback", "source_size": D, "target_size": K, "hidden_size": 8, **given}
    with pytest.raises(ValueError, match=message):
        vector_seq2seq(given.pop("kind"), **given)


def test_an_output_layer_and_an_embedding_are_linear():
    model = model_of(("peek", None, "lstm", F))
    assert isinstance(model.decoder.embed_tokens, nn.Linear) and model.decoder.embed_tokens.in_features == K + F
    assert model.target_size == K
