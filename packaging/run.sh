#!/bin/sh
# Start the window with the sample; where there is no screen, compress the sample from the command line.
set -eu
cd "$(dirname "$0")/.."
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || [ "$(uname -s)" = Darwin ]; then
    exec .venv/bin/secateur --sample
fi

samples=resources/samples
out=out/digits_resnet-w8a8.onnx
report=out/digits_resnet-w8a8.json
mkdir -p out
echo "secateur: there is no display, so the sample is compressed here instead of in the window."
preprocess=$(.venv/bin/python -c 'import json, sys; print(json.dumps(json.load(open(sys.argv[1]))[0]["preprocess"]))' \
    $samples/samples.json)
.venv/bin/secateur compress $samples/digits_resnet.onnx --data $samples/digits/test \
    --calibration-data $samples/digits/train --preprocess "$preprocess" \
    --weight-bits 8 --activation-bits 8 --out $out --report $report
echo "secateur: the smaller network is $(pwd)/$out"
echo "secateur: what it cost is told in $(pwd)/$report"
