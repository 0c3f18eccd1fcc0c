/**
 * Writes lib/models/recognize/model_table.ts: keys and shapes of torchvision's models beside its ResNets, by which a checkpoint is
 * recognized without libtorch. test/models/recognize/named.test.ts compares with the models.
 *
 * node --conditions=napi-torch-source --import tsx scripts/model_table.ts
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { BUILDERS, init, scope, type Module, type ModelName } from 'napi-torch'

const TARGET = fileURLToPath(new URL('../lib/models/recognize/model_table.ts', import.meta.url))

/** What structure alone tells of a ResNet. */
const BY_STRUCTURE = /^(?:wide_)?resne[x]?t/

type Build = (options: Readonly<Record<string, unknown>>) => Module
type Shapes = ReadonlyMap<string, readonly number[]>

/** Each option that shapes depend on: the letter of such a size, and values of the option that differ. */
const LETTERS = { K: ['numClasses', 1000, 1001], I: ['inputChannels', 3, 4], P: ['imageSize', 224, 448] } as const

/** Modules that an option takes away. */
const OPTIONAL = /^(?:aux[12]|AuxLogits)$/

const BATCH_NORM = ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']

const ids = new Map<string, number>()
const roots: string[] = []
for (const name of Object.keys(BUILDERS) as ModelName[]) {
  if (BY_STRUCTURE.test(name)) continue
  const build = BUILDERS[name] as Build
  const usual = shapesOf(build, {})
  const others = Object.entries(LETTERS)
    .filter(([letter]) => letter !== 'P' || name.startsWith('vit_'))
    .map(([letter, [option, , value]]) => [letter, shapesOf(build, { [option]: value })] as const)
  const sizes = new Map([...usual].map(([key, shape]) => [key, sizesOf(key, shape, others)]))
  roots.push(`  ${name}: ${moduleOf([...sizes].map(([key, text]) => [key.split('.'), text] as const))},`)
}

const MODULES = [...ids.keys()]
writeFileSync(
  TARGET,
  `// Written by scripts/model_table.ts.

/**
 * A module a line: its tensors, as \`weight:64,3,7,7\`, and the modules in it, as \`conv1>7\` with the line, from 0, of that module.
 * \`bn:64\` stands for the five tensors of a batch normalization. K is the number of classes, I that of the image's channels, P that
 * of positions. A module behind a question mark may be missing.
 */
export const MODULES = \`
${MODULES.join('\n')}
\`

/** The line of each model. */
export const MODELS: Readonly<Record<string, number>> = {
${roots.join('\n')}
}
`,
)

function shapesOf(build: Build, options: Readonly<Record<string, unknown>>): Shapes {
  return scope(() => {
    const model = init.skipInit(() => build(options))
    const shapes = new Map([...model.stateDict()].map(([key, { shape }]) => [key, shape] as const))
    model.dispose()
    return shapes
  })
}

function sizesOf(key: string, shape: readonly number[], others: readonly (readonly [string, Shapes])[]): string {
  const sizes = shape.map((size, dim) => {
    const letters = others.filter(([, shapes]) => shapes.get(key)?.[dim] !== size).map(([letter]) => letter)
    return letters[0] ?? String(size)
  })
  return sizes.join(',')
}

/** Gives the line of a module, which is written if there is none like it. */
function moduleOf(tensors: readonly (readonly [path: readonly string[], sizes: string])[]): number {
  const own = tensors.filter(([path]) => path.length === 1)
  const children = new Map<string, (readonly [readonly string[], string])[]>()
  for (const [[first = '', ...rest], sizes] of tensors) {
    if (rest.length > 0) children.set(first, [...(children.get(first) ?? []), [rest, sizes]])
  }
  const isNorm = own.map(([[name]]) => name).join() === BATCH_NORM.join()
  const texts = isNorm ? [`bn:${own[0]?.[1]}`] : own.map(([[name], sizes]) => `${name}:${sizes}`)
  const below = [...children].map(([name, inside]) => `${name}${OPTIONAL.test(name) ? '?' : ''}>${moduleOf(inside)}`)
  const line = [...texts, ...below].join(' ')
  const id = ids.get(line) ?? ids.size
  ids.set(line, id)
  return id
}
