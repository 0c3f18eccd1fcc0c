#!/usr/bin/env bash
# Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer into build/sanitize, and runs the tests that reach
# native code with it. For Linux with GCC, after `node scripts/setup.mjs`. Ends with one line that says what was found.
#
#   npm run sanitize [-- TEST…]     default: the tests of tensors, operators, images and checkpoint files
set -euo pipefail
cd "$(dirname "$0")/.."

readonly folder=build/sanitize
readonly minutes=20
tests=("$@")
if [ ${#tests[@]} -eq 0 ]; then
  tests=('test/native/*.test.ts' 'test/tensor/*.test.ts' 'test/ops/*.test.ts' test/nn/functional.test.ts
    test/vision/functional.test.ts test/checkpoint/load.test.ts test/checkpoint/fuzz.test.ts)
fi

# Where the ordinary build found what it needs.
configured() {
  sed -n "s/^$1:[A-Z]*=//p" build/CMakeCache.txt
}
if [ ! -f build/CMakeCache.txt ]; then
  echo '✗ The addon is not built yet' >&2
  echo '  node scripts/setup.mjs' >&2
  exit 1
fi
mkdir -p "$folder"
cmake -S . -B "$folder/build" -DCMAKE_BUILD_TYPE=Release -DNAPI_TORCH_SANITIZE=ON -Wno-dev \
  -DNAPI_TORCH_LIBTORCH_DIR="$(configured NAPI_TORCH_LIBTORCH_DIR)" \
  -DNAPI_TORCH_NODE_API_DIR="$(configured NAPI_TORCH_NODE_API_DIR)" \
  -DNAPI_TORCH_NODE_ADDON_API_DIR="$(configured NAPI_TORCH_NODE_ADDON_API_DIR)" >/dev/null
cmake --build "$folder/build" --target napi_torch --parallel "${JOBS:-2}"

runtime=$(g++ -print-file-name=libasan.so)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# node-gyp-build takes the addon from there. V8 and libtorch keep memory until the end, which is no leak of ours; V8 handles
# SIGSEGV itself; tests ask for more memory than there is, and are to see an error.
export NAPI_TORCH_PREBUILD="$PWD/$folder"
export NAPI_TORCH_LIBTORCH="${NAPI_TORCH_LIBTORCH:-$(configured NAPI_TORCH_LIBTORCH_DIR)}"
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:allow_user_segv_handler=1:detect_odr_violation=0:abort_on_error=1
export UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1
# The interpreter of the live comparisons is not what is looked at, and would be slow.
unset NAPI_TORCH_TEST_PYTHON

status=0
LD_PRELOAD="$runtime" timeout --signal=KILL "${minutes}m" node --expose-gc --conditions=napi-torch-source --import tsx \
  node_modules/mocha/bin/mocha.js --timeout 300000 --reporter dot "${tests[@]}" 2>&1 | tee "$log" || status=$?

if grep -qE 'ERROR: (AddressSanitizer|UndefinedBehaviorSanitizer)|: runtime error: ' "$log"; then
  echo '✗ The sanitizers have found something: see above'
  exit 1
elif [ "$status" -eq 137 ]; then
  echo "✗ The tests did not end within $minutes minutes"
  exit 1
elif [ "$status" -ne 0 ]; then
  echo '✗ Tests fail with the sanitizers, which themselves found nothing'
  exit 1
fi
echo '✓ The sanitizers found nothing'
