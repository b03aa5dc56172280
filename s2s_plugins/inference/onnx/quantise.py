"""ONNX models with 8-bit weights, by ONNX Runtime's own dynamic quantisation. Needs ``onnx``."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from s2s_plugins.errors import UsageError
from s2s_plugins.extras import require

OPERATORS = ["LSTM", "MatMul"]  # ONNX Runtime has no GRU of 8 bits


def check_quantisation() -> None:
    """See that the packages are there.

    Raises:
        MissingExtra: one is missing.
    """
    require("onnx", what="--int8")


def quantised(content: bytes, name: str) -> bytes:
    """A serialised ModelProto whose LSTMs and products have 8-bit weights, and round what they read as it comes.

    Weights that are computed from others, as joined ones, are computed first: what is quantised is a constant.

    Args:
        content: a serialised ModelProto.
        name: of the model and the file, for messages.

    Raises:
        UsageError: ONNX Runtime cannot.
    """
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        given, folded, small = (str(Path(folder) / name) for name in ("given.onnx", "folded.onnx", "small.onnx"))
        Path(given).write_bytes(content)
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath, options.log_severity_level = folded, 4
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        logging.disable(logging.WARNING)  # advice to do what is done here
        try:
            onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
            quantize_dynamic(
                folded,
                small,
                op_types_to_quantize=OPERATORS,
                weight_type=QuantType.QInt8,
                extra_options={"EnableSubgraph": True},
            )
        except Exception as error:  # its errors have no class in common
            line = " ".join(str(error).split())[:200]
            raise UsageError(f"{name} cannot have 8-bit weights ({line}): leave out --int8") from None
        finally:
            logging.disable(logging.NOTSET)
        return Path(small).read_bytes()
