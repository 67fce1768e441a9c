"""Gradients: an ONNX graph as a torch module, and what a backward pass is good for.

`convert` makes the module, `operators` hold one torch function per ONNX operator, `verify` holds every node
against onnxruntime, `loss_gradients` and `saliency` sum what Taylor and Fisher scores need, `finetune` trains
under masks and grids. Nothing here imports torch before it computes: asking `missing_operators` is free.
"""
