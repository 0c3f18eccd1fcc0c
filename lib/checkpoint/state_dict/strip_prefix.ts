import { wrapperPrefix } from '../../tensor/state_dict.js'
import { shorten } from '../../util/check.js'
import { failure, type FaultLocation } from '../failure.js'
import type { FoundStateDict } from './find.js'
import type { StoredTensor } from '../stored.js'

/**
 * Takes a prefix away from the front of every key that begins with it, and from the paths of the modules; `true` stands
 * for what wrappers put before every key.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSUPPORTED` if two tensors would have one key.
 */
export function stripPrefixOf(found: FoundStateDict, option: string | boolean, place: FaultLocation): FoundStateDict {
  const prefix = typeof option === 'string' ? option : option ? wrapperPrefix(found.tensors.keys()) : ''
  if (prefix === '') return found
  const tensors = new Map<string, StoredTensor>()
  for (const [key, tensor] of found.tensors) {
    const shorter = key.startsWith(prefix) ? key.slice(prefix.length) : key
    if (tensors.has(shorter)) {
      const text = `Without the prefix ${shorten(prefix)} two tensors would have the key ${shorten(shorter)}`
      throw failure('TORCH_CHECKPOINT_UNSUPPORTED', place, text)
    }
    tensors.set(shorter, tensor)
  }
  return { ...found, tensors, metadata: found.metadata && strippedModules(found.metadata, prefix) }
}

/** Module paths have no dot at their end: of `module.`, the module `module` becomes the root. */
function strippedModules<V>(metadata: ReadonlyMap<string, V>, prefix: string): Map<string, V> {
  const result = new Map<string, V>()
  for (const [module, facts] of metadata) {
    const isWrapper = prefix.startsWith(`${module}.`) && `${module}.` !== prefix
    if (module === '' || isWrapper) continue
    result.set(`${module}.` === prefix ? '' : module.startsWith(prefix) ? module.slice(prefix.length) : module, facts)
  }
  return result
}
