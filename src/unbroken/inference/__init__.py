"""Nets on runtimes: ONNX Runtime, OpenVINO, OpenCV."""
