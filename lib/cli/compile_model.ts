import type { Device } from '../util/device.js'
import { compile } from '../engine/compile.js'
import type { Engine } from '../engine/engine.js'
import type { Module } from '../nn/module.js'
import { scope } from '../util/scope.js'
import type { Dataset } from '../vision/dataset.js'
import type { Recipe } from '../classifier/recipe.js'

/** How {@link withCompiled} compiles. */
export interface CompileFlags {
  readonly batchSize: number
  readonly device: Device
  readonly signal: AbortSignal
}

/** Calls `body` with the model compiled for the images of a dataset. The engine is closed afterwards. */
export async function withCompiled<T>(
  model: Module,
  dataset: Dataset,
  { preset }: Pick<Recipe, 'preset'>,
  { batchSize, device, signal }: CompileFlags,
  body: (model: Module | Engine) => Promise<T>,
): Promise<T> {
  // Of an image the shape is known: without any there is nothing to compute.
  if (dataset.length === 0) return body(model)
  const input = await scope(async () => (await preset.apply((await dataset.get(0)).image)).shape)
  const engine = await compile(model, { input, device, maxBatchSize: batchSize, signal })
  try {
    return await body(engine)
  } finally {
    await engine.close()
  }
}
