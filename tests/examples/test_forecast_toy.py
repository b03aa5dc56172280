"""Every model of the Keras library seq2seq has its call here, which trains and predicts."""

import pytest
import torch

from forecast import toy


@pytest.mark.parametrize("call", toy.CALLS, ids=lambda call: call.theirs)
def test_every_call_trains_and_predicts(call):
    torch.manual_seed(1)
    source, target = toy.arrays()
    model = call.build()
    before, after = toy.train(model, source, target, updates=12)
    assert after < 0.7 * before
    predicted = model.predict(source, toy.OUTPUT_LENGTH)
    assert predicted.shape == (toy.SAMPLES, toy.OUTPUT_LENGTH, toy.OUTPUT_DIM)
    depth = call.given["layers"]
    layers = (len(model.encoder.stack.layers), len(model.decoder.stack.layers))
    assert layers == (depth if isinstance(depth, tuple) else (depth, depth))


def test_the_table_has_what_the_librarys_own_tests_build():
    theirs = " ".join(call.theirs for call in toy.CALLS)
    for name in ("SimpleSeq2Seq", "Seq2Seq", "AttentionSeq2Seq", "peek=True", "teacher_force=True", "depth=(4, 5)"):
        assert name in theirs


def test_the_calls_that_are_printed_are_those_that_are_made():
    for call in toy.CALLS:
        made = eval(call.ours, {"vector_seq2seq": lambda kind, **given: (kind, given)})
        assert made == (call.kind, call.given)
