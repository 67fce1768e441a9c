"""What a model gives and costs: accuracy and fidelity, bytes, milliseconds; all from onnxruntime."""
