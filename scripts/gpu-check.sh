#!/usr/bin/env bash
# Runs what needs a GPU, in one command on a machine that has CMake, a C++20 compiler, Node.js and a libtorch with CUDA: the
# one in NAPI_TORCH_LIBTORCH, else that of python3. Builds the addon in this checkout; ends with 1 if a test fails, and
# with 2 if there is no GPU, after it has shown that the CPU works with that libtorch all the same.
#
# bash scripts/gpu-check.sh
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${NAPI_TORCH_LIBTORCH:-}" ]; then
  NAPI_TORCH_LIBTORCH=$(python3 -c 'import torch; print(torch.__path__[0])') || {
    echo 'There is no libtorch: name one by NAPI_TORCH_LIBTORCH, or install torch into python3' >&2
    exit 2
  }
fi
export NAPI_TORCH_LIBTORCH

[ -d node_modules ] || npm ci --no-audit --no-fund
npm run build
node dist/cli/main.js build
# It says what is wrong with CUDA, and goes on.
node dist/cli/main.js doctor || true

# Also without a GPU: libtorch opens, says why there is no device, computes on the CPU, and the process ends well.
run() { node --expose-gc --conditions=napi-torch-source --import tsx "$@"; }
run --input-type=module --eval "
  import { cuda, resnet18Cifar, randn, scope, version } from 'napi-torch'
  const finite = scope(() => resnet18Cifar().eval().forward(randn([2, 3, 32, 32])).isfinite().toArray().every(Boolean))
  if (!finite) throw new Error('The CPU computes values that are not finite')
  console.log('libtorch', version().libtorch, '- CUDA devices:', cuda.deviceCount())
"
status=0
run node_modules/mocha/bin/mocha.js test/tensor/cuda.test.ts test/tensor/creation.test.ts \
  test/tensor/views.test.ts test/nn/cuda.test.ts test/engine/integration/device.test.ts test/engine/integration/cuda.test.ts || status=1
run bench/cuda.ts || { code=$?; [ "$status" -ne 0 ] || status=$code; }
exit "$status"
