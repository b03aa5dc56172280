"""From checkpoints to a model file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
from fairseq.models import ARCH_MODEL_REGISTRY
from numpy.typing import NDArray
from torch import Tensor, nn

from s2s_plugins.errors import UsageError
from s2s_plugins.inference.classifier import Classifier
from s2s_plugins.inference.export import graphs_of
from s2s_plugins.inference.files.facts import (
    About,
    ClassifierFacts,
    Facts,
    ForecasterFacts,
    Side,
    TokenizerFacts,
    TranslatorFacts,
)
from s2s_plugins.inference.files.model_file import Member, ModelFile, Settings
from s2s_plugins.inference.forecaster import Forecaster
from s2s_plugins.inference.torch.backend import weights_of
from s2s_plugins.models.checkpoint import Checkpoint, read_checkpoint
from s2s_plugins.models.classifier import TASK as CLASSIFICATION
from s2s_plugins.models.classifier import HeadModel, load_classifier
from s2s_plugins.models.forecaster import TASK as REGRESSION
from s2s_plugins.models.forecaster import load_forecaster
from s2s_plugins.models.resolve import resolve, resolve_sequence
from s2s_plugins.models.seq2seq import RecurrentModel
from s2s_plugins.models.translator import TASK as TRANSLATION
from s2s_plugins.models.translator import CheckpointTranslator, load_translator
from s2s_plugins.nn.document_classifier import build_document_classifier
from s2s_plugins.nn.seq2seq import build_seq2seq
from s2s_plugins.nn.settings import ClassifierSettings, TokenSettings
from s2s_plugins.nn.vectors import build_vector_seq2seq
from s2s_plugins.text.features import is_feature
from s2s_plugins.text.spelling import Spelled
from s2s_plugins.text.symbols import SPECIAL, SymbolTable

Figures = Mapping[str, Union[str, float]]
TOKENS = Spelled()  # separated by spaces


def model_of(
    checkpoints: Sequence[str],
    source: Spelled = TOKENS,
    target: Spelled = TOKENS,
    licence: str = "",
    data: str = "",
    figures: Optional[Figures] = None,
) -> ModelFile:
    """A model file's content from checkpoints of fairseq-train.

    Args:
        checkpoints: one, or several translators as an ensemble.
        source: of a translator: how its sources become tokens.
        target: the same for its targets, and how tokens become predictions.
        licence: under which the model may be used.
        data: what it was trained on.
        figures: scores on what was held out, by name; what the checkpoint says itself is added.

    Raises:
        UsageError: a checkpoint cannot be read, is of a model that has no such file, or does not fit the others.
    """
    first = read_checkpoint(checkpoints[0])
    makers = {TRANSLATION: _translator, CLASSIFICATION: _classifier, REGRESSION: _forecaster}
    if first.task not in makers:
        raise UsageError(
            f"{checkpoints[0]} is a checkpoint of --task {first.task}, which makes no predictions: name one of --task "
            f"{', '.join(map(str, makers))}"
        )
    if first.task == TRANSLATION:
        return _translator(checkpoints, source, target, _about(first, licence, data, figures or {}))
    if len(checkpoints) > 1:
        raise UsageError(f"several models in one file are translators, --task {first.task} makes none: name one")
    if source != TOKENS or target != TOKENS:
        raise UsageError(f"--source and --target are about translators, --task {first.task} makes none: leave them out")
    make = _classifier if first.task == CLASSIFICATION else _forecaster
    facts, settings, module = make(first)
    about = _about(first, licence, data, figures or {})
    return ModelFile(facts, about, (_member(settings, module),), path=checkpoints[0])


def _about(checkpoint: Checkpoint, licence: str, data: str, figures: Figures) -> About:
    """What the checkpoint and its user say of the model.

    Raises:
        UsageError: a text is no UTF-8, or a figure is not finite.
    """
    for text in (licence, data, *figures, *(value for value in figures.values() if isinstance(value, str))):
        if text != text.encode("utf-8", "replace").decode("utf-8"):
            raise UsageError(f"{text!r} is no UTF-8 text: write it in UTF-8")
    for name, value in figures.items():
        if isinstance(value, (int, float)) and not np.isfinite(value):
            raise UsageError(f"the figure {name} is {value}: give a number")
    found: Dict[str, Union[str, float]] = {}
    extra = checkpoint.state.get("extra_state") or {}
    best = extra.get("best") if isinstance(extra, dict) else None
    if isinstance(best, (int, float)) and np.isfinite(best):
        metric = checkpoint.cfg.checkpoint.best_checkpoint_metric if "checkpoint" in checkpoint.cfg else "loss"
        found[f"best valid {metric}"] = round(float(best), 6)
    history = checkpoint.state.get("optimizer_history")
    if isinstance(history, list) and history and isinstance(history[-1], dict):
        updates = history[-1].get("num_updates")
        if isinstance(updates, int):
            found["updates"] = float(updates)
    return About(str(checkpoint.cfg.model._name), licence, data, {**found, **figures})


def _member(settings: Settings, module: nn.Module) -> Member:
    weights = {name: _array(values) for name, values in weights_of(module).items()}
    return Member(settings, graphs_of(module.eval()), weights)


def _array(values: Tensor) -> NDArray[np.float32]:
    found: NDArray[np.float32] = values.detach().float().cpu().numpy()
    return found


def _filled(module: nn.Module, weights: Mapping[str, Tensor]) -> nn.Module:
    """``module`` with the weights of a checkpoint's model, by the module's own names."""
    names = module.state_dict().keys()
    module.load_state_dict({name: weights[name] for name in names}, strict=True)
    return module


def _translator(checkpoints: Sequence[str], source: Spelled, target: Spelled, about: About) -> ModelFile:
    read = [read_checkpoint(path) for path in checkpoints]
    for one in read:
        if not issubclass(ARCH_MODEL_REGISTRY.get(str(one.cfg.model._name), object), RecurrentModel):
            raise UsageError(
                f"{one.path} is of --arch {one.cfg.model._name}, a model of fairseq's own, which needs fairseq: model "
                "files are of architectures of this plugin, as attention_lstm"
            )
    translator = load_translator(checkpoints[0], ensemble=checkpoints[1:])
    _check_features(checkpoints[0], translator.source, source)
    members = [_seq2seq(one, model, translator) for one, model in zip(read, translator.models)]
    facts = TranslatorFacts(
        Side(_listed(translator.source), *source),
        Side(_listed(translator.target), *target),
        translator.model.longest_source,
        translator.model.longest_target,
    )
    return ModelFile(facts, about, tuple(members), path=checkpoints[0])


def _check_features(path: str, table: SymbolTable, source: Spelled) -> None:
    """See that texts can have features if the source's dictionary has some, and only then.

    Raises:
        UsageError: they cannot, or there are none.
    """
    found = next(filter(is_feature, table.symbols), None)
    if source.features is not None and found is None:
        raise UsageError(
            f"{path} has no features, as \u27e6PST\u27e7, among its source symbols: leave out --features-separator"
        )
    if source.features is None and found is not None and source.level != "token":
        raise UsageError(
            f"{path} has features, as {found}, among its source symbols, which no characters become: give "
            "--features-separator ';' to write them behind a tab, TEXT<TAB>V;PST"
        )


def _listed(table: SymbolTable) -> Tuple[str, ...]:
    return tuple(table.symbols[len(SPECIAL) :])


def _seq2seq(checkpoint: Checkpoint, model: RecurrentModel, translator: CheckpointTranslator) -> Member:
    found = resolve(type(model), checkpoint.cfg.model, translator.task)
    tokens = TokenSettings(len(translator.source), len(translator.target), found.output, found.shares_all)
    settings = replace(found.model, tokens=tokens)
    weights = {}
    for name, values in model.state_dict().items():
        name = name.replace("coder.core.", "coder.", 1)
        weights[name.replace("decoder.adaptive_softmax.", "decoder.output_layer.", 1)] = values
    return _member(settings, _filled(build_seq2seq(settings), weights))


def _classifier(checkpoint: Checkpoint) -> Tuple[Facts, Settings, nn.Module]:
    classifier: Classifier = load_classifier(checkpoint.path)
    head = classifier.model
    assert isinstance(head, HeadModel)
    model: Any = head.model
    found = resolve_sequence(checkpoint.cfg.model, None, len(classifier.symbols))
    settings = ClassifierSettings(found.model, found.head, len(classifier.symbols), len(classifier.labels))
    module = build_document_classifier(settings)
    parts = {"reader": model.reader, "head": model.classification_heads[head.head]}
    weights = {f"{part}.{name}": values for part in parts for name, values in parts[part].state_dict().items()}
    tokens = classifier.tokenizer.settings()
    facts = ClassifierFacts(
        _listed(classifier.symbols),
        tuple(classifier.labels),
        TokenizerFacts(**tokens),
        classifier.limit,
        classifier.truncate,
    )
    return facts, settings, _filled(module, weights)


def _forecaster(checkpoint: Checkpoint) -> Tuple[Facts, Settings, nn.Module]:
    forecaster: Forecaster = load_forecaster(checkpoint.path)
    member: Any = forecaster.model.member  # type: ignore[attr-defined]
    settings = member.core.settings
    facts = ForecasterFacts(forecaster.description.to_json(), forecaster.stateful)
    return facts, settings, _filled(build_vector_seq2seq(settings), member.core.state_dict())
