import assert from 'node:assert/strict'

import {} from 'napi-torch'

import { Graph, type Node, type Value } from '../../../lib/engine/graph.js'
import { deadAfter, lifetimesOf, Liveness, shareBuffers } from '../../../lib/engine/plan/buffers.js'

describe('lifetimesOf()', () => {
  it('goes from the first step that touches an item to the last', () => {
    const lifetimes = lifetimesOf([['a'], ['a', 'b'], [], ['b', 'b'], ['c']])

    assert.deepEqual(Object.fromEntries(lifetimes), {
      a: { first: 0, last: 1 },
      b: { first: 1, last: 3 },
      c: { first: 4, last: 4 },
    })
  })
})

describe('deadAfter()', () => {
  it('releases each item after the step that touches it last', () => {
    assert.deepEqual(
      deadAfter(
        [
          ['a', 'b'],
          ['b', 'c'],
          ['a', 'd'],
        ],
        [],
      ),
      [[], ['b', 'c'], ['a', 'd']],
    )
  })

  it('keeps what is needed later', () => {
    assert.deepEqual(
      deadAfter(
        [
          ['a', 'b'],
          ['b', 'c'],
        ],
        ['c', 'x'],
      ),
      [['a'], ['b']],
    )
  })
})

describe('shareBuffers()', () => {
  const value = (id: number): Value => ({ id, shape: [1, 4, 8, 8], dtype: 'float32' })
  const layout = { batch: 1, channels: 4, height: 8, width: 8, border: 1 }
  const request = (id: Value, first: number, last: number, overrides: Partial<typeof layout> = {}) => {
    return { value: id, buffer: { ...layout, ...overrides }, lifetime: { first, last } }
  }
  const [a, b, c] = [value(1), value(2), value(3)]

  it('gives values that are needed one after the other the same memory', () => {
    const { buffers, indexOf } = shareBuffers([request(a, 0, 1), request(b, 1, 2), request(c, 2, 3)])

    const slots = [a, b, c].map((each) => buffers[indexOf(each)]?.slot)
    assert.equal(slots[0], slots[2])
    assert.notEqual(slots[0], slots[1])
  })

  it('gives values that one step touches memory of their own', () => {
    const { buffers } = shareBuffers([request(a, 0, 1), request(b, 1, 1)])

    assert.deepEqual(
      buffers.map(({ slot }) => slot),
      [0, 1],
    )
  })

  for (const overrides of [{ border: 2 }, { batch: 2 }, { width: 7 }, { channels: 8 }]) {
    it(`gives a buffer with another ${Object.keys(overrides).join()} memory of its own`, () => {
      const { buffers } = shareBuffers([request(a, 0, 1), request(b, 2, 3, overrides)])

      assert.deepEqual(
        buffers.map(({ slot }) => slot),
        [0, 1],
      )
    })
  }

  it('takes requests in any order', () => {
    const { buffers, indexOf } = shareBuffers([request(c, 4, 5), request(a, 0, 1), request(b, 2, 3)])

    assert.deepEqual([a, b, c].map(indexOf), [0, 1, 2])
    assert.deepEqual(
      buffers.map(({ slot }) => slot),
      [0, 0, 0],
    )
  })

  it('refuses to name a buffer that nothing asked for', () => {
    assert.throws(() => shareBuffers([]).indexOf(a), { message: 'Value 1 has no buffer' })
  })
})

describe('Liveness', () => {
  const value = (id: number, isOwned = true): Value => {
    return { id, shape: [2, 3], dtype: 'float32', layout: { isOwned, isChannelsLast: false, qparams: null } }
  }
  const add = (left: Value, right: Value, output: Value): Node => {
    return { kind: 'add', path: '', left, right, activation: 'none', output }
  }
  const [x, y, z, w] = [value(0, false), value(1), value(2), value(3)]
  const mayOverwrite = (nodes: readonly Node[], node: Node, read: Value, outputs = [w]): boolean => {
    return new Liveness(new Graph({ inputs: [x], nodes, outputs, owned: [] })).mayOverwrite(node, read)
  }

  it('lets the last reader overwrite a value that owns its memory', () => {
    const [first, last] = [add(x, y, z), add(x, y, w)]

    assert.deepEqual([mayOverwrite([first, last], first, y), mayOverwrite([first, last], last, y)], [false, true])
  })

  it('protects memory that is not owned', () => {
    const node = add(y, x, w)

    assert.equal(mayOverwrite([node], node, x), false)
  })

  it('protects a value that the node reads twice', () => {
    const node = add(y, y, w)

    assert.equal(mayOverwrite([node], node, y), false)
  })

  it('protects an output of the graph', () => {
    const node = add(x, y, w)

    assert.equal(mayOverwrite([node], node, y, [w, y]), false)
  })

  it('protects a value of which something may have made a view', () => {
    const views: Node[] = [
      { kind: 'reshape', path: '', input: y, output: z },
      { kind: 'aten', path: '', schema: 'aten::permute', args: [{ value: y }], outputs: [z] },
      { kind: 'reorder', path: '', operation: 'convert', input: y, output: z },
    ]
    const node = add(x, y, w)

    for (const view of views) assert.equal(mayOverwrite([view, node], node, y), false, view.kind)
  })
})
