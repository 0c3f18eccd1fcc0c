import assert from 'node:assert/strict'

import {
  arange,
  areDeterministicAlgorithmsEnabled,
  getNumThreads,
  memory,
  ones,
  ops,
  scope,
  setNumThreads,
  tensor,
  useDeterministicAlgorithms,
  version,
  zeros,
} from 'napi-torch'

import { runChild } from '../support/installed.js'

describe('memory()', () => {
  it('counts tensors, and the memory that several share once', () =>
    scope(() => {
      const before = memory()
      const base = zeros([1000])
      base.view([10, 100])
      base.detach()

      assert.deepEqual(memory(), { tensors: before.tensors + 3, bytes: before.bytes + 4000 })
    }))

  it('counts the whole memory that a view holds', () => {
    const before = memory()
    const base = zeros([1000])
    const part = base.slice(0, 0, 1)
    base.dispose()

    const during = memory()
    part.dispose()

    assert.deepEqual(during, { tensors: before.tensors + 1, bytes: before.bytes + 4000 })
    assert.deepEqual(memory(), before)
  })

  it('counts nothing for a tensor that is disposed twice', () => {
    const before = memory()
    const made = zeros([10])
    made.dispose()
    made.dispose()
    made[Symbol.dispose]()

    assert.deepEqual(memory(), before)
  })

  it('counts empty tensors and scalars', () =>
    scope(() => {
      const before = memory()
      zeros([0])
      tensor(1)

      assert.deepEqual(memory(), { tensors: before.tensors + 2, bytes: before.bytes + 4 })
    }))

  it('counts nothing for operations that fail', () =>
    scope(() => {
      const [one, other] = [ones([2]), ones([3])]
      const before = memory()

      assert.throws(() => one.add(other))
      assert.throws(() => one.view([5]))
      assert.throws(() => zeros([2 ** 47]))

      assert.deepEqual(memory(), before)
    }))

  it('counts nothing for what reads elements and text out', () =>
    scope(() => {
      const made = arange(2000, { dtype: 'int64' })
      const before = memory()
      made.toArray()
      made.toFloat32Array()
      made.tolist()
      String(made)
      assert.throws(() => made.item())

      assert.deepEqual(memory(), before)
    }))
})

describe('setNumThreads()', () => {
  it('sets what getNumThreads() gives', () => {
    const before = getNumThreads()
    try {
      for (const count of [1, 3, 2]) {
        setNumThreads(count)
        assert.equal(getNumThreads(), count)
      }
    } finally {
      setNumThreads(before)
    }
  })

  for (const [count, message] of [
    [0, 'Expected a positive integer for count, received 0'],
    [-1, 'Expected a positive integer for count, received -1'],
    [1.5, 'Expected a positive integer for count, received 1.5'],
    [NaN, 'Expected a positive integer for count, received NaN'],
    ['2', 'Expected a positive integer for count, received "2"'],
    [1025, 'Expected at most 1024 for count, received 1025'],
    [2 ** 32 + 1, 'Expected at most 1024 for count, received 4294967297'],
  ] as const) {
    it(`refuses ${count} (${typeof count})`, () => {
      const before = getNumThreads()

      assert.throws(() => setNumThreads(count as number), { code: 'TORCH_INVALID_ARGUMENT', message })

      assert.equal(getNumThreads(), before)
    })
  }

  it('counts for its own thread and for those that begin later', () => {
    const { code, stdout, stderr } = runChild(`
      import { Worker } from 'node:worker_threads'
      import { getNumThreads, setNumThreads } from 'napi-torch'
      const inWorker = (body) => new Promise((resolve) => {
        const text = "import { parentPort } from 'node:worker_threads'; import { getNumThreads, setNumThreads } from 'napi-torch';"
        new Worker(text + body, { eval: true }).once('message', resolve)
      })
      setNumThreads(1)
      console.log(await inWorker('parentPort.postMessage(getNumThreads())'))
      await inWorker('setNumThreads(3); parentPort.postMessage(0)')
      console.log(getNumThreads(), await inWorker('parentPort.postMessage(getNumThreads())'))
    `)

    assert.deepEqual({ code, stdout }, { code: 0, stdout: '1\n1 3\n' }, stderr)
  })
})

describe('version()', () => {
  it('names the libtorch in use and the one of the build, of one minor', () => {
    const { libtorch, builtFor, config, cpuCapability } = version()

    assert.match(libtorch, /^2\.\d+\.\d+/)
    assert.equal(/^\d+\.\d+/.exec(libtorch)?.[0], /^\d+\.\d+/.exec(builtFor)?.[0])
    assert.match(config, /^PyTorch built with:\n/)
    assert.match(cpuCapability, /^[A-Z0-9 ]+$/)
  })
})

describe('useDeterministicAlgorithms()', () => {
  afterEach(() => useDeterministicAlgorithms(false))

  it('refuses operators that have no such algorithm, until it is off', () =>
    scope(() => {
      const fill = (): unknown => ops.aten('aten::put_', zeros([3]), tensor([0n]), ones([1]), false)

      assert.equal(areDeterministicAlgorithmsEnabled(), false)
      useDeterministicAlgorithms(true)
      assert.equal(areDeterministicAlgorithmsEnabled(), true)
      assert.throws(fill, { code: 'TORCH_OPERATOR', message: /^put_ does not have a deterministic implementation/ })
      useDeterministicAlgorithms(true, { warnOnly: true })
      assert.doesNotThrow(fill)
      useDeterministicAlgorithms(false)
      assert.doesNotThrow(fill)
    }))
})
