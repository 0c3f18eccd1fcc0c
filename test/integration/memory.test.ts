import assert from 'node:assert/strict'

import {
  arange,
  cat,
  fromArray,
  keep,
  memory,
  onesLike,
  scope,
  stack,
  StateDict,
  tensor,
  zeros,
  zerosLike,
  type Tensor,
} from 'napi-torch'

import { runChild } from '../support/installed.js'

/** Runs the text of a module that prints one JSON value, with `gc()` and a function that gives the process's MB. */
function measure(source: string, env: Readonly<Record<string, string>> = {}): unknown {
  const { code, signal, stdout, stderr } = runChild(
    `import { readFileSync } from 'node:fs'
    import { setImmediate } from 'node:timers/promises'
    import * as torch from 'napi-torch'
    const megabytes = () => process.memoryUsage().rss / 2 ** 20
    const peakMegabytes = () => Number(/VmHWM:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 2 ** 10
    // Finalizers run some turns of the event loop after the collection.
    const collect = async () => { for (let round = 0; round < 5; round++) { gc(); await setImmediate() } }
    ${source}`,
    { flags: ['--expose-gc'], env },
  )
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, stderr)
  return JSON.parse(stdout)
}

describe('memory', () => {
  const onLinux = process.platform === 'linux' ? it : it.skip

  onLinux('stays under 300 MB for 3,000 tensors of 1 MiB made one after the other, each in a scope', () => {
    const peak = measure(`
      for (let index = 0; index < 3000; index++) torch.scope(() => { torch.ones([2 ** 18]) })
      console.log(peakMegabytes())
    `)

    assert.ok(Number(peak) < 300, `${String(peak)} MB`)
  })

  onLinux('does not grow where glibc seldom finds freed blocks of aligned memory again', () => {
    // Without its cache of small blocks glibc 2.36 shows it in every second run, with up to 2.8 GB.
    for (let run = 0; run < 4; run++) {
      const peak = measure(
        `for (let index = 0; index < 3000; index++) torch.scope(() => { torch.ones([2 ** 18]) })
        console.log(peakMegabytes())`,
        { GLIBC_TUNABLES: 'glibc.malloc.tcache_count=0' },
      )

      assert.ok(Number(peak) < 300, `${String(peak)} MB`)
    }
  })

  onLinux('stays under 300 MB for 3,000 of them, each disposed, in one scope', () => {
    const peak = measure(`
      torch.scope(() => { for (let index = 0; index < 3000; index++) torch.ones([2 ** 18]).dispose() })
      console.log(peakMegabytes())
    `)

    assert.ok(Number(peak) < 300, `${String(peak)} MB`)
  })

  onLinux('stays under 300 MB for 3,000 arrays that are shared', () => {
    const peak = measure(`
      for (let index = 0; index < 3000; index++) {
        torch.scope(() => { torch.fromArray(new Float32Array(2 ** 18).fill(1), [2 ** 18]) })
        if (index % 50 === 0) await collect()
      }
      console.log(peakMegabytes())
    `)

    assert.ok(Number(peak) < 300, `${String(peak)} MB`)
  })

  onLinux(
    'stays under 600 MB for 3,000 dropped ones if the event loop gets its turn: the collector feels their bytes',
    () => {
      const peak = measure(`
      for (let index = 0; index < 3000; index++) { torch.ones([2 ** 18]); await setImmediate() }
      console.log(peakMegabytes())
    `)

      assert.ok(Number(peak) < 600, `${String(peak)} MB`)
    },
  )

  it('of tiny tensors that are dropped goes back while the event loop gets its turns', () => {
    const most = measure(`
      let most = 0
      for (let index = 0; index < 100_000; index++) {
        torch.ones([1])
        if (index % 100 > 0) continue
        await setImmediate()
        most = Math.max(most, torch.memory().tensors)
      }
      console.log(most)
    `)

    assert.ok(Number(most) < 50_000, `${String(most)} tensors lived at once`)
  })

  it('that is exhausted gives an error that tells how many tensors were forgotten, and what to do', () => {
    const messages = measure(`
      const messageOf = () => { try { torch.zeros([2 ** 50]) } catch ({ code, message }) { return [code, message] } }
      const messages = [messageOf()]
      const forgotten = Array.from({ length: 1000 }, () => torch.ones([2 ** 10]))
      messages.push(messageOf())
      console.log(JSON.stringify([forgotten.length, ...messages]))
    `)

    const refused = `DefaultCPUAllocator: can't allocate memory: you tried to allocate ${2 ** 52} bytes`
    const hint =
      '1000 live tensors hold 3 MiB: dispose() them or use scope(), as JavaScript frees none before a loop awaits something'
    assert.deepEqual(messages, [
      1000,
      ['TORCH_OUT_OF_MEMORY', `${refused}. Error code 12 (Cannot allocate memory)`],
      ['TORCH_OUT_OF_MEMORY', `${refused}. Error code 12 (Cannot allocate memory); ${hint}`],
    ])
  })

  it('is given back when dropped tensors are collected', () => {
    const counts = measure(`
      const before = torch.memory()
      ;(() => { for (let index = 0; index < 100; index++) torch.ones([1000]).view([10, 100]).add(1) })()
      const during = torch.memory()
      await collect()
      console.log(JSON.stringify([before, during, torch.memory()]))
    `)

    assert.deepEqual(counts, [
      { tensors: 0, bytes: 0 },
      { tensors: 300, bytes: 800_000 },
      { tensors: 0, bytes: 0 },
    ])
  })

  it('is given back when dropped generators and shared arrays are collected', () => {
    const [collected, tensors] = measure(`
      const registry = new FinalizationRegistry(() => { collected++ })
      let collected = 0
      ;(() => {
        for (let index = 0; index < 100; index++) {
          const array = new Float32Array(1000)
          registry.register(array.buffer)
          torch.fromArray(array, [1000])
          registry.register(new torch.Generator())
        }
      })()
      for (let round = 0; round < 4; round++) await collect()
      console.log(JSON.stringify([collected, torch.memory().tensors]))
    `) as [number, number]

    assert.deepEqual([collected, tensors], [200, 0])
  })

  it('of a shared array is kept as long as one tensor of it lives', () => {
    const result = measure(`
      let buffers = 0
      const registry = new FinalizationRegistry(() => { buffers++ })
      const part = (() => {
        const array = Float32Array.of(1, 2, 3)
        registry.register(array.buffer)
        const whole = torch.fromArray(array, [3])
        const part = whole.slice(0, 1)
        whole.dispose()
        return part
      })()
      await collect()
      const during = [buffers, part.tolist()]
      part.dispose()
      torch.zeros([1]).dispose()
      for (let round = 0; round < 4; round++) await collect()
      console.log(JSON.stringify([during, buffers]))
    `)

    assert.deepEqual(result, [[0, [2, 3]], 1])
  })
})

