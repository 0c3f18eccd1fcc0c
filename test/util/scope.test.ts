import assert from 'node:assert/strict'
import { setImmediate, setTimeout } from 'node:timers/promises'

import { keep, memory, Module, ones, scope, tensor, zeros, type Tensor } from 'napi-torch'

import { runChild } from '../support/installed.js'

/** Counts the tensors that are left over from before, so that those of other tests do not matter. */
function counter(): () => number {
  const before = memory().tensors
  return () => memory().tensors - before
}

describe('scope()', () => {
  it('disposes what was made inside', () => {
    const live = counter()
    const made: Tensor[] = []

    scope(() => {
      made.push(zeros([2]), ones([2]).add(1))
      assert.equal(live(), 3)
    })

    assert.equal(live(), 0)
    assert.deepEqual(
      made.map(({ isDisposed }) => isDisposed),
      [true, true],
    )
  })

  it('leaves alone what was made outside', () => {
    const outside = zeros([2])

    scope(() => outside)
    scope(() => outside.add_(1))

    assert.equal(outside.isDisposed, false)
    outside.dispose()
  })

  it('gives back a result without tensors as it is', () => {
    for (const value of [undefined, null, 3, 'text', Symbol.iterator, () => 1, new Date(0)]) {
      assert.equal(
        scope(() => value),
        value,
      )
    }
  })

  it('refuses what is no function', () => {
    assert.throws(() => scope(3 as unknown as () => void), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a function for body, received 3',
    })
  })

  describe('the result', () => {
    class Holder {
      readonly tensor = zeros([1])
    }
    const circle = (): object => {
      const knot: Record<string, unknown> = { tensor: zeros([1]) }
      knot['self'] = [knot]
      return knot
    }
    const deep = (): unknown[] => {
      let value: unknown[] = [zeros([1])]
      for (let depth = 0; depth < 100_000; depth++) value = [value]
      return value
    }
    const kept: readonly [title: string, make: () => unknown, count: number][] = [
      ['a tensor', () => zeros([1]), 1],
      ['an array', () => [zeros([1]), ones([1])], 2],
      ['an object', () => ({ a: zeros([1]), b: { c: ones([1]) } }), 2],
      ['an object without prototype', () => Object.assign(Object.create(null) as object, { a: zeros([1]) }), 1],
      ['a Map', () => new Map([['a', zeros([1])]]), 1],
      ['a Map whose keys are tensors', () => new Map([[zeros([1]), 'a']]), 1],
      ['a Set', () => new Set([zeros([1])]), 1],
      ['an array of objects of Maps of Sets', () => [{ a: new Map([['b', new Set([zeros([1])])]]) }], 1],
      [
        'one tensor many times',
        () => {
          const one = zeros([1])
          return [one, { one }, new Set([one])]
        },
        1,
      ],
      ['an object that holds itself', circle, 1],
      ['arrays nested 100,000 deep', deep, 1],
      ['the values and indices of topk()', () => tensor([1, 2]).topk(1), 2],
      [
        'a function that holds one',
        () => {
          const inside = zeros([1])
          return () => inside
        },
        0,
      ],
      ['an instance of a class of the user', () => new Holder(), 0],
      [
        'a generator that has not begun',
        function* () {
          yield zeros([1])
        },
        0,
      ],
      ['an iterator over tensors', () => [zeros([1])].values(), 0],
    ]
    for (const [title, make, count] of kept) {
      it(`keeps ${count} of ${title}`, () => {
        const live = counter()

        scope(() => {
          const result = scope(() => {
            zeros([3])
            return make()
          })

          assert.equal(live(), count)
          assert.ok(result !== undefined)
        })

        assert.equal(live(), 0)
      })
    }

    it('whose getter throws leaves nothing', () => {
      const live = counter()
      const trap = {
        get tensor(): Tensor {
          throw new Error('trap')
        },
      }

      assert.throws(() => scope(() => [zeros([1]), trap]), { message: 'trap' })

      assert.equal(live(), 0)
    })

    it('may hold disposed tensors', () => {
      const disposed = scope(() => {
        const made = zeros([1])
        made.dispose()
        return made
      })

      assert.equal(disposed.isDisposed, true)
    })
  })

  describe('nested', () => {
    it('hands the result of the inner one to the outer one', () => {
      const live = counter()

      scope(() => {
        const inner = scope(() => zeros([1]).add(1))
        assert.equal(live(), 1)
        assert.equal(inner.item(), 1)
      })

      assert.equal(live(), 0)
    })

    it('goes on after the inner one has thrown', () => {
      const live = counter()

      scope(() => {
        assert.throws(() =>
          scope(() => {
            zeros([1])
            throw new Error('inner')
          }),
        )
        assert.equal(live(), 0)
        zeros([1])
        assert.equal(live(), 1)
      })

      assert.equal(live(), 0)
    })

    it('keeps through many levels what every level gives back', () => {
      const nest = (depth: number): Tensor => scope(() => (depth === 0 ? zeros([1]) : nest(depth - 1).add(1)))

      const result = nest(50)

      assert.equal(result.item(), 50)
      result.dispose()
    })
  })

  describe('that throws', () => {
    it('disposes all and throws the same error', () => {
      const live = counter()
      const error = new Error('body')

      assert.throws(
        () =>
          scope(() => {
            zeros([1])
            throw error
          }),
        (thrown) => thrown === error,
      )

      assert.equal(live(), 0)
    })

    it('disposes what a failed operation left', () => {
      const live = counter()

      assert.throws(() => scope(() => zeros([2, 3]).matmul(ones([2, 3]))), { code: 'TORCH_OPERATOR' })

      assert.equal(live(), 0)
    })
  })

  describe('asynchronous', () => {
    it('is followed over await until the promise settles', async () => {
      const live = counter()

      const promise = scope(async () => {
        const first = zeros([1])
        await setImmediate()
        assert.equal(first.isDisposed, false)
        const second = first.add(1)
        await setTimeout(1)
        assert.equal(live(), 2)
        return second.add(1)
      })
      assert.equal(live(), 1)
      const result = await promise

      assert.equal(live(), 1)
      assert.equal(result.item(), 2)
      result.dispose()
    })

    it('disposes all when the promise rejects', async () => {
      const live = counter()

      await assert.rejects(
        scope(async () => {
          zeros([1])
          await setImmediate()
          ones([1])
          throw new Error('later')
        }),
        { message: 'later' },
      )

      assert.equal(live(), 0)
    })

    it('keeps the tensors of many that run side by side apart', async () => {
      const live = counter()

      const results = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          scope(async () => {
            const start = tensor(index)
            for (let round = 0; round < 5; round++) {
              await setTimeout((index * 7 + round) % 3)
              start.add_(zeros([]).add(1))
            }
            return start
          }),
        ),
      )

      assert.equal(live(), 20)
      assert.deepEqual(
        results.map((result) => result.item()),
        Array.from({ length: 20 }, (_, index) => index + 5),
      )
      for (const result of results) result.dispose()
    })

    it('does not take what is made outside while it waits', async () => {
      const live = counter()

      const promise = scope(() => setTimeout(1))
      const outside = zeros([1])
      await promise

      assert.equal(live(), 1)
      assert.equal(outside.isDisposed, false)
      outside.dispose()
    })

    it('hands a result to the scope around, which waits too', async () => {
      const live = counter()

      await scope(async () => {
        const inner = await scope(async () => {
          await setImmediate()
          return zeros([1])
        })
        assert.equal(inner.isDisposed, false)
      })

      assert.equal(live(), 0)
    })

    it('hands a late result to the nearest scope around that is still open', async () => {
      const live = counter()

      await scope(async () => {
        const { late } = scope(() => ({
          late: scope(async () => {
            await setImmediate()
            return zeros([1])
          }),
        }))
        const result = await late
        assert.equal(result.isDisposed, false)
        assert.equal(live(), 1)
      })

      assert.equal(live(), 0)
    })

    it('gives work that is not awaited to the nearest scope that is still open', async () => {
      const live = counter()

      await scope(async () => {
        let late: Promise<Tensor> | undefined
        scope(() => {
          late = setImmediate().then(() => zeros([1]))
        })
        assert.equal((await late)?.isDisposed, false)
        assert.equal(live(), 1)
      })

      assert.equal(live(), 0)
    })

    it('leaves to the garbage collector what is made after all scopes have closed', async () => {
      let late: Promise<Tensor> | undefined
      scope(() => {
        late = setImmediate().then(() => zeros([1]))
      })
      const made = await late

      assert.equal(made?.isDisposed, false)
      made?.dispose()
    })

    it('takes any thenable for a promise', async () => {
      const live = counter()

      const settled: unknown = scope(() => ({
        made: zeros([1]),
        then(resolve: (value: string) => void): void {
          resolve('done')
        },
      }))

      assert.equal(await (settled as Promise<string>), 'done')
      assert.equal(live(), 0)
    })

    it('works in an asynchronous generator that is read inside', async () => {
      const live = counter()
      async function* numbers(): AsyncGenerator<Tensor> {
        for (let index = 0; index < 3; index++) {
          await setImmediate()
          yield tensor(index)
        }
      }

      const sum = await scope(async () => {
        const total = zeros([])
        for await (const number of numbers()) total.add_(number)
        return total.item()
      })

      assert.deepEqual([sum, live()], [3, 0])
    })

    it('works in a generator that is read inside, wherever it was made', () => {
      const live = counter()
      function* numbers(): Generator<Tensor> {
        for (let index = 0; index < 3; index++) yield tensor(index)
      }
      const made = scope(() => numbers())

      const sum = scope(() =>
        Array.from(made, (number) => Number(number.item())).reduce((total, item) => total + item, 0),
      )

      assert.deepEqual([sum, live()], [3, 0])
    })
  })

  describe('in the call of a module', () => {
    class Doubling extends Module {
      override forward(input: Tensor): Tensor {
        return input.add(input).mul(1)
      }
    }

    it('opens by itself: what forward makes in between is disposed', () => {
      const live = counter()

      scope(() => {
        const input = ones([2])
        const output = new Doubling().forward(input)

        assert.equal(live(), 2)
        assert.deepEqual(output.tolist(), [2, 2])
      })

      assert.equal(live(), 0)
    })

    it('may be opened once more inside', () => {
      class Nested extends Module {
        readonly inner = new Doubling()

        override forward(input: Tensor): Tensor {
          return scope(() => this.inner.forward(input).add(1))
        }
      }
      const live = counter()

      scope(() => {
        const output = new Nested().forward(ones([1]))

        assert.deepEqual([output.item(), live()], [3, 2])
      })

      assert.equal(live(), 0)
    })

    it('does not follow what the caller does next', async () => {
      const live = counter()

      await scope(async () => {
        const layer = new Doubling()
        const first = layer.forward(ones([1]))
        await setImmediate()
        const second = layer.forward(first)
        await setImmediate()
        assert.deepEqual([first.isDisposed, second.isDisposed, second.item()], [false, false, 4])
      })

      assert.equal(live(), 0)
    })

    it('refuses a forward that is asynchronous, and lets the process live when that goes on', () => {
      const { code, stdout, stderr } = runChild(`
        import { setTimeout } from 'node:timers/promises'
        import { memory, Module, ones } from 'napi-torch'
        class Waiting extends Module {
          async forward(input) {
            const sum = input.add(1)
            await setTimeout(1)
            return sum.add(1)
          }
        }
        try { new Waiting().forward(ones([1])) } catch ({ code, message }) { console.log(code, message) }
        await setTimeout(10)
        console.log(memory().tensors)
      `)

      const message = 'Expected a synchronous forward() for Waiting, received an instance of Promise'
      assert.deepEqual({ code, stdout }, { code: 0, stdout: `TORCH_INVALID_ARGUMENT ${message}\n1\n` }, stderr)
    })

    it('disposes what forward made when it throws', () => {
      class Failing extends Module {
        override forward(input: Tensor): Tensor {
          input.add(1)
          throw new Error('forward')
        }
      }
      const live = counter()
      const input = ones([1])

      assert.throws(() => new Failing().forward(input), { message: 'forward' })

      assert.equal(live(), 1)
      input.dispose()
    })
  })

  it('belongs to its thread: a worker has scopes and a count of its own', () => {
    const { code, signal, stdout, stderr } = runChild(`
      import { Worker } from 'node:worker_threads'
      import { memory, scope, zeros } from 'napi-torch'

      await scope(async () => {
        const outside = zeros([1])
        const worker = new Worker(\`
          import { parentPort } from 'node:worker_threads'
          import { memory, scope, zeros } from 'napi-torch'
          const inside = scope(() => { zeros([1]); return zeros([1]) })
          parentPort.postMessage([memory().tensors, inside.isDisposed])
        \`, { eval: true })
        worker.once('message', (message) => console.log(JSON.stringify(message)))
        await new Promise((resolve) => worker.once('exit', resolve))
        console.log(memory().tensors, outside.isDisposed)
      })
      console.log(memory().tensors)
    `)

    assert.deepEqual({ code, signal, stdout }, { code: 0, signal: null, stdout: '[1,false]\n1 false\n0\n' }, stderr)
  })
})

