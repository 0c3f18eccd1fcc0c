import assert from 'node:assert/strict'

import { TorchError } from 'napi-torch'

import { native } from '../../lib/libtorch/binding.js'
import type { GeneratorHandle, TensorHandle } from '../../lib/libtorch/handles.js'

const handle = native.zeros([2], 'float32', 'cpu')
const generator = native.createGenerator('cpu', 1n)
after(() => native.dispose(handle))

class Impostor {
  readonly tensor = handle
}

const NO_TENSORS: readonly [title: string, value: unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['a number', 1],
  ['a plain object', {}],
  ['a function', () => 1],
  ['an instance of another class', new Impostor()],
  ['a typed array', new Float32Array(2)],
  ['an object that inherits from a handle', Object.create(handle)],
  ['a proxy of a handle', new Proxy(handle, {})],
  ['a generator', generator],
  ['a native object of Node', process.stdout],
]

describe('a tensor handle', () => {
  for (const [title, value] of NO_TENSORS) {
    it(`is not ${title}`, () => {
      const wrong = value as TensorHandle
      const calls: readonly [name: string, call: () => unknown, message: string][] = [
        ['dispose', () => native.dispose(wrong), 'Expected a tensor for tensor'],
        ['isDisposed', () => native.isDisposed(wrong), 'Expected a tensor for tensor'],
        ['shape', () => native.shape(wrong), 'Expected a tensor for tensor'],
        ['toBytes', () => native.toBytes(wrong), 'Expected a tensor for tensor'],
        ['item', () => native.item(wrong), 'Expected a tensor for tensor'],
        ['relu', () => native.relu(wrong), 'Expected a tensor for input'],
        ['matmul', () => native.matmul(handle, wrong), 'Expected a tensor for other'],
        ['cat', () => native.cat([handle, wrong], 0), 'Expected a tensor for tensors[1]'],
        ['viewOfStorage', () => native.viewOfStorage(wrong, 'int8', 0, [1], [1]), 'Expected a tensor for storage'],
      ]
      for (const [name, call, message] of calls) assert.throws(call, { code: 'TORCH_INVALID_ARGUMENT', message }, name)
    })
  }

  it('is no generator, and a generator belongs to no tensor', () => {
    const wrong = handle as unknown as GeneratorHandle

    for (const call of [
      () => native.rand([1], 'float32', 'cpu', wrong),
      () => native.uniform_(handle, 0, 1, wrong),
      () => native.generatorSeed_(wrong, 1n),
      () => native.generatorInitialSeed(wrong),
      () => native.generatorInitialSeed(null as unknown as GeneratorHandle),
    ]) {
      assert.throws(call, { code: 'TORCH_INVALID_ARGUMENT', message: 'Expected a generator for generator' })
    }
  })

  it('has no properties and no class that others could use', () => {
    assert.deepEqual(Reflect.ownKeys(handle), [])
    assert.equal(Object.getPrototypeOf(handle), Object.prototype)
  })

  it('works as before after it was frozen or given properties', () => {
    const frozen = Object.freeze(native.alias(handle))
    const decorated = Object.assign(native.alias(handle), { shape: [9] })

    assert.deepEqual([native.shape(frozen), native.shape(decorated)], [[2], [2]])
    native.dispose(frozen)
    native.dispose(decorated)
  })

  it('that is disposed is refused by every function but dispose and isDisposed', () => {
    const disposed = native.alias(handle)
    native.dispose(disposed)
    native.dispose(disposed)

    assert.equal(native.isDisposed(disposed), true)
    for (const call of [
      () => native.shape(disposed),
      () => native.alias(disposed),
      () => native.add(handle, disposed, 1),
      () => native.storageId(disposed),
    ]) {
      assert.throws(call, {
        code: 'TORCH_DISPOSED',
        message: /^Expected a live tensor for (tensor|other), received a disposed one$/,
      })
    }
  })
})

describe('a native error', () => {
  it('is a TorchError with the stack of the caller', () => {
    assert.throws(
      function caller() {
        native.view(handle, [3])
      },
      (error: TorchError) => {
        assert.ok(error instanceof TorchError && Object.getPrototypeOf(error) === TorchError.prototype)
        assert.match(error.stack ?? '', /^TorchError: shape '\[3\]' is invalid for input of size 2\n +at .*\bcaller\b/)
        return true
      },
    )
  })

  it('holds the C++ trace where it comes from libtorch, and none where a reader refused an argument', () => {
    assert.throws(
      () => native.view(handle, [3]),
      (error: TorchError) => error.code === 'TORCH_OPERATOR' && /frame #\d+/.test(error.nativeTrace ?? ''),
    )
    assert.throws(
      () => native.view(handle, ['3'] as unknown as number[]),
      (error: TorchError) => error.code === 'TORCH_INVALID_ARGUMENT' && error.nativeTrace === undefined,
    )
  })

  it('takes the first line of what libtorch says in several, and keeps the others in the trace', () => {
    const image = native.zeros([1, 3, 4, 4], 'float32', 'cpu')
    const double = native.zeros([1], 'float64', 'cpu')
    try {
      // The message of a refused batch norm or convolution may have several lines; so has that of topk of a wrong k.
      for (const call of [
        () => native.conv2d(image, image, null, [1, 1], [0, 0], [1, 1], 2),
        () => native.batchNorm(image, double, double, null, null, false, 0.1, 1e-5),
        () => native.topk(image, 9, -1, true, true),
        () => native.pad(image, [9, 9], 'reflect', null),
      ]) {
        assert.throws(call, ({ message }: Error) => message !== '' && !message.includes('\n'), String(call))
      }
    } finally {
      native.dispose(image)
      native.dispose(double)
    }
  })

  it('passes on what a getter of the user throws', () => {
    const trap = Object.defineProperty([1], 0, {
      get() {
        throw new RangeError('trap')
      },
    })

    assert.throws(() => native.zeros(trap, 'float32', 'cpu'), { name: 'RangeError', message: 'trap' })
  })

  it('ends a call whose argument disposes another or takes its memory away, and not the process', () => {
    const one = native.alias(handle)
    const bytes = new Float32Array(2)
    const disposing = Object.defineProperty([1], 0, { get: () => (native.dispose(one), 2) })
    const detaching = Object.defineProperty([1], 0, {
      get: () => (structuredClone(bytes, { transfer: [bytes.buffer] }), 2),
    })

    const view = native.view(one, disposing)
    assert.deepEqual([native.isDisposed(one), native.shape(view)], [true, [2]])
    native.dispose(view)
    assert.throws(() => native.fromBytes(bytes, detaching, 'float32', 'cpu'), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected as many bytes as the shape has for data',
    })
  })
})