describe('a disposed tensor', () => {
  const DISPOSED = { code: 'TORCH_DISPOSED', message: /^Expected a live tensor for \w+, received a disposed one$/ }

  const properties = [
    'shape',
    'strides',
    'ndim',
    'numel',
    'dtype',
    'device',
    'itemSize',
    'nbytes',
    'storageOffset',
  ] as const
  for (const property of properties) {
    it(`refuses ${property}, even if it was read before`, () => {
      const made = zeros([2, 3])
      assert.notEqual(made[property], undefined)
      made.dispose()

      assert.throws(() => made[property], DISPOSED)
    })
  }

  // Every method, found on the prototypes, so that none is forgotten; those that need arguments get some that fit.
  const args: Readonly<Record<string, () => readonly unknown[]>> = {
    size: () => [0],
    to: () => ['float64'],
    view: () => [[4]],
    reshape: () => [[4]],
    permute: () => [[1, 0]],
    transpose: () => [0, 1],
    unsqueeze: () => [0],
    expand: () => [[2, 2]],
    select: () => [0, 0],
    slice: () => [0, 0],
    narrow: () => [0, 0, 1],
    indexSelect: () => [0, tensor([0n])],
    flip: () => [[0]],
    split: () => [1],
    chunk: () => [2],
    clamp: () => [{ min: 0 }],
    fill_: () => [1],
    topk: () => [1],
    softmax: () => [0],
    logSoftmax: () => [0],
    pow: () => [2],
    ...Object.fromEntries(
      ['add', 'sub', 'mul', 'div', 'add_', 'sub_', 'mul_', 'div_', 'eq', 'ne', 'lt', 'le', 'gt', 'ge'].map((name) => [
        name,
        () => [1],
      ]),
    ),
    ...Object.fromEntries(
      [
        'matmul',
        'equal',
        'allclose',
        'copy_',
        'maximum',
        'minimum',
        'bmm',
        'logicalAnd',
        'logicalOr',
        'logicalXor',
      ].map((name) => [name, () => [zeros([2, 2])]]),
    ),
    ...Object.fromEntries(['cumsum', 'sort', 'argsort', 'unbind'].map((name) => [name, () => [0]])),
    where: () => [zeros([2, 2]).eq(0), 1],
    maskedFill: () => [zeros([2, 2]).eq(0), 1],
    maskedFill_: () => [zeros([2, 2]).eq(0), 1],
    gather: () => [0, tensor([[0n]])],
    scatter: () => [0, tensor([[0n]]), 1],
    roll: () => [1],
    repeat: () => [2, 1],
    tile: () => [2],
  }
  const survivors = ['constructor', 'dispose', 'cuda', 'wrap', 'formatInput']
  const methods = methodsOf(zeros([1])).filter((name) => !survivors.includes(name))
  for (const name of methods) {
    it(`refuses ${name}()`, () =>
      scope(async () => {
        const made = zeros([2, 2])
        made.dispose()
        const result = (): unknown => call(made, name, Object.hasOwn(args, name) ? (args[name]?.() ?? []) : [])

        if (name.endsWith('Async')) await assert.rejects(result() as Promise<unknown>, DISPOSED)
        else assert.throws(result, DISPOSED)
      }))
  }

  it('is refused as the other operand, under its name', () =>
    scope(() => {
      const [made, gone] = [zeros([2, 2]), zeros([2, 2])]
      const index = tensor([0n])
      gone.dispose()
      index.dispose()

      const calls: readonly [name: string, call: () => unknown][] = [
        ['other', () => made.add(gone)],
        ['other', () => made.div_(gone)],
        ['other', () => made.matmul(gone)],
        ['other', () => made.eq(gone)],
        ['other', () => made.pow(gone)],
        ['other', () => made.equal(gone)],
        ['other', () => made.allclose(gone)],
        ['source', () => made.copy_(gone)],
        ['index', () => made.indexSelect(0, index)],
        ['tensors[1]', () => cat([made, gone])],
        ['tensors[1]', () => stack([made, gone])],
      ]
      for (const [name, call] of calls) {
        assert.throws(
          call,
          { code: 'TORCH_DISPOSED', message: `Expected a live tensor for ${name}, received a disposed one` },
          String(call),
        )
      }
      assert.throws(() => zerosLike(gone), { code: 'TORCH_DISPOSED' })
      assert.throws(() => onesLike(gone), { code: 'TORCH_DISPOSED' })
    }))

  it('says so when it is printed or named in an error, and can be disposed again', () => {
    const gone = zeros([1])
    gone.dispose()
    gone.dispose()

    assert.equal(gone.isDisposed, true)
    assert.equal(
      Reflect.apply(Reflect.get(gone, Symbol.for('nodejs.util.inspect.custom')) as () => string, gone, []),
      'a disposed tensor',
    )
    assert.throws(() => tensor(gone as unknown as number), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected numbers, bigints or booleans for data, received a disposed tensor',
    })
    assert.equal(keep(gone), gone)
  })

  it('leaves the array that it shared to JavaScript', () => {
    const array = Float32Array.of(1, 2)
    const gone = fromArray(array, [2])
    gone.dispose()
    array[0] = 3

    assert.deepEqual(array, Float32Array.of(3, 2))
  })

  it('in a state dict is disposed with the others', () => {
    const before = memory().tensors
    const state = new StateDict([
      ['a', zeros([1])],
      ['b', arange(2)],
    ])
    state.dispose()

    assert.equal(memory().tensors, before)
  })
})

function methodsOf(made: Tensor): string[] {
  const names = new Set<string>()
  for (let level: unknown = made; level !== Object.prototype; level = Object.getPrototypeOf(level)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level as object))) {
      if (typeof value === 'function') names.add(name)
    }
  }
  made.dispose()
  return [...names]
}

function call(made: Tensor, method: string, args: readonly unknown[]): unknown {
  return Reflect.apply(Reflect.get(made, method) as (...args: unknown[]) => unknown, made, args)
}
