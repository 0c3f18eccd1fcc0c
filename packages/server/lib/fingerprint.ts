import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { checkpointAt, PRESET_FILES } from 'napi-torch/internal'
import type { ModelSettings } from './settings.js'

/** Differs when the files of a model have changed. */
export async function fingerprintOf({ checkpoint: path, labels, module }: ModelSettings): Promise<string> {
  // What is wrong with a folder is told when it is loaded.
  const checkpoint = await checkpointAt(path).catch(() => path)
  const presets = PRESET_FILES.map((file) => join(dirname(checkpoint), file))
  const files = [checkpoint, ...presets, ...[labels, module].filter((file) => file !== undefined)]
  const facts = await Promise.all(
    files.map(async (file) => {
      const found = await stat(file).catch(() => null)
      return found === null ? '-' : `${found.dev}:${found.ino}:${found.size}:${found.mtimeMs}`
    }),
  )
  return facts.join(' ')
}
