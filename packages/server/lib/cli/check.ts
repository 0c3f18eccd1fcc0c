import { detectArchitecture, findStateDict, readCheckpoint } from 'napi-torch'
import { table } from 'napi-torch/internal/cli'
import { versionOf, type ModelSettings, type Settings } from '../settings.js'

/** Reads each checkpoint, without libtorch, and formats a table of the models. @throws As `readCheckpoint`. */
export async function checkModels({ models }: Settings): Promise<string> {
  const rows: string[][] = []
  for (const model of models) rows.push([model.name, versionOf(model), await architectureOf(model), model.checkpoint])
  const heads = ['model', 'version', 'architecture', 'checkpoint']
  return table(
    heads.map((head) => ({ head })),
    rows,
  )
}

async function architectureOf({ checkpoint, key, wholeModule }: ModelSettings): Promise<string> {
  const { tensors } = findStateDict(await readCheckpoint(checkpoint), { key, wholeModule })
  const { name, numClasses } = detectArchitecture(tensors)
  return `${name}, ${numClasses} classes`
}
