"""A :class:`~s2s_plugins.inference.forecaster.Forecaster`'s model, computed by ONNX Runtime, with numpy alone.

Shape letters: N windows, S source steps, D source size, T predicted steps, K targets, F size of the covariates,
P numbers that describe one value, Q quantile levels, L encoder layers, M memory size.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, Dict, Mapping, Sequence, Tuple, Union

import numpy as np
from numpy.typing import NDArray

from s2s_plugins.inference.onnx.graph import Graph
from s2s_plugins.inference.onnx.session import OnnxFile, OnnxSession
from s2s_plugins.nn.settings import LossSettings
from s2s_plugins.series.windows import Window

Float = NDArray[np.float32]
LEAST_SCALE = 1e-3  # of :class:`s2s_plugins.nn.losses.GaussianLikelihood`


class OnnxVectors:
    """One model of vectors.

    Args:
        graphs: "encoder" and "step", or ONNX models with weights in them.
        weights: by name, float32; not copied.
        loss: what the model has learned.
        name: of the model, for messages.

    Raises:
        UsageError: ONNX Runtime cannot open it.
    """

    def __init__(
        self,
        graphs: Mapping[str, Union[Graph, OnnxFile]],
        weights: Mapping[str, Float],
        loss: LossSettings,
        name: str,
    ) -> None:
        self._encoder = OnnxSession.of(graphs, "encoder", weights, name)
        self._step = OnnxSession.of(graphs, "step", weights, name)
        self.loss, self.levels = loss, loss.quantiles
        self.gives_quantiles = loss.kind in ("quantile", "gaussian")

    def predict(
        self, windows: Sequence[Window], levels: Sequence[float], histories: Sequence[Sequence[Float]] = ()
    ) -> Tuple[Float, Float]:
        """As :class:`~s2s_plugins.inference.forecaster.Model` has it."""
        states = self._first_states(len(windows))
        for place in range(-max(map(len, histories), default=0), 0):
            nothing = windows[0].source[:0]
            # a window whose history is shorter begins later: until then it reads padding, and stays at zeros
            states = self._encode([one[place] if -place <= len(one) else nothing for one in histories], states)[0]
        _, state = self._encode([window.source for window in windows], states)
        outputs = self._decode(windows, state)
        point = self._point(outputs)
        if not levels:
            return point, np.empty((*point.shape, 0), dtype=np.float32)
        return point, self._quantiles(outputs, levels)

    def _first_states(self, count: int) -> Dict[str, Float]:
        """Zeros: "hidden" (N, L, M) and "cell" (N, L or 0, M)."""
        sizes = {name: map(int, self._encoder.shapes[name][1:]) for name in ("hidden", "cell")}
        return {name: np.zeros((count, *own), dtype=np.float32) for name, own in sizes.items()}

    def _encode(
        self, sources: Sequence[Float], states: Mapping[str, Float]
    ) -> Tuple[Dict[str, Float], Dict[str, Float]]:
        """The encoder's states behind ``sources`` (S, D), and the decoder's first one."""
        source, padding_mask = padded_vectors(sources)
        found = self._encoder.run({"source": source, "padding_mask": padding_mask, **states})
        return {name: found.pop(f"next.{name}") for name in states}, found

    def _decode(self, windows: Sequence[Window], state: Dict[str, Float]) -> Float:
        """The outputs (N, T, K, P) of as many steps as there are covariates."""
        covariates = np.stack([window.covariates for window in windows])
        last = np.stack([window.first for window in windows])
        reads_outputs = self._step.shapes["fed"][1] == last.shape[1] + covariates.shape[2]
        outputs = []
        for step in range(covariates.shape[1]):
            known = covariates[:, step]
            fed = np.concatenate([last, known], 1) if reads_outputs else known
            found = self._step.run({"fed": fed.astype(np.float32), **state})
            outputs.append(found.pop("outputs"))
            last = self._point(outputs[-1])
            state = {**state, **{name[len("next.") :]: value for name, value in found.items() if name != "attention"}}
        return np.stack(outputs, 1)

    def _point(self, outputs: Float) -> Float:
        """The value that is predicted, (..., P) -> (...): of quantiles the one nearest to the median."""
        distances = [abs(level - 0.5) for level in self.levels]
        return outputs[..., distances.index(min(distances)) if distances else 0]

    def _quantiles(self, outputs: Float, levels: Sequence[float]) -> Float:
        """(..., P) -> (..., Q), as :mod:`s2s_plugins.nn.losses` has them."""
        if self.loss.kind == "quantile":
            ordered = np.sort(outputs, -1)
            return ordered[..., [self.levels.index(level) for level in levels]]
        scale = np.logaddexp(0, outputs[..., 1:]) + LEAST_SCALE
        scores = np.array([NormalDist().inv_cdf(level) for level in levels])
        found: Float = (outputs[..., :1] + scale * scores).astype(np.float32)
        return found


def padded_vectors(rows: Sequence[NDArray[Any]]) -> Tuple[Float, NDArray[np.bool_]]:
    """Arrays (S, D) of several lengths as one (N, longest S, D), zeros on the right; and a mask (N, longest S), True at
    these."""
    lengths = np.array([len(row) for row in rows])
    joined = np.zeros((len(rows), lengths.max(), rows[0].shape[1]), dtype=np.float32)
    for place, row in enumerate(rows):
        joined[place, : len(row)] = row
    return joined, np.arange(lengths.max()) >= lengths[:, None]
