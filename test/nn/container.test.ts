import assert from 'node:assert/strict'

import { Conv2d, Identity, Linear, Module, ModuleList, ones, ReLU, scope, Sequential, type Tensor } from 'napi-torch'

class Add extends Module {
  readonly amount: number

  constructor(amount: number) {
    super()
    this.amount = amount
  }

  override forward(x: Tensor): Tensor {
    return x.add(this.amount)
  }
}

const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

const amounts = (modules: Iterable<Module>): (number | null)[] =>
  Array.from(modules, (module) => (module instanceof Add ? module.amount : null))

const names = (module: Module): string[] => module.namedChildren().map(([name]) => name)

describe('Sequential', () => {
  describe('forward()', () => {
    inScope('passes the input through all modules in turn', () => {
      const y = new Sequential(new Add(1), new ReLU(), new Sequential(new Add(2))).forward(ones([1]).neg().neg())

      assert.deepEqual(y.tolist(), [4])
    })

    inScope('gives its very input back if it is empty', () => {
      const x = ones([1])

      assert.equal(new Sequential().forward(x), x)
    })

    inScope('runs a module twice that it holds twice', () => {
      const add = new Add(1)

      assert.deepEqual(new Sequential(add, add).forward(ones([1])).tolist(), [3])
    })
  })

  describe('constructor', () => {
    inScope('names modules from a map or from pairs, and keeps their order', () => {
      const pairs: [string, Module][] = [
        ['conv1', new Conv2d(1, 1, 1, { bias: false })],
        ['7', new Linear(1, 1, { bias: false })],
        ['3', new Identity()],
      ]

      assert.deepEqual(names(new Sequential(pairs)), ['conv1', '7', '3'])
      assert.deepEqual([...new Sequential(new Map(pairs)).stateDict().keys()], ['conv1.weight', '7.weight'])
    })

    inScope('takes one Sequential for a module', () => {
      assert.deepEqual(names(new Sequential(new Sequential(new ReLU()))), ['0'])
    })

    inScope('refuses what is no module', () => {
      assert.throws(() => new Sequential(3 as never), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: '3 is not a Module subclass',
      })
    })
  })

  describe('slice()', () => {
    inScope('shares the modules and keeps their names', () => {
      const all = new Sequential(new Add(0), new Add(1), new Add(2))

      assert.deepEqual(names(all.slice(1)), ['1', '2'])
      assert.equal(all.slice(-1).at(0), all.at(2))
      assert.deepEqual(amounts(all.slice(0, -1)), [0, 1])
      assert.equal(all.slice(3).length, 0)
    })
  })

  describe('insert()', () => {
    inScope('refuses modules with names, whose place would be unclear', () => {
      const named = new Sequential(new Map([['act', new ReLU()]]))

      assert.throws(() => named.insert(0, new ReLU()), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected modules without names for insert(), received "Sequential"',
      })
    })
  })
})

const SEQUENCES: readonly (readonly [string, (modules: Add[]) => Sequential | ModuleList])[] = [
  ['Sequential', (modules) => new Sequential(...modules)],
  ['ModuleList', (modules) => new ModuleList<Module>(modules)],
]

for (const [name, make] of SEQUENCES) {
  describe(`${name} as a list`, () => {
    const list = (): Sequential | ModuleList => make([new Add(0), new Add(1), new Add(2)])

    inScope('has a length and can be iterated', () => {
      assert.equal(list().length, 3)
      assert.deepEqual(amounts(list()), [0, 1, 2])
    })

    inScope('gives modules by index, from the end too', () => {
      assert.deepEqual(amounts([list().at(0), list().at(-1)]), [0, 2])
    })

    for (const index of [3, -4]) {
      inScope(`refuses index ${index} of three`, () => {
        assert.throws(() => list().at(index), {
          code: 'TORCH_INVALID_ARGUMENT',
          message: `Expected an index from -3 to 2 for index, received ${index}`,
        })
      })
    }

    inScope('appends and extends', () => {
      const grown = list()
        .append(new Add(3))
        .extend([new Add(4), new Add(5)])

      assert.deepEqual(amounts(grown), [0, 1, 2, 3, 4, 5])
      assert.deepEqual(names(grown), ['0', '1', '2', '3', '4', '5'])
    })

    inScope('extends by itself once', () => {
      const grown = list()

      assert.equal(grown.extend(grown).length, 6)
    })

    const places: readonly (readonly [number, number[]])[] = [
      [0, [9, 0, 1, 2]],
      [3, [0, 1, 2, 9]],
      [-1, [0, 1, 9, 2]],
    ]
    for (const [index, expected] of places) {
      inScope(`inserts at ${index}`, () => {
        const grown = list().insert(index, new Add(9))

        assert.deepEqual(amounts(grown), expected)
        assert.deepEqual(names(grown), ['0', '1', '2', '3'])
      })
    }

    inScope('replaces one module', () => {
      assert.deepEqual(amounts(list().set(-1, new Add(9))), [0, 1, 9])
    })
  })
}

describe('ModuleList', () => {
  inScope('has no forward', () => {
    assert.throws(() => new ModuleList().forward(), {
      message: 'Module [ModuleList] is missing the required "forward" function',
    })
  })

  inScope('knows the type of its modules', () => {
    const list = new ModuleList([new Add(1)])

    assert.equal(list.at(0).amount, 1)
  })

  inScope('counts from 0 again in a slice', () => {
    assert.deepEqual(names(new ModuleList([new Add(0), new Add(1)]).slice(1)), ['0'])
  })
})
