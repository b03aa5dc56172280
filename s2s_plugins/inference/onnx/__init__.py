"""A model as ONNX graphs: built, written, and run by ONNX Runtime."""
