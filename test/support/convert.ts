import assert from 'node:assert/strict'

import { loadCheckpoint } from 'napi-torch'

import { napiTorch, type Ended } from './cli.js'
import { describeTensors, withState } from './formats.js'

/** No libtorch can be opened, and none found: a program that tries fails. */
export const NO_LIBTORCH = { NAPI_TORCH_LIBTORCH: 'no-libtorch-here', NAPI_TORCH_CACHE: 'no-cache-here' }

/** Runs `napi-torch convert` where there is no libtorch. */
export function convert(...args: readonly string[]): Promise<Ended> {
  return napiTorch(['convert', ...args], { env: NO_LIBTORCH })
}

/** Converts, and gives what stands on standard error. */
export async function converted(...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await convert(...args)
  assert.equal(status, 0, stderr)
  assert.match(stdout, / → /)
  return stderr
}

/** Describes all tensors of a checkpoint, in its order. */
export async function tensorsOf(path: string): Promise<ReturnType<typeof describeTensors>> {
  let tensors: ReturnType<typeof describeTensors> = []
  await withState(loadCheckpoint(path), (state) => (tensors = describeTensors(state)))
  return tensors
}
