import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import { TorchError } from '../util/errors.js'
import { PACKAGE_ROOT } from '../util/package.js'

/** The npm package of the sample model: 27 MB, which not everybody wants. */
export const SAMPLE_MODEL_PACKAGE = '@napi-torch/fashion-mnist'

/**
 * The folder of the sample model and its test images: of a checkout, else of its npm package, which is found beside this
 * one or from the current folder, as package managers that keep packages apart have it.
 *
 * @throws {TorchError} `TORCH_FILE` where it is not installed, with the command that installs it.
 */
export function sampleModelFolder(): string {
  const ours = join(PACKAGE_ROOT, 'models', 'fashion-mnist')
  if (existsSync(ours)) return ours
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      return dirname(createRequire(from).resolve(`${SAMPLE_MODEL_PACKAGE}/package.json`))
    } catch {
      // Not there: the next place.
    }
  }
  throw new TorchError(
    'TORCH_FILE',
    `The sample model is a package of its own; run: npm install ${SAMPLE_MODEL_PACKAGE}`,
  )
}
