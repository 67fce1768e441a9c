"""The window half of Secateur: PySide6 views over immutable values. No torch, onnx or onnxruntime here."""
