"""A model file's members as PyTorch's modules, and the models that run them."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.files.facts import TranslatorFacts
from s2s_plugins.inference.files.model_file import REMEDY, Member, ModelFile
from s2s_plugins.inference.torch.translator import TorchModel, padded
from s2s_plugins.inference.torch.vectors import TorchVectors
from s2s_plugins.nn.decoders import DECODERS
from s2s_plugins.nn.document_classifier import build_document_classifier
from s2s_plugins.nn.seq2seq import Seq2Seq, build_seq2seq
from s2s_plugins.nn.settings import ClassifierSettings
from s2s_plugins.nn.vectors import VectorSeq2Seq, build_vector_seq2seq

Weights = Mapping[str, NDArray[np.float32]]


class TorchClassifier:
    """What a :class:`~s2s_plugins.inference.classifier.Classifier` runs, computed by PyTorch.

    Args:
        model: in evaluation mode.
        device: where it is.
    """

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        self.model, self.device = model, device

    @torch.no_grad()
    def classify(self, documents: List[List[int]]) -> NDArray[np.float32]:
        """The probabilities of the classes, (N, C), of documents that each end in ``</s>``."""
        logits = self.model(padded(documents, self.device))
        probabilities: NDArray[np.float32] = logits.float().softmax(-1).cpu().numpy()
        return probabilities


class _Unfilled(TorchFunctionMode):
    """Modules that are made get no first weights: it takes time, and a program's random numbers stay as they are."""

    def __torch_function__(
        self, func: Any, types: Sequence[Any], args: Sequence[Any] = (), kwargs: Optional[Dict[str, Any]] = None
    ) -> Any:
        if getattr(func, "__module__", None) == nn.init.__name__:
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


def module_of(member: Member, where: str) -> nn.Module:
    """A member as a module in evaluation mode: a :class:`~s2s_plugins.nn.seq2seq.Seq2Seq`, a
    :class:`~s2s_plugins.nn.vectors.VectorSeq2Seq` or a
    :class:`~s2s_plugins.nn.document_classifier.DocumentClassifier`.

    Raises:
        UsageError: the weights do not fit the settings, or the settings each other; ``where`` names the file.
    """
    with _Unfilled():
        with torch.device("meta"):  # shapes alone: nothing is allocated before they are checked
            _check(_built(member, where), member.weights, where)
        module = _built(member, where)
    with torch.no_grad():
        for name, values in weights_of(module).items():
            values.copy_(torch.from_numpy(member.weights[name]))
    return module.eval().requires_grad_(False)


def weights_of(module: nn.Module) -> Mapping[str, Tensor]:
    """What a model file keeps of a module: parameters, each once, and buffers of numbers that training has set."""
    kept = {name: parameter.detach() for name, parameter in module.named_parameters()}
    saved = module.state_dict().keys()
    buffers = {name: buffer for name, buffer in module.named_buffers() if name in saved and buffer.is_floating_point()}
    return {**kept, **buffers}


def _built(member: Member, where: str) -> nn.Module:
    settings = member.settings
    try:
        if isinstance(settings, ClassifierSettings):
            return build_document_classifier(settings)
        return build_seq2seq(settings) if settings.vectors is None else build_vector_seq2seq(settings)
    except (ValueError, KeyError, AssertionError, RuntimeError, TypeError, IndexError, ZeroDivisionError) as error:
        raise UsageError(f"model {where} is damaged, its settings make no model ({error}): {REMEDY}") from None


def _check(module: nn.Module, weights: Weights, where: str) -> None:
    """See that the weights are those of ``module``, in their shapes."""
    expected = {name: tuple(values.shape) for name, values in weights_of(module).items()}
    for name in sorted({*expected, *weights}):
        found = weights[name].shape if name in weights else None
        if found != expected.get(name):
            raise UsageError(
                f"model {where} is damaged, the weight {name} is {found}, its settings make {expected.get(name)}: "
                f"{REMEDY}"
            )


def device_of_choice() -> torch.device:
    """A GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def translator_model(file: ModelFile) -> TorchModel:
    """What a translator runs.

    Raises:
        UsageError: the file is damaged.
    """
    assert isinstance(file.facts, TranslatorFacts)
    device = device_of_choice()
    members: List[Seq2Seq] = []
    for member in file.members:
        module = module_of(member, file.path).to(device)
        assert isinstance(module, Seq2Seq), "its settings have tokens"
        members.append(module)
    attends = DECODERS[members[0].settings.decoder.kind].looks()
    return TorchModel(members, device, file.facts.longest_source, file.facts.longest_target, attends)


def classifier_model(file: ModelFile) -> TorchClassifier:
    """What a classifier runs.

    Raises:
        UsageError: the file is damaged.
    """
    device = device_of_choice()
    return TorchClassifier(module_of(file.members[0], file.path).to(device), device)


def forecaster_model(file: ModelFile) -> TorchVectors:
    """What a forecaster runs.

    Raises:
        UsageError: the file is damaged.
    """
    device = device_of_choice()
    module = module_of(file.members[0], file.path).to(device)
    assert isinstance(module, VectorSeq2Seq)
    return TorchVectors(module, module.loss, device)
