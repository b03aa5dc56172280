"""What all trained models have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Dict, Optional

from s2s_plugins.errors import UsageError

if TYPE_CHECKING:  # the commands' help needs this module alone
    from s2s_plugins.inference.files.facts import About

BACKENDS = ("torch", "onnx")  # what computes: packages of this room
USES: Dict[str, str] = {"translator": "predict", "classifier": "classify", "forecaster": "forecast"}


class Trained:
    """A trained model as an object.

    Args:
        name: of the model, for messages.

    Attributes:
        kind: ``"translator"``, ``"classifier"`` or ``"forecaster"``.
        about: architecture, licence, data and figures, of a model from a model file; None of a checkpoint.
    """

    kind: ClassVar[str]
    about: Optional[About] = None

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        architecture = "" if self.about is None else f", {self.about.architecture}"
        return f"<{self.kind} {self.name}{architecture}>"

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
