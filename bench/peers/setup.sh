#!/bin/sh
# Environments for the peers that bench/peers.py compares with: bench/.venv-NAME. Never part of the project.
#   sh bench/peers/setup.sh [nncf quark aimet onnx_neural_compressor neural_compressor]
# Unbounded, torch is several GB of CUDA: a version with a build for the processor comes first.
set -u
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
TORCH=${TORCH:-torch==2.13.0}
[ $# -gt 0 ] || set -- nncf quark aimet onnx_neural_compressor neural_compressor

for name in "$@"; do
  [ -e ".venv-$name/.done" ] && continue
  "$PYTHON" -m venv ".venv-$name" || exit 1
  install() { ".venv-$name/bin/python" -m pip install -q "$@"; }
  install -U pip wheel "setuptools<81"
  case $name in
    nncf) install "nncf==3.4.0" "onnx>=1.21,<1.24" "onnxruntime>=1.23,<1.33" ;;
    quark) install "$TORCH" && install "amd-quark==0.13" "onnxruntime>=1.22.2,<=1.28.0" onnxruntime-extensions ;;
    aimet)
      # it asks for onnx2torch, which asks for torchvision, which there is for CUDA only; it needs neither here
      install "$TORCH" && install --no-deps "aimet-onnx==2.42.0" onnx2torch &&
        install Jinja2 PyYAML "bokeh>=3.3" "hvplot>=0.10" jsonschema numpy "onnx>=1.21,<1.24" onnx_ir \
          "onnxruntime>=1.23,<1.33" onnxscript osqp pandas psutil pybind11 scikit-learn scipy tqdm ;;
    onnx_neural_compressor)
      # it names neither prettytable nor scipy among what it needs
      install "onnx-neural-compressor==1.0" "onnx<1.17" "onnxruntime<1.20" "numpy<2" prettytable scipy ;;
    neural_compressor)
      # 2.6 is the last one that quantises ONNX; it does not name six
      install "neural-compressor==2.6" "onnx<1.17" "onnxruntime<1.20" onnxruntime-extensions "numpy<2" six scipy ;;
    *) echo "there is no peer '$name'" >&2; exit 1 ;;
  esac && touch ".venv-$name/.done" || echo "$name could not be installed" >&2
done
