import assert from 'node:assert/strict'

import { detectArchitecture, resnet18Cifar, scope, type TensorFacts } from 'napi-torch'

type Facts = [string, TensorFacts][]

const shapes = scope((): Facts =>
  [...resnet18Cifar({ width: 2 }).stateDict()].map(([key, { shape }]) => [key, { shape: [...shape] }]),
)

function under(prefix: string): Facts {
  return shapes.map(([key, facts]) => [prefix + key, facts])
}

describe('recognize()', () => {
  it('names the networks and the option, and takes the one that is named', () => {
    const both = [...under('student.'), ...under('module.teacher.')]

    assert.throws(() => detectArchitecture(both), {
      code: 'TORCH_ARCHITECTURE',
      message: "Holds 2 networks: pass { prefix: 'student.' } or { prefix: 'module.teacher.' }",
    })
    assert.equal(detectArchitecture(both, { prefix: 'teacher' }).prefix, 'module.teacher.')
    assert.throws(() => detectArchitecture(both, { prefix: 'pupil' }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: `Expected { prefix: 'student.' } or { prefix: 'module.teacher.' } for prefix, received "pupil"`,
    })
  })

  it('counts no further than it has to, and finds any of a thousand networks by its prefix', () => {
    const many = Array.from({ length: 1000 }, (_, index) => under(`net${index}.`)).flat()

    assert.throws(
      () => detectArchitecture(many),
      (error: Error) => {
        assert.match(error.message, /^Holds at least 16 networks: pass \{ prefix: 'net0\.' \} or .*, …$/)
        assert.ok(error.message.length <= 500)
        return true
      },
    )
    assert.equal(detectArchitecture(many, { prefix: 'net999.' }).prefix, 'net999.')
  })

  it('refuses a module of 200,000 children, and keys of any depth', () => {
    const wide = Array.from({ length: 200_000 }, (_, index): Facts[number] => [
      `m${index}.weight`,
      { shape: [3, 3, 3, 3] },
    ])
    const deep: Facts = [[`${'a.'.repeat(100_000)}weight`, { shape: [3, 3, 3, 3] }]]

    assert.throws(() => detectArchitecture(wide), { code: 'TORCH_ARCHITECTURE', message: /no residual blocks/ })
    assert.throws(() => detectArchitecture(deep), { code: 'TORCH_ARCHITECTURE', message: /no convolutions/ })
  })
})
