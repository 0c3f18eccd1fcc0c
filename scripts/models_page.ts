/**
 * Writes docs/models.md: torchvision's classification models, their sizes, images and keys. A test compares.
 *
 * node --conditions=napi-torch-source --import tsx scripts/models_page.ts
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { BUILDERS, init, presets, scope, type Module, type ModelName } from 'napi-torch'

export const PAGE = fileURLToPath(new URL('../docs/models.md', import.meta.url))

const INTRODUCTION = `# Models

Written by \`scripts/models_page.ts\`. torchvision's classification models, which \`createModel(name)\` builds, and which \`Classifier.load\`,
\`openModel\` and the command line recognize in a checkpoint: see [classifier.md](classifier.md#what-is-recognized). Keys, shapes and, under one
seed, weights are torchvision's.

The preset is that of the default weights of torchvision 0.28, \`presets.torchvision(name)\`: the length to which the shorter side is resized, the
height and width of the middle that is cut out, the filter where it is not bilinear, and mean and deviation where they are not ImageNet's.
\`openModel\` takes it where nothing else names a preset, but for ResNets, whose older weights are in wide use: theirs is 256 → 224.

| name | class | parameters | preset | keys begin with |
| --- | --- | --- | --- | --- |
`

/** Makes the page. */
export function modelsPage(): string {
  return INTRODUCTION + (Object.keys(BUILDERS) as ModelName[]).map(rowOf).join('')
}

function rowOf(name: ModelName): string {
  return scope(() => {
    const model: Module = init.skipInit(() => BUILDERS[name]())
    const { settings } = presets.torchvision(name)
    const { resize = 0, size, interpolation = 'bilinear', mean } = settings
    const filter = interpolation === 'bilinear' ? '' : `, ${interpolation}`
    const statistics = mean[0] === 0.5 ? ', 0.5' : ''
    const starts = new Set([...model.stateDict().keys()].map((key) => key.split('.')[0] ?? ''))
    const cells = [
      `\`${name}\``,
      `\`${model.constructor.name}\``,
      model.parameterCount().toLocaleString('en'),
      `${resize} → ${size[0]}${filter}${statistics}`,
      [...starts].map((start) => `\`${start}\``).join(', '),
    ]
    model.dispose()
    return `| ${cells.join(' | ')} |\n`
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeFileSync(PAGE, modelsPage())
