import { TorchError } from 'napi-torch'
import type { ServerContext } from './context.js'
import type { IndexEntry, ModelRegistry } from './registry.js'
import type { StatisticsEntry } from './statistics.js'
import { badRequest } from './status.js'
import type { StatisticsWanted } from './workers/calls.js'

// Triton's extensions of the protocol, whatever the client speaks: statistics and the model repository.

/** The statistics of all models, or of a model, or of one of its versions. @throws {TorchError} `TORCH_NOT_FOUND`, `TORCH_NOT_READY` */
export async function statisticsOf(
  context: ServerContext,
  model?: string,
  version?: string,
): Promise<{ readonly model_stats: readonly StatisticsEntry[] }> {
  if (model !== undefined) context.models.find(model, version)
  const wanted = { model, version }
  return { model_stats: await (context.peers?.statistics(wanted) ?? ownStatistics(context, wanted)) }
}

/** What this process alone has counted. */
export function ownStatistics(
  context: ServerContext,
  { model, version }: StatisticsWanted,
): readonly StatisticsEntry[] {
  const isWanted = (entry: IndexEntry): boolean =>
    model === undefined || (entry.name === model && (version === undefined || entry.version === version))
  return context.models
    .index()
    .filter(isWanted)
    .map(({ name, version }) => context.statistics(name, version).toJSON(name, version))
}

/** Lists the models. */
export async function repositoryIndex(
  { models, peers }: ServerContext,
  isOnlyReady: boolean,
): Promise<readonly IndexEntry[]> {
  const entries = await (peers?.index() ?? models.index())
  return entries.filter(({ state }) => !isOnlyReady || state === 'READY')
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
  await change(context, (models) => models.load(model))
}

/** Unloads a model. @throws {TorchError} `TORCH_NOT_FOUND` */
export async function unloadModel(context: ServerContext, model: string): Promise<void> {
  await change(context, (models) => models.unload(model))
}

async function change(
  { models, peers, metrics }: ServerContext,
  body: (models: Pick<ModelRegistry, 'load' | 'unload'>) => Promise<void>,
): Promise<void> {
  // It is counted where it is done for all.
  if (peers !== null) {
    await body(peers)
    return
  }
  try {
    await body(models)
    metrics.reload('ok')
  } catch (error) {
    metrics.reload('failed')
    throw error
  }
}
