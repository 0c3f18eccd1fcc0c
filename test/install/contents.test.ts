import assert from 'node:assert/strict'

import { targetOf } from '../../lib/install/contents.js'

describe('targetOf()', () => {
  for (const name of [
    'torch/lib/libtorch_cpu.so',
    'torch/lib/libgomp.so.1',
    'torch/lib/libomp.dylib',
    'torch/include/ATen/ops/add.h',
    'torch/share/cmake/Torch/TorchConfig.cmake',
    'torch/version.py',
    'torch-2.13.0+cpu.dist-info/licenses/third_party/fmt/LICENSE',
    'nvidia/cu13/lib/libcublas.so.13',
    'nvidia_cublas-13.1.1.3.dist-info/licenses/License.txt',
  ]) {
    it(`keeps ${name}`, () => {
      assert.equal(targetOf(name), name)
    })
  }

  for (const [name, target] of [
    ['libtorch/lib/libc10.so', 'torch/lib/libc10.so'],
    ['libtorch/build-version', 'torch/build-version'],
  ] as const) {
    it(`puts ${name} of an archive where a wheel has it`, () => {
      assert.equal(targetOf(name), target)
    })
  }

  for (const name of [
    'torch/__init__.py',
    'torch/lib/libtorch_python.so',
    'torch/lib/libtorchbind_test.so',
    'torch/lib/libprotobuf.a',
    'torch/bin/protoc',
    'torch/include/',
    'functorch/__init__.py',
    'nvidia/cu13/include/cublas.h',
    'nvidia/cu13/lib/libnvrtc.alt.so.13',
    'numpy-2.4.dist-info/licenses/LICENSE.txt',
  ]) {
    it(`leaves ${name}`, () => {
      assert.equal(targetOf(name), null)
    })
  }
})
