"""How probable given targets are: as the search scores them, by every backend."""

from pathlib import Path

import numpy as np
import pytest

import s2s_plugins
from s2s_plugins.errors import UsageError
from s2s_plugins.models.saving import model_of
from s2s_plugins.text.spelling import Spelled

CHECKPOINT = str(Path(__file__).parents[1] / "checkpoints" / "attention_lstm.pt")
TEXTS = ["abc", "jihgf", "a", "", "ccccccccc"]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    model_of([CHECKPOINT], Spelled("char"), Spelled("char")).write(path)
    return path


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_what_was_predicted_is_as_probable_as_the_search_says(path, backend):
    model = s2s_plugins.load(path, backend)
    found = list(model.predict(TEXTS, nbest=3))
    pairs = [(text, one.text) for text, predictions in zip(TEXTS, found) for one in predictions]
    scored = list(model.score(iter(pairs), batch_size=2))
    predictions = [one for predictions in found for one in predictions]
    assert len(scored) == len(predictions) > 10
    for one, prediction in zip(scored, predictions):
        assert one.tokens == prediction.tokens and len(one.each) == len(one.tokens) + 1
        assert one.score == pytest.approx(prediction.score, abs=1e-4)
        assert one.probability == pytest.approx(np.exp(one.log_probability))


def test_both_backends_score_targets_that_no_search_finds_alike(path):
    pairs = [("abc", "jjjjj"), ("hgf", "a"), ("a", "ab cd"), ("abc", ""), ("", ""), ("", "ab"), ("abc", "xyz~")]
    ours, theirs = (list(s2s_plugins.load(path, backend).score(pairs)) for backend in ("onnx", "torch"))
    for one, other in zip(ours, theirs):
        np.testing.assert_allclose(one.each, other.each, atol=1e-4)
    assert ours[4].probability == 1 and ours[5].probability == 0
    assert ours[6].tokens == ["x", "y", "z", "~"] and np.isfinite(ours[6].each).all()  # as <unk>


def test_what_cannot_be_scored_is_named(path):
    model = s2s_plugins.load(path)
    for pairs, message in [
        ([("a", "b"), ("a", "b" * 5000)], "target 2 has 5001 tokens"),
        ([("a" * 5000, "b")], "source 1 has 5001 tokens"),
        ([("a", None)], "target 1 is a NoneType"),
    ]:
        with pytest.raises(UsageError, match=message):
            list(model.score(pairs))
    with pytest.raises(UsageError, match="--batch-size 0"):
        model.score([("a", "b")], batch_size=0)