describe('keep()', () => {
  it('saves a tensor that leaves by another way', () => {
    let kept: Tensor | undefined

    scope(() => {
      kept = keep(zeros([1]))
    })

    assert.equal(kept?.isDisposed, false)
    kept?.dispose()
  })

  it('gives back its argument and saves all tensors in it', () => {
    const live = counter()
    const box = { list: [] as Tensor[] }

    scope(() => {
      box.list.push(zeros([1]), zeros([1]))
      assert.equal(keep(box), box)
    })

    assert.equal(live(), 2)
    for (const made of box.list) made.dispose()
  })

  it('saves from the innermost scope only: the scope around disposes it', () => {
    const live = counter()

    scope(() => {
      const kept: Tensor[] = []
      scope(() => {
        kept.push(keep(zeros([1])))
      })
      assert.deepEqual([kept[0]?.isDisposed, live()], [false, 1])
    })

    assert.equal(live(), 0)
  })

  it('does nothing outside of scopes', () => {
    const made = keep(zeros([1]))

    assert.equal(made.isDisposed, false)
    made.dispose()
  })

  it('saves even if the scope then throws', () => {
    let kept: Tensor | undefined

    assert.throws(() =>
      scope(() => {
        kept = keep(zeros([1]))
        throw new Error('later')
      }),
    )

    assert.equal(kept?.isDisposed, false)
    kept?.dispose()
  })

  it('works after await', async () => {
    let kept: Tensor | undefined

    await scope(async () => {
      const made = zeros([1])
      await setImmediate()
      kept = keep(made)
    })

    assert.equal(kept?.isDisposed, false)
    kept?.dispose()
  })
})
