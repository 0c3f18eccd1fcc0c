import { findStateDict } from '../../checkpoint/find.js'
import { readCheckpoint } from '../../checkpoint/read.js'
import { detectArchitecture } from '../../models/detect.js'
import { versionOf, type ModelSettings, type Settings } from '../../server/settings.js'
import { table } from '../table.js'

/** Reads what each checkpoint holds, without libtorch, and gives a table of it. @throws As `readCheckpoint`. */
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
