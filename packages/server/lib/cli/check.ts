import { readModel } from 'napi-torch/internal'
import { table } from 'napi-torch/internal/cli'
import { scanModels } from '../model_folder.js'
import { versionOf, type ModelSettings, type Settings } from '../settings.js'

/**
 * Reads what each checkpoint says about its model, without libtorch, and gives a table of it.
 *
 * @throws {TorchError} As `openModel`, for a checkpoint, preset or labels that could not be used.
 */
export async function checkModels(settings: Settings): Promise<string> {
  const rows: string[][] = []
  const { chosen } = settings.modelsFolder === '' ? { chosen: [] } : await scanModels(settings)
  const followed = await Promise.all(chosen.map((found) => found.settings()))
  for (const model of [...settings.models, ...followed])
    rows.push([model.name, versionOf(model), await architectureOf(model), model.checkpoint])
  const heads = ['model', 'version', 'architecture', 'checkpoint']
  return table(
    heads.map((head) => ({ head })),
    rows,
  )
}

async function architectureOf({ checkpoint, ...settings }: ModelSettings): Promise<string> {
  const { key, wholeModule, prefix, stem, module, preset, labels, activation, exifOrientation, invert } = settings
  // What the module's own file builds is not known before it is run.
  if (module !== undefined) return `of ${module}`
  const reading = { key, wholeModule, prefix, stem, preset, labels, activation, exifOrientation, invert }
  const { architecture } = await readModel(checkpoint, reading)
  return `${architecture.name}, ${architecture.numClasses} classes`
}
