"""What all trained models have in common."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Dict, Optional, Sequence, Union

from s2s_plugins.errors import UsageError

if TYPE_CHECKING:  # the commands' help needs this module alone
    from s2s_plugins.inference.calibrating import Calibrated
    from s2s_plugins.inference.files.facts import About, Facts
    from s2s_plugins.inference.files.model_file import ModelFile

NGRAMS_WEIGHT = 0.4  # what is best of 0.2 to 0.5 depends on how long the model was trained: docs/results/g2p.md
BACKENDS = ("torch", "onnx")  # what computes: packages of this room
USES: Dict[str, str] = {"translator": "predict", "classifier": "classify", "forecaster": "forecast"}


class Trained:
    """A trained model as an object.

    Args:
        name: of the model, for messages.

    Attributes:
        kind: ``"translator"``, ``"classifier"`` or ``"forecaster"``.
        about: architecture, licence, data and figures, of a model from a model file; None of a checkpoint.
        file: the model file that it was read from; None of a checkpoint, or of a folder of ONNX files.
    """

    kind: ClassVar[str]
    about: Optional[About] = None
    file: Optional[ModelFile] = None

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        architecture = "" if self.about is None else f", {self.about.architecture}"
        return f"<{self.kind} {self.name}{architecture}>"

    def save(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Write the model file again, whole, with :attr:`about` and the calibration as they are now.

        The same content gives the same bytes. The file appears whole or not at all, and may be the one that the model
        was read from.

        Args:
            path: of the file, ``MODEL.safetensors``.

        Raises:
            UsageError: ``path`` is no regular file or does not end in ``.safetensors``, or the model is from no model
                file.
        """
        if self.file is None:
            from s2s_plugins.inference.files.contents import model_file_of

            model_file_of(self.name)  # of a checkpoint and of ONNX files, says what to do
            raise UsageError(f"{self.name} was not read from a model file: s2s save makes one of a checkpoint")
        about = self.file.about if self.about is None else self.about
        replace(self.file, facts=self._facts(self.file.facts), about=about).write(path)

    def calibrate(self, data: Any, columns: Sequence[Optional[str]] = (None, None)) -> Calibrated:
        """Fit probabilities to data with known outputs, so that they say how often predictions are right.

        No prediction changes, nor their order. :meth:`save` keeps it. The data should be new to the model: what it was
        trained on, it is too sure of.

        Args:
            data: pairs, as :func:`~s2s_plugins.text.pairs.sources.read_pairs` takes them; a source with several targets
                is right with any of them.
            columns: names of the columns of source and target, or of text and label; by default the first two. A third
                name is that of a source's features.

        Raises:
            UsageError: the data cannot be read or has too little, or this is a model of series.
        """
        from s2s_plugins.inference.calibrating import calibrate

        return calibrate(self, data, columns)

    def _facts(self, facts: Facts) -> Facts:
        """The facts of the model file, with what may have changed since."""
        return facts

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Of a translator: what sources become.

        Raises:
            UsageError: this is another kind of model.
        """
        raise self._other_use("predict")

    def classify(self, *args: Any, **kwargs: Any) -> Any:
        """Of a classifier: the classes of texts.

        Raises:
            UsageError: this is another kind of model.
        """
        raise self._other_use("classify")

    def forecast(self, *args: Any, **kwargs: Any) -> Any:
        """Of a forecaster: what comes next.

        Raises:
            UsageError: this is another kind of model.
        """
        raise self._other_use("forecast")

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Of a translator or classifier: how good it is on data with known outputs.

        Raises:
            UsageError: this is another kind of model.
        """
        raise UsageError(f"{self.name} is a {self.kind}, which evaluate does not score: use s2s compare")

    def _other_use(self, asked: str) -> UsageError:
        return UsageError(f"{self.name} is a {self.kind}, it does not {asked}: use {USES[self.kind]}")
