import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

import type { Tensor } from 'napi-torch'
import { compile, init, manualSeed, rand, scope, StateDict, type Module } from 'napi-torch'

import { formulaEntry, formulaTensor } from './formula.js'
import { storedGolden } from './goldens.js'

/** What `test/goldens/models/families.json`, which scripts/make_family_goldens.py wrote, says of a model. */
export interface FamilyFacts {
  readonly parameters: number
  /** SHA-256 of the lines `key shape dtype` of the state dict. */
  readonly digest: string
  /** Shape of the input of the logits by formula. */
  readonly odd?: readonly number[]
  /** How the images of the published weights are prepared. */
  readonly preset: {
    readonly resize: number
    readonly crop: number
    readonly interpolation: string
    readonly mean: readonly number[]
    readonly std: readonly number[]
  }
}

/** Reads the facts of all of torchvision's classification models. */
export function familyFacts(): Readonly<Record<string, FamilyFacts>> {
  const file = new URL('../goldens/models/families.json', import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, FamilyFacts>
}

type Build = (options?: { readonly numClasses?: number }) => Module

/** Classes of torchvision's own test of its models. */
const NUM_CLASSES = 50

/**
 * Tests that the models of a family are torchvision's: their keys, shapes and parameters; their logits under seed 0, by the rule
 * of torchvision's own tests; and their logits, eager and compiled, for weights by formula.
 */
export function describeFamily(builders: Readonly<Record<string, Build>>): void {
  const facts = familyFacts()
  const golden = storedGolden('models/families')
  for (const [name, build] of Object.entries(builders)) {
    describe(`${name}()`, function () {
      this.timeout(120_000)
      const known = facts[name]
      if (known === undefined) throw new Error(`There is no golden of ${name}`)

      it(`has the keys, shapes, dtypes and the ${known.parameters} parameters of torchvision`, () =>
        scope(() => {
          const model = init.skipInit(() => build())

          assert.equal(digestOf(model), known.digest)
          assert.equal(model.parameterCount(), known.parameters)
        }))

      const seeded = golden.get(`${name}.seed`)
      if (seeded !== undefined) {
        it('gives the logits of torchvision from seed 0 within 1e-3 of their scale', () =>
          scope(() => {
            manualSeed(0)
            const model = build({ numClasses: NUM_CLASSES }).eval()
            const side = name === 'inception_v3' ? 299 : 224

            const logits = model.forward(rand([1, 3, side, side]))

            const expected = seeded()
            // Stricter than torchvision where logits are small; a fresh ViT's are zero, and a fresh Inception's above 1e9.
            const largest = Number(expected.abs().max().item())
            assertWithin(logits, expected, { tolerance: 1e-3, scale: largest === 0 ? 1 : largest })
          }))
      }

      const formula = golden.get(`${name}.formula`)
      const { odd } = known
      if (formula !== undefined && odd !== undefined) {
        it(`gives the logits of torchvision for (${odd.join(', ')}) within 1e-5, and compiled within 1e-4`, async () => {
          const [eager, expected, compiled] = await scope(async () => {
            const model = init.skipInit(() => build({ numClasses: NUM_CLASSES })).eval()
            fillByFormula(model)
            const input = formulaTensor('input', odd, 2)
            await using engine = await compile(model, { input: odd.slice(1), maxBatchSize: 2 })
            const output = await engine.run(input)
            return [model.forward(input), formula(), output] as const
          })

          scope(() => {
            const scale = Number(expected.abs().max().item())
            assertWithin(eager, expected, { tolerance: 1e-5, scale })
            assertWithin(compiled, expected, { tolerance: 1e-4, scale })
          })
          for (const each of [eager, expected, compiled]) each.dispose()
        })
      }
    })
  }
}

/** Fills a model with the numbers that `formula_state` in scripts/make_family_goldens.py gives. */
export function fillByFormula(model: Module): void {
  const state = new StateDict()
  // Tables of positions are not drawn: they stay as the constructor makes them.
  for (const [key, value] of model.stateDict()) {
    const isTable = key.endsWith('relative_coords_table') || key.endsWith('relative_position_index')
    if (isTable) state.set(key, value)
    else if (key.endsWith('layer_scale')) state.set(key, formulaTensor(key, value.shape, 0.25, 0.5))
    else state.set(key, formulaEntry(key, value.shape))
  }
  model.loadStateDict(state)
}

/** Fails unless the heads in the middle of a model that {@link fillByFormula} filled give what torchvision's give of these shapes. */
export function assertAuxHeads(name: string, model: Module, heads: Readonly<Record<string, readonly number[]>>): void {
  const golden = storedGolden('models/families')
  for (const [head, shape] of Object.entries(heads)) {
    const expected = golden.get(`${name}.formula.${head}`)?.()
    if (expected === undefined) throw new Error(`There is no golden of ${head} of ${name}`)
    const actual = model.getSubmodule(head).forward(formulaTensor(head, shape)) as Tensor
    assertWithin(actual, expected, { tolerance: 1e-5, scale: Number(expected.abs().max().item()) })
  }
}

function digestOf(model: Module): string {
  const lines = Array.from(model.stateDict(), ([key, { shape, dtype }]) => `${key} ${shape.join(',')} ${dtype}`)
  return createHash('sha256').update(lines.join('\n')).digest('hex')
}

function assertWithin(
  actual: Tensor,
  expected: Tensor,
  { tolerance, scale }: { readonly tolerance: number; readonly scale: number },
): void {
  assert.deepEqual(actual.shape, expected.shape)
  const error = Number(actual.sub(expected).abs().max().item()) / scale
  assert.ok(error <= tolerance, `the logits differ by ${error}, of ${scale}`)
}
