"""What a model is beside its weights, as its file says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Dict, Mapping, Optional, Tuple, Type, Union

from s2s_plugins.inference.calibration import Calibration
from s2s_plugins.nn.settings import ClassifierSettings, Seq2SeqSettings
from s2s_plugins.version import __version__


@dataclass(frozen=True)
class Side:
    """The text of one side of a translator.

    Args:
        symbols: of the dictionary, the special ones left out.
        level: one of :data:`s2s_plugins.text.spelling.LEVELS`.
        pieces: of level ``"sentencepiece"``, its model.
        form: the Unicode form of the symbols, to which texts are brought, one of
            :data:`s2s_plugins.text.spelling.FORMS`; None: characters are composed, else texts stay as they are.
        written: of a target, the Unicode form of predictions; None: that of the symbols.
        features: of a source, what separates the features behind the tab of each text, one of
            :data:`s2s_plugins.text.features.SEPARATORS`; None: texts have none.
    """

    symbols: Tuple[str, ...]
    level: str = "token"
    pieces: Optional[bytes] = None
    form: Optional[str] = None
    written: Optional[str] = None
    features: Optional[str] = None


@dataclass(frozen=True)
class TranslatorFacts:
    """What a translator is beside its weights.

    Args:
        source: its text.
        target: its text.
        longest_source: most tokens of a source, ``</s>`` included.
        longest_target: most tokens of a target, ``</s>`` included.
        calibration: what makes probabilities say how often predictions are right; None: they are the model's own.
        calibrated_on: number of sources that this was found out with, also that the model's own do as well; 0: nobody
            looked.
    """

    kind: ClassVar[str] = "translator"
    settings: ClassVar[Type[Any]] = Seq2SeqSettings
    source: Side
    target: Side
    longest_source: int
    longest_target: int
    calibration: Optional[Calibration] = None
    calibrated_on: int = 0


@dataclass(frozen=True)
class TokenizerFacts:
    """What a :class:`s2s_plugins.text.tokens.Tokenizer` is made of."""

    level: str
    lowercase: bool
    rare: str
    model: Optional[bytes] = None


@dataclass(frozen=True)
class ClassifierFacts:
    """What a classifier is beside its weights.

    Args:
        symbols: of the dictionary, the special ones left out.
        labels: of the classes.
        tokenizer: how text becomes tokens.
        limit: most tokens of a document, ``</s>`` included; None: no limit.
        truncate: what is cut off longer documents, ``"head"`` or ``"tail"``.
        temperature: by which logits are divided, so that probabilities say how often classes are right.
    """

    kind: ClassVar[str] = "classifier"
    settings: ClassVar[Type[Any]] = ClassifierSettings
    symbols: Tuple[str, ...]
    labels: Tuple[str, ...]
    tokenizer: TokenizerFacts
    limit: Optional[int] = None
    truncate: str = "tail"
    temperature: float = 1.0


@dataclass(frozen=True)
class ForecasterFacts:
    """What a model of series is beside its weights.

    Args:
        series: a :class:`s2s_plugins.series.description.Description`, as its ``to_json`` gives it.
        stateful: its encoder goes on from window to window.
    """

    kind: ClassVar[str] = "forecaster"
    settings: ClassVar[Type[Any]] = Seq2SeqSettings
    series: Mapping[str, Any]
    stateful: bool = False


Facts = Union[TranslatorFacts, ClassifierFacts, ForecasterFacts]
KINDS: Dict[str, Type[Any]] = {facts.kind: facts for facts in (TranslatorFacts, ClassifierFacts, ForecasterFacts)}


@dataclass(frozen=True)
class About:
    """What a user may want to know of a model.

    Args:
        architecture: its name, as ``"attention_lstm"``.
        licence: under which it may be used, empty if that was not said.
        data: what it was trained on.
        figures: scores on what was held out, by name, and facts of the training.
        written_by: the release that wrote the file.
    """

    architecture: str
    licence: str = ""
    data: str = ""
    figures: Mapping[str, Union[str, float]] = field(default_factory=dict)
    written_by: str = __version__
