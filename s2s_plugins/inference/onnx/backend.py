"""A model file's members, opened by ONNX Runtime."""

from __future__ import annotations

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.files.facts import TranslatorFacts
from s2s_plugins.inference.files.model_file import ModelFile
from s2s_plugins.inference.onnx.classifier import OnnxClassifier
from s2s_plugins.inference.onnx.translator import OnnxMember, OnnxModel
from s2s_plugins.inference.onnx.vectors import OnnxVectors
from s2s_plugins.nn.settings import Seq2SeqSettings


def translator_model(file: ModelFile) -> OnnxModel:
    """What a translator runs.

    Raises:
        UsageError: ONNX Runtime cannot open it.
    """
    assert isinstance(file.facts, TranslatorFacts)
    members = [OnnxMember(member.graphs, member.weights, file.path) for member in file.members]
    return OnnxModel(members, file.facts.longest_source, file.facts.longest_target)


def classifier_model(file: ModelFile) -> OnnxClassifier:
    """What a classifier runs.

    Raises:
        UsageError: ONNX Runtime cannot open it.
    """
    return OnnxClassifier(file.members[0].graphs, file.members[0].weights, file.path)


def forecaster_model(file: ModelFile) -> OnnxVectors:
    """What a forecaster runs.

    Raises:
        UsageError: ONNX Runtime cannot open it.
    """
    member = file.members[0]
    assert isinstance(member.settings, Seq2SeqSettings)
    if member.settings.vectors is None:
        raise UsageError(f"model {file.path} is damaged, its settings are of no model of vectors")
    return OnnxVectors(member.graphs, member.weights, member.settings.vectors.loss, file.path)
