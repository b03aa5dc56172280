"""A model as ONNX graphs: built, written, and run by ONNX Runtime."""

import os

# as it is installed, ONNX Runtime writes an identifier into the user's cache and sends its maker how it is used
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
