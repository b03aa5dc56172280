"""Checkpoints of earlier versions load, and give the outputs that they gave then.

``tests/checkpoints`` has tiny ones, trained for a few updates before settings were resolved to frozen objects and the
search left fairseq; ``expected.json`` has what that code made of them.
"""

import json

import pytest
from conftest import REPOSITORY
from fairseq.tasks.language_modeling import LanguageModelingTask

from s2s_plugins.errors import UsageError
from s2s_plugins.models.checkpoint import as_dictionary, read_checkpoint
from s2s_plugins.models.classifier import load_classifier
from s2s_plugins.models.translator import load_translator
from s2s_plugins.tasks.sequence_autoencoding import SequenceAutoencodingTask

FOLDER = REPOSITORY / "tests" / "checkpoints"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())
TRANSLATORS = [name for name in EXPECTED if not name.endswith("-classifier")]
CLASSIFIERS = [name for name in EXPECTED if name.endswith("-classifier")]


@pytest.mark.parametrize("name", TRANSLATORS)
def test_an_encoder_and_decoder_give_the_hypotheses_of_then(name):
    translator = load_translator(str(FOLDER / f"{name}.pt"))
    found = translator.translate(["a b c", "j i h g f e"], beam=3, nbest=2)
    for hypotheses, expected in zip(found, EXPECTED[name]):
        assert [" ".join(one.tokens) for one in hypotheses] == [tokens for tokens, _ in expected]
        assert [one.score for one in hypotheses] == pytest.approx([score for _, score in expected], abs=2e-5)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_gives_the_probabilities_of_then(name):
    classifier = load_classifier(str(FOLDER / f"{name}.pt"))
    found = classifier(["good film", "awful sad plot", "nice nice actor"])
    assert found.tolist() == [pytest.approx(row, abs=2e-6) for row in EXPECTED[name]]


def test_a_classifier_names_what_it_cannot_take():
    classifier = load_classifier(str(FOLDER / "sa_lstm-classifier.pt"))
    with pytest.raises(UsageError, match="--batch-size 0 is too small"):
        classifier(["good film"], batch_size=0)
    with pytest.raises(UsageError, match="one string is not a list of texts"):
        classifier("good film")


@pytest.mark.parametrize("name, task", [("lm_lstm", LanguageModelingTask), ("sa_lstm", SequenceAutoencodingTask)])
def test_what_classifiers_start_from_has_every_weight(name, task):
    checkpoint = read_checkpoint(str(FOLDER / f"{name}.pt"))
    model = checkpoint.build(task(checkpoint.cfg.task, as_dictionary(checkpoint.symbols("decoder"))))
    assert model.state_dict().keys() == checkpoint.weights.keys()


def test_every_checkpoint_is_small_and_tried():
    files = {path.stem: path.stat().st_size for path in FOLDER.glob("*.pt")}
    assert files.keys() == {*EXPECTED, "lm_lstm", "sa_lstm"}
    assert max(files.values()) < 100_000
