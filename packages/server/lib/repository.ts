import { TorchError } from 'napi-torch'
import type { ServerContext } from './context.js'
import type { IndexEntry } from './registry.js'
import { badRequest } from './status.js'

// Triton's extensions of the protocol, whatever the client speaks: statistics and the model repository.

/** The statistics of all models, or of a model, or of one of its versions. @throws {TorchError} `TORCH_NOT_FOUND`, `TORCH_NOT_READY` */
export function statisticsOf(
  context: ServerContext,
  model?: string,
  version?: string,
): { readonly model_stats: object[] } {
  const { models } = context
  if (model !== undefined) models.find(model, version)
  const isWanted = (entry: IndexEntry): boolean =>
    model === undefined || (entry.name === model && (version === undefined || entry.version === version))
  return {
    model_stats: models
      .index()
      .filter(isWanted)
      .map(({ name, version }) => context.statistics(name, version).toJSON(name, version)),
  }
}

/** Lists the models. */
export function repositoryIndex({ models }: ServerContext, isOnlyReady: boolean): readonly IndexEntry[] {
  return models.index().filter(({ state }) => !isOnlyReady || state === 'READY')
}

/** @throws {TorchError} `TORCH_NOT_FOUND` unless the settings allow loading and unloading. */
export function checkControl({ settings }: ServerContext): void {
  if (settings.repositoryControl) return
  const message = 'Models cannot be loaded or unloaded over the network (repositoryControl is off)'
  throw new TorchError('TORCH_NOT_FOUND', message)
}

/** Loads a model again. @throws {TorchError} `TORCH_REQUEST` for parameters, `TORCH_NOT_FOUND`; the codes of `loadCheckpoint()`. */
export async function loadModel(context: ServerContext, model: string, parameters: unknown): Promise<void> {
  if (typeof parameters === 'object' && parameters !== null && Object.keys(parameters).length > 0) {
    throw badRequest('Expected no parameters: models are loaded with the settings of the server')
  }
  await change(context, () => context.models.load(model))
}

/** Unloads a model. @throws {TorchError} `TORCH_NOT_FOUND` */
export async function unloadModel(context: ServerContext, model: string): Promise<void> {
  await change(context, () => context.models.unload(model))
}

async function change({ metrics }: ServerContext, body: () => Promise<void>): Promise<void> {
  try {
    await body()
    metrics.reload('ok')
  } catch (error) {
    metrics.reload('failed')
    throw error
  }
}
