import type { FoundStateDict } from '../checkpoint/state_dict/find.js'
import { foldState, type FoldableTensor } from '../checkpoint/state_dict/fold.js'
import type { LoadableStateDict } from '../checkpoint/load.js'
import { splitKey, withoutWrappers } from '../models/recognize/units.js'
import { wrapperPrefix } from '../tensor/state_dict.js'
import type { FaultLocation } from '../checkpoint/failure.js'

/** A state dict under the keys of a module, and the keys that the module has no use for. */
export interface FittedState {
  readonly stored: LoadableStateDict
  readonly unused: readonly string[]
}

/**
 * Brings the keys of a state dict to those of a module: a prefix is taken away, and, where the module lacks keys as they stand, so is
 * what wrappers put in front of them or within them. Keys that the module has not are left out.
 */
export function fitState(
  found: FoundStateDict,
  keys: ReadonlySet<string>,
  { prefix, place }: { readonly prefix: string | undefined; readonly place: FaultLocation },
): FittedState {
  const tensors = foldState(found.tensors, place)
  const front = prefix === undefined || prefix === '' || prefix.endsWith('.') ? (prefix ?? '') : `${prefix}.`
  const rename: readonly ((key: string) => string)[] = [
    (key) => key,
    (key) => withoutWrappers(splitKey(key)).join('.'),
    stripper(wrapperPrefix(tensors.keys())),
    (key) => withoutWrappers(splitKey(stripper('model.')(key))).join('.'),
  ]
  const inside = [...tensors].filter(([key]) => key.startsWith(front))
  const stripped = inside.map(([key, tensor]) => ({ key, name: key.slice(front.length), tensor }))
  const fits = rename.map((each) => stripped.filter(({ name }) => keys.has(each(name))).length)
  const best = rename[fits.indexOf(Math.max(...fits))] ?? rename[0]

  const used = new Map<string, FoldableTensor>()
  const unused = [...tensors.keys()].filter((key) => !key.startsWith(front))
  for (const { key, name, tensor } of stripped) {
    const ours = best?.(name) ?? name
    if (keys.has(ours) && !used.has(ours)) used.set(ours, tensor)
    else unused.push(key)
  }
  return { stored: { source: found.source, tensors: used, metadata: null }, unused }
}

function stripper(prefix: string): (key: string) => string {
  return (key) => (key.startsWith(prefix) ? key.slice(prefix.length) : key)
}
