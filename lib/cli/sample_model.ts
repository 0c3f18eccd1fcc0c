import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { TorchError } from '../util/errors.js'
import { PACKAGE_ROOT } from '../util/package.js'
import { resolveNearby } from './package_command.js'

/** The npm package of the sample model. It is separate because of its size, 27 MB. */
export const SAMPLE_MODEL_PACKAGE = '@napi-torch/fashion-mnist'

/** Name of the checkpoint in the folder. */
export const SAMPLE_CHECKPOINT = 'resnet18-fashion-mnist.pth'

/**
 * Gives the folder of the sample model and its test images: in a checkout `models/fashion-mnist`, else its npm package.
 *
 * @throws {TorchError} `TORCH_FILE` with the command that installs the package, where it is missing.
 */
export function sampleModelFolder(): string {
  const ours = join(PACKAGE_ROOT, 'models', 'fashion-mnist')
  if (existsSync(ours)) return ours
  const manifest = resolveNearby(`${SAMPLE_MODEL_PACKAGE}/package.json`)
  if (manifest !== null) return dirname(manifest)
  const message = `The sample model is in the package ${SAMPLE_MODEL_PACKAGE}; run: npm install ${SAMPLE_MODEL_PACKAGE}`
  throw new TorchError('TORCH_FILE', message)
}
