import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { PRESET_FILES } from 'napi-torch/internal'
import type { ModelSettings } from './settings.js'

/** Differs when the files of a model have changed. */
export async function fingerprintOf({ checkpoint, labels, module }: ModelSettings): Promise<string> {
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
