import assert from 'node:assert/strict'
import * as threads from 'node:worker_threads'

import { fromArray, memory, scope, type TypedData } from 'napi-torch'

import { detach, resizableBuffer } from '../support/buffers.js'
import { skip } from '../support/skip.js'

interface GrowingMemory {
  readonly buffer: ArrayBuffer
  grow(pages: number): void
}

/** One page that may grow to eight; the types of this project have no WebAssembly. */
function webAssemblyMemory(): GrowingMemory {
  const { Memory } = Reflect.get(globalThis, 'WebAssembly') as { Memory: new (limits: object) => GrowingMemory }
  return new Memory({ initial: 1, maximum: 8 })
}

describe('fromArray()', () => {
  const arrays = [
    [Float32Array.of(1, 2), 'float32'],
    [Float64Array.of(1, 2), 'float64'],
    [Int8Array.of(1, -2), 'int8'],
    [Int16Array.of(1, -2), 'int16'],
    [Int32Array.of(1, -2), 'int32'],
    [BigInt64Array.of(1n, -2n), 'int64'],
    [Uint8Array.of(1, 2), 'uint8'],
    [Uint8ClampedArray.of(1, 2), 'uint8'],
    [Buffer.alloc(2, 1), 'uint8'],
  ] as const
  for (const [array, dtype] of arrays) {
    it(`views a ${array.constructor.name} as ${dtype}`, () =>
      scope(() => {
        const view = fromArray(array, [2, 1])

        assert.deepEqual([view.dtype, view.shape], [dtype, [2, 1]])
        assert.deepEqual(view.flatten().tolist(), Array.from<unknown>(array))
      }))
  }

  it('sees what JavaScript writes', () =>
    scope(() => {
      const array = Float32Array.of(1, 2)
      const view = fromArray(array, [2])
      array[1] = 9

      assert.deepEqual(view.tolist(), [1, 9])
    }))

  it('lets JavaScript see what operations write', () =>
    scope(() => {
      const array = Float32Array.of(1, 2)
      fromArray(array, [2]).add_(10)

      assert.deepEqual(array, Float32Array.of(11, 12))
    }))

  it('shares through views of the view', () =>
    scope(() => {
      const array = new Float32Array(4)
      fromArray(array, [2, 2]).select(0, 1).fill_(7)

      assert.deepEqual(array, Float32Array.of(0, 0, 7, 7))
    }))

  it('views a part of a buffer', () =>
    scope(() => {
      const array = Float32Array.of(1, 2, 3, 4)
      fromArray(array.subarray(1, 3), [2]).zero_()

      assert.deepEqual(array, Float32Array.of(1, 0, 0, 4))
    }))

  it('views the bits of 16-bit floats', () =>
    scope(() => {
      const array = Uint16Array.of(0x3c00)

      assert.equal(fromArray(array, [], { dtype: 'float16' }).item(), 1)
      fromArray(array, [], { dtype: 'bfloat16' }).fill_(1)
      assert.deepEqual(array, Uint16Array.of(0x3f80))
    }))

  it('views bytes of 0 and 1 as bool', () =>
    scope(() => {
      assert.deepEqual(fromArray(Uint8Array.of(0, 1), [2], { dtype: 'bool' }).tolist(), [false, true])
    }))

  it('views shared memory, so that other threads see it', async () => {
    const array = new Float32Array(new SharedArrayBuffer(8))
    const view = fromArray(array, [2])
    try {
      const worker = new threads.Worker('require("node:worker_threads").workerData[1] = 5', {
        eval: true,
        workerData: array,
      })
      await new Promise((resolve) => worker.once('exit', resolve))

      assert.deepEqual(view.tolist(), [0, 5])
    } finally {
      view.dispose()
    }
  })

  it('outlives the array', () => {
    const view = fromArray(Float32Array.of(1, 2), [2])
    globalThis.gc?.()
    try {
      assert.deepEqual(view.tolist(), [1, 2])
    } finally {
      view.dispose()
    }
  })

  it('makes empty tensors of empty and of transferred arrays', () =>
    scope(() => {
      const array = detach(new Float32Array(4))

      assert.deepEqual(fromArray(array, [2, 0]).tolist(), [[], []])
      assert.deepEqual(fromArray(new Float32Array(0), [0]).tolist(), [])
    }))

  it('keeps its memory when the buffer is to be transferred', () =>
    scope(() => {
      const array = Float32Array.of(1, 2)
      const view = fromArray(array, [2])
      try {
        detach(array)
      } catch (error) {
        // Node 20 copies what must not be transferred, later ones refuse.
        assert.equal((error as Error).name, 'DataCloneError')
      }

      assert.equal(array.length, 2)
      assert.deepEqual(view.tolist(), [1, 2])
    }))

  it('keeps its memory where ArrayBuffer.prototype.transfer is called', function () {
    if (!('transfer' in ArrayBuffer.prototype)) return skip(this, 'this Node.js has no ArrayBuffer.prototype.transfer')
    const array = Float32Array.of(1, 2)
    const view = fromArray(array, [2])
    try {
      ;(array.buffer as unknown as { transfer(): ArrayBuffer }).transfer()
    } catch (error) {
      // From Node 24 on it cannot be taken away.
      assert.deepEqual([error instanceof TypeError, array.length], [true, 2])
    }

    assert.deepEqual(view.tolist(), [1, 2])
    view.dispose()
  })

  it('copies memory of WebAssembly, which is free to grow', () =>
    scope(() => {
      const memory = webAssemblyMemory()
      const array = new Float32Array(memory.buffer, 0, 2)
      array.set([1, 2])
      const copy = fromArray(array, [2])

      array[0] = 5
      memory.grow(4)

      assert.deepEqual([copy.tolist(), memory.buffer.byteLength], [[1, 2], 5 * 65536])
    }))

  it('refuses to be cloned, where Node.js can refuse', function () {
    if (!('markAsUncloneable' in threads)) return skip(this, 'this Node.js has no markAsUncloneable')
    const tensor = fromArray(Float32Array.of(1), [1])
    assert.throws(() => structuredClone(tensor), { name: 'DataCloneError' })
    tensor.dispose()
  })

  it('counts as one tensor with its bytes', () => {
    const before = memory()
    const view = fromArray(new Float32Array(4), [4])
    const during = memory()
    view.dispose()

    assert.deepEqual(during, { tensors: before.tensors + 1, bytes: before.bytes + 16 })
    assert.deepEqual(memory(), before)
  })

  const refused: readonly [title: string, args: readonly unknown[], message: string][] = [
    [
      'another number of elements',
      [Float32Array.of(1, 2), [3]],
      'Expected a shape of 2 elements for shape, received [3]',
    ],
    ['no shape', [Float32Array.of(1)], 'Expected an array of non-negative integers for shape, received undefined'],
    ['an array', [[1, 2], [2]], 'Expected a typed array, a Uint16Array with a dtype, for array, received [1, 2]'],
    [
      'a Uint32Array',
      [Uint32Array.of(1), [1]],
      'Expected a typed array, a Uint16Array with a dtype, for array, received Uint32Array of 1 element',
    ],
    [
      'a Uint16Array without a dtype',
      [Uint16Array.of(1), [1]],
      'Expected a typed array, a Uint16Array with a dtype, for array, received Uint16Array of 1 element',
    ],
    [
      'an array of another dtype',
      [Float32Array.of(1), [1], { dtype: 'int32' }],
      'Expected the Int32Array of int32 for array, received Float32Array of 1 element',
    ],
    [
      'a DataView',
      [new DataView(new ArrayBuffer(4)), [1], { dtype: 'float32' }],
      'Expected the Float32Array of float32 for array, received DataView of 4 bytes',
    ],
    [
      'an unknown option',
      [Float32Array.of(1), [1], { type: 'x' }],
      'Expected options among dtype for fromArray(), received "type" (did you mean dtype?)',
    ],
    [
      'memory that can shrink',
      [new Float32Array(resizableBuffer(4, 8)), [1]],
      'Expected an array in memory of fixed size for array, received Float32Array of 1 element',
    ],
  ]
  for (const [title, args, message] of refused) {
    it(`refuses ${title}`, () => {
      assert.throws(() => Reflect.apply(fromArray as (array: TypedData, shape: number[]) => unknown, undefined, args), {
        code: 'TORCH_INVALID_ARGUMENT',
        message,
      })
    })
  }
})
