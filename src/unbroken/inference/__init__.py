"""Nets on runtimes: ONNX Runtime, OpenVINO, OpenCV. `loading.load` is the door; each is imported when asked for."""
