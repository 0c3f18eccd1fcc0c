import assert from 'node:assert/strict'

import { Conv2d, empty, Generator, init, manualSeed, ones, randn, scope, zeros } from 'napi-torch'

describe('init', () => {
  const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

  describe('calculateGain()', () => {
    const gains = [
      ['linear', 1],
      ['conv2d', 1],
      ['conv_transpose3d', 1],
      ['sigmoid', 1],
      ['tanh', 5 / 3],
      ['relu', Math.sqrt(2)],
      ['selu', 3 / 4],
    ] as const
    for (const [name, gain] of gains) {
      it(`is ${gain.toFixed(3)} for ${name}`, () => {
        assert.equal(init.calculateGain(name), gain)
      })
    }

    it('depends on the slope of leaky_relu, 0.01 by default', () => {
      assert.equal(init.calculateGain('leaky_relu'), Math.sqrt(2 / 1.0001))
      assert.equal(init.calculateGain('leaky_relu', 1), 1)
    })

    it('refuses another name', () => {
      assert.throws(() => init.calculateGain('gelu' as never), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: /^Expected one of 'linear', .*, 'selu' for nonlinearity, received "gelu"$/,
      })
    })
  })

  describe('calculateFanInAndFanOut()', () => {
    inScope('multiplies by the size of the kernel', () => {
      assert.deepEqual(init.calculateFanInAndFanOut(zeros([8, 3, 2, 5])), { fanIn: 30, fanOut: 80 })
    })

    inScope('refuses a vector', () => {
      assert.throws(() => init.calculateFanInAndFanOut(zeros([8])), {
        message: 'Expected a tensor of two or more dimensions for tensor, received float32 (8,)',
      })
    })
  })

  describe('kaimingUniform_()', () => {
    inScope('stays within its bound, comes near it, and gives the tensor back', () => {
      const weight = empty([64, 50])
      const bound = Math.sqrt(2) * Math.sqrt(3 / 50)

      assert.equal(init.kaimingUniform_(weight, { nonlinearity: 'relu' }), weight)
      const largest = weight.abs().max().item()
      assert.ok(largest <= bound && largest > 0.99 * bound, `${largest} against ${bound}`)
    })

    inScope('leaves a tensor without elements alone', () => {
      assert.deepEqual(init.kaimingUniform_(zeros([0, 3])).shape, [0, 3])
    })

    inScope('refuses another mode and unknown options', () => {
      assert.throws(() => init.kaimingUniform_(zeros([2, 2]), { mode: 'fanIn' as never }), {
        message: "Expected one of 'fan_in', 'fan_out' for mode, received \"fanIn\"",
      })
      assert.throws(() => init.kaimingUniform_(zeros([2, 2]), { gain: 1 } as never), {
        message: 'Expected options among a, mode, nonlinearity, generator for kaimingUniform_(), received "gain"',
      })
    })
  })

  const draws = {
    'uniform_()': (generator?: Generator) => init.uniform_(empty([7]), 0, 1, { generator }),
    'normal_()': (generator?: Generator) => init.normal_(empty([7]), 0, 1, { generator }),
    'kaimingUniform_()': (generator?: Generator) => init.kaimingUniform_(empty([7, 2]), { generator }),
    'kaimingNormal_()': (generator?: Generator) => init.kaimingNormal_(empty([7, 2]), { generator }),
    'xavierUniform_()': (generator?: Generator) => init.xavierUniform_(empty([7, 2]), { generator }),
    'xavierNormal_()': (generator?: Generator) => init.xavierNormal_(empty([7, 2]), { generator }),
  }
  for (const [name, draw] of Object.entries(draws)) {
    inScope(`${name} draws from a generator what it draws from the default one of the same seed`, () => {
      manualSeed(3)
      const fromDefault = draw()

      assert.ok(draw(new Generator({ seed: 3 })).equal(fromDefault))
    })
  }

  describe('skipInit()', () => {
    inScope('gives what the function makes, whose parameters are not drawn', () => {
      manualSeed(3)
      const first = randn([4])
      manualSeed(3)

      const layer = init.skipInit(() => new Conv2d(3, 8, 3))

      assert.deepEqual(layer.weight.shape, [8, 3, 3, 3])
      assert.ok(randn([4]).equal(first))
    })

    inScope('leaves every function of init without effect, and only until it ends', () => {
      const tensor = ones([2, 2])
      const fill = (): void => {
        init.uniform_(tensor, 5, 6)
        init.normal_(tensor, 5)
        init.constant_(tensor, 5)
        init.zeros_(tensor)
        init.kaimingNormal_(tensor)
        init.xavierUniform_(tensor)
      }

      init.skipInit(() => init.skipInit(fill))
      assert.deepEqual(tensor.tolist(), [
        [1, 1],
        [1, 1],
      ])
      init.zeros_(tensor)
      assert.equal(tensor.sum().item(), 0)
    })

    inScope('ends where the function throws', () => {
      assert.throws(
        () =>
          init.skipInit(() => {
            throw new RangeError('no')
          }),
        RangeError,
      )
      assert.equal(
        init
          .ones_(zeros([2]))
          .sum()
          .item(),
        2,
      )
    })

    inScope('still checks arguments', () => {
      assert.throws(() => init.skipInit(() => init.constant_(zeros([2]), '5' as never)), {
        code: 'TORCH_INVALID_ARGUMENT',
      })
    })

    it('refuses what is no function', () => {
      assert.throws(() => init.skipInit(Conv2d.prototype as never), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: /^Expected a function that builds modules for make, received /,
      })
    })
  })
})
