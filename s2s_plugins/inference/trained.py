"""What all trained models have in common."""

from __future__ import annotations

from typing import Any, ClassVar, Dict

from s2s_plugins.errors import UsageError

BACKENDS = ("torch", "onnx")  # what computes: packages of this room
USES: Dict[str, str] = {"translator": "predict", "classifier": "classify", "forecaster": "forecast"}


class Trained:
    """A trained model as an object.

    Args:
        name: of the model, for messages.

    Attributes:
        kind: ``"translator"``, ``"classifier"`` or ``"forecaster"``.
    """

    kind: ClassVar[str]

    def __init__(self, name: str) -> None:
        self.name = name

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

    def _other_use(self, asked: str) -> UsageError:
        return UsageError(f"{self.name} is a {self.kind}, it does not {asked}: use {USES[self.kind]}")
