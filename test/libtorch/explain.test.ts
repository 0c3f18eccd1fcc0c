import assert from 'node:assert/strict'

import { explainLoadFailure } from '../../lib/libtorch/explain.js'

describe('explainLoadFailure()', () => {
  // Texts of real loaders.
  for (const [text, explanation] of [
    [
      'libgomp.so.1: cannot open shared object file: No such file or directory',
      'The OpenMP runtime is missing: apt-get install libgomp1, or dnf install libgomp',
    ],
    [
      'libcudnn.so.9: cannot open shared object file: No such file or directory',
      'NVIDIA libraries of this CUDA libtorch are missing: npx napi-torch install-libtorch --flavor cpu selects one without CUDA',
    ],
    [
      "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.28' not found (required by /opt/torch/lib/libtorch_cpu.so)",
      "libtorch needs glibc 2.28 or newer, and this system's is older than 2.28: use a newer distribution (Debian 10, Ubuntu 20.04, RHEL 8 or later)",
    ],
    [
      "/lib64/libstdc++.so.6: version `GLIBCXX_3.4.26' not found (required by /opt/torch/lib/libc10.so)",
      'The C++ runtime of this system is too old (GLIBCXX_3.4.26 is missing): apt-get install libstdc++6, or dnf install libstdc++',
    ],
    [
      'Error relocating /opt/torch/lib/libc10.so: __fprintf_chk: symbol not found',
      'libtorch is made for glibc, and this system (Alpine?) has another C library: use an image such as node:22-slim',
    ],
    [
      '/opt/torch/lib/libgomp.so.1: cannot allocate memory in static TLS block',
      'Too much has been opened before: import napi-torch earlier in the program, or set GLIBC_TUNABLES=glibc.rtld.optional_static_tls=16384',
    ],
    [
      '/opt/torch/lib/libc10.so: invalid ELF header',
      'The file is damaged or made for another kind of machine: npx napi-torch install-libtorch fetches a good one',
    ],
    [
      '/mnt/torch/lib/libc10.so: failed to map segment from shared object: Operation not permitted',
      'The system refuses to run code from this folder (mounted noexec?): set NAPI_TORCH_CACHE to another one and install again',
    ],
    [
      '/opt/torch/lib/libtorch_cpu.so: cannot open shared object file: Permission denied',
      'This user may not read the file: change its permissions',
    ],
    ['libfoo.so: cannot open shared object file: No such file or directory', ''],
  ] as const) {
    it(`${explanation === '' ? 'has nothing to say about' : 'explains'} "${text}"`, () => {
      assert.equal(explainLoadFailure(text), explanation)
    })
  }
})
