"""Models of other frameworks, turned into ONNX in a process of their own.

`conversion.py` leads: what a file is and what must be asked about it is found out in the engine, without
running anything of it (`kinds`, a file for each kind); the work is done by `child.py` (`process.py` starts
it, `isolation.py` is what it gives up); `verify.py` holds the answers of both against each other.
"""
