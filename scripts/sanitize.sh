#!/usr/bin/env bash
# Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer into build/sanitize, and runs the tests that reach
# native code with it. For Linux with GCC, after `node scripts/setup.mjs`. Ends with one line that says what was found.
#
#   npm run sanitize [-- TEST…]     default: the tests of tensors, operators, images, checkpoint files and the engine
#   npm run sanitize -- --thread    instead, the threads of the engine's native kernels with ThreadSanitizer
set -euo pipefail
cd "$(dirname "$0")/.."

readonly folder=build/sanitize
readonly minutes=20

# libtorch is not compiled for ThreadSanitizer, which would take its every lock for a race: a program of the parts that
# do without it.
sanitize_threads() {
  local objects=$folder/thread log sources=(scripts/sanitize/threads.cc
    native/engine/network/*.cc native/engine/kernels/*.cc)
  mkdir -p "$objects"
  # The instruction sets are those of CMakeLists.txt.
  compile() {
    local options=()
    case $1 in
      */kernels_avx2.cc) options=(-mavx2 -mfma -mf16c) ;;
      */kernels_avx512.cc) options=(-mavx512f -mavx512dq -mavx512vl -mavx512bw -mfma -mprefer-vector-width=512) ;;
    esac
    g++ -std=c++20 -O2 -g1 -ffp-contract=fast -fsanitize=thread "${options[@]}" -Inative/engine/network -c "$1" \
      -o "$objects/$(basename "$1" .cc).o"
  }
  export objects
  export -f compile
  if [ "$(uname -m)" != x86_64 ]; then
    for index in "${!sources[@]}"; do [[ ${sources[index]} == */kernels_avx* ]] && unset "sources[index]"; done
  fi
  rm -f "$objects"/*.o
  printf '%s\0' "${sources[@]}" | xargs -0 -P "${JOBS:-2}" -I{} bash -euc 'compile {}'
  g++ -fsanitize=thread "$objects"/*.o -pthread -o "$objects/threads"

  log=$(mktemp)
  local status=0
  # Its shadow memory has fixed places, where the system's random ones may lie.
  TSAN_OPTIONS=halt_on_error=0:exitcode=66 timeout --signal=KILL "${minutes}m" setarch "$(uname -m)" -R \
    "$objects/threads" 2>&1 | tee "$log" || status=$?
  local found
  found=$(grep -c 'WARNING: ThreadSanitizer' "$log" || true)
  rm -f "$log"
  if [ "$found" -ne 0 ]; then
    echo "✗ ThreadSanitizer has found something, $found times: see above"
    exit 1
  elif [ "$status" -ne 0 ]; then
    echo '✗ The program fails with ThreadSanitizer, which itself found nothing'
    exit 1
  fi
  echo '✓ ThreadSanitizer found nothing'
}

if [ "${1:-}" = --thread ]; then
  sanitize_threads
  exit
fi

tests=("$@")
if [ ${#tests[@]} -eq 0 ]; then
  tests=('test/native/*.test.ts' 'test/tensor/*.test.ts' 'test/ops/*.test.ts' test/nn/functional.test.ts
    test/vision/functional.test.ts test/checkpoint/load.test.ts test/integration/checkpoint/fuzz.test.ts
    test/integration/{native/fuzz,ops/operators}.test.ts test/engine/{kernels,engine,trace/infer}.test.ts)
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
cmake_js() {
  node_modules/.bin/cmake-js "$1" --out "$folder/build" --log-level warn "${@:2}"
}
cmake_js configure --CDNAPI_TORCH_SANITIZE=ON --CDNAPI_TORCH_LIBTORCH_DIR="$(configured NAPI_TORCH_LIBTORCH_DIR)" \
  --CDNAPI_TORCH_NODE_ADDON_API_DIR="$(configured NAPI_TORCH_NODE_ADDON_API_DIR)" -- -Wno-dev >/dev/null
cmake_js build --target napi_torch --parallel "${JOBS:-2}"

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
