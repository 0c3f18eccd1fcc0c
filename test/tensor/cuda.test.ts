import assert from 'node:assert/strict'

import { cuda, Generator, memory, ones, rand, scope, tensor, zeros } from 'napi-torch'

import { itWithCuda as itWithGpu } from '../support/cuda.js'

const isAvailable = cuda.isAvailable()

const itWithCuda = (title: string, body: () => void): void => itWithGpu(title, () => scope(body))

describe('cuda', () => {
  it('agrees with itself on whether there is a device', () => {
    assert.equal(cuda.deviceCount() > 0, isAvailable)
    assert.equal(cuda.unavailableReason() === null, isAvailable)
  })

  for (const index of [-1, 0.5, NaN, '0']) {
    it(`refuses ${JSON.stringify(index)} as index`, () => {
      for (const ask of [cuda.memoryAllocated, cuda.synchronize]) {
        assert.throws(() => ask(index as number), {
          code: 'TORCH_INVALID_ARGUMENT',
          message: `Expected a non-negative integer for index, received ${typeof index === 'string' ? '"0"' : index}`,
        })
      }
    })
  }

  it('refuses an index that no device can have', () => {
    assert.throws(() => cuda.synchronize(2 ** 32), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a device index from 0 to 127 for index',
    })
  })

  if (!isAvailable) {
    const message = (device: string): string => `Device '${device}' was asked for, but ${cuda.unavailableReason()}`

    const calls: readonly [title: string, call: () => unknown, device: string][] = [
      ['memoryAllocated()', () => cuda.memoryAllocated(), 'cuda:0'],
      ['synchronize()', () => cuda.synchronize(3), 'cuda:3'],
      ['a tensor', () => tensor([1], { device: 'cuda' }), 'cuda'],
      ['zeros()', () => zeros([1], { device: 'cuda:1' }), 'cuda:1'],
      ['a generator', () => new Generator({ device: 'cuda' }), 'cuda'],
    ]
    for (const [title, call, device] of calls) {
      it(`is missed by ${title} in one sentence`, () => {
        assert.throws(call, { code: 'TORCH_CUDA_UNAVAILABLE', message: message(device) })
      })
    }
  }

  itWithCuda('refuses a device beyond those of the machine', () => {
    const count = cuda.deviceCount()

    assert.throws(() => zeros([1], { device: `cuda:${count}` }), {
      code: 'TORCH_CUDA_UNAVAILABLE',
      message: `Device 'cuda:${count}' was asked for, but this machine has ${count} CUDA device(s), counted from 0`,
    })
    assert.throws(() => cuda.memoryAllocated(count), { code: 'TORCH_CUDA_UNAVAILABLE' })
  })

  itWithCuda('holds tensors: allocates, computes, copies back, and counts the bytes', () => {
    const before = cuda.memoryAllocated()
    const made = ones([256, 256], { device: 'cuda' })

    assert.equal(made.device, 'cuda:0')
    assert.ok(cuda.memoryAllocated() >= before + 256 * 256 * 4)
    assert.equal(made.matmul(made).select(0, 0).select(0, 0).item(), 256)
    cuda.synchronize()
    assert.deepEqual(made.add(1).cpu().select(0, 0).slice(0, 0, 2).tolist(), [2, 2])
  })

  itWithCuda('gives its memory back when tensors are disposed', () => {
    const before = [cuda.memoryAllocated(), memory().bytes]
    const made = zeros([1000, 1000], { device: 'cuda' })
    assert.equal(memory().bytes, Number(before[1]) + 4_000_000)
    made.dispose()

    assert.deepEqual([cuda.memoryAllocated(), memory().bytes], before)
  })

  itWithCuda('moves tensors there and back unchanged', () => {
    const made = rand([3, 4])

    for (const there of [made.cuda(), made.cuda(0), made.to('cuda'), made.to({ device: 'cuda:0' })]) {
      assert.equal(there.device, 'cuda:0')
      assert.ok(there.cpu().equal(made))
    }
    assert.match(String(made.cuda()), /device='cuda:0'\)$/)
  })

  itWithCuda('draws from a generator of its own: the same seed gives the same numbers', () => {
    const draw = (): number[] =>
      Array.from(rand([8], { device: 'cuda', generator: new Generator({ device: 'cuda', seed: 5 }) }).toArray())

    assert.deepEqual(draw(), draw())
  })

  itWithCuda('says so where the device has not the memory', () => {
    assert.throws(() => zeros([2 ** 40], { device: 'cuda' }), { code: 'TORCH_OUT_OF_MEMORY' })
  })
})
