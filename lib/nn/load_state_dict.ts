import { native } from '../libtorch/binding.js'
import { inGradModeNow } from '../libtorch/grad_mode.js'
import type { TensorHandle } from '../libtorch/handles.js'
import { checkBoolean, describe, expected, shorten } from '../util/check.js'
import { StateDictError, type ShapeMismatch, type SuggestedOption } from '../util/errors.js'
import { Signature } from '../util/signature.js'
import { ONLY_FLOATS_REQUIRE_GRAD } from '../tensor/gradients.js'
import { handleOf } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'
import { isTensor } from './checks.js'
import { swapAll } from './convert.js'
import { Parameter } from './parameter.js'
import { isMap } from '../util/realm.js'

/** Options of `Module.loadStateDict()`. */
export interface LoadStateDictOptions {
  /** Missing and unexpected keys are errors. Default: `true`. */
  readonly strict?: boolean | undefined
  /** Take the loaded tensors over with their memory, dtype and device, instead of copying their elements. Default: `false`. */
  readonly assign?: boolean | undefined
}

/** The keys by which a state dict and a module differ. */
export interface IncompatibleKeys {
  /** Keys of the module that the state dict lacks. */
  readonly missingKeys: readonly string[]
  /** Keys of the state dict that the module lacks. */
  readonly unexpectedKeys: readonly string[]
}

/** What can be loaded: a `StateDict`, or any map of tensors by their keys. */
export type LoadableState = ReadonlyMap<string, Tensor> & {
  readonly metadata?: ReadonlyMap<string, ReadonlyMap<string, unknown>> | null | undefined
}

/** One module of a tree that is loaded, as far as loading is concerned. */
export interface LoadTarget {
  /** Path from the root, such as `layer1.0`; `''` is the root. A parent stands before its children. */
  readonly path: string
  /** Parameters, then persistent buffers, by name. */
  readonly state: ReadonlyMap<string, Tensor>
  /** Gives the names of the children. */
  children(): ReadonlySet<string>
  /** Tells whether a state dict that was saved by this version of the module may lack an entry. */
  forgivesMissing(name: string, version: number | null): boolean
}

/** An entry of the module with the tensor that it is to take over. */
interface Match {
  readonly target: Tensor
  readonly source: Tensor
}

/** All that was found out before anything is changed. */
interface KeyComparison {
  readonly matches: Match[]
  readonly missingKeys: string[]
  readonly unexpectedKeys: string[]
  readonly mismatches: ShapeMismatch[]
  /** Texts of the faults other than missing and unexpected keys, in order. */
  readonly faults: string[]
}

const LOAD_STATE_DICT = new Signature<LoadStateDictOptions>('loadStateDict', ['state'], {
  strict: 'name',
  assign: 'name',
})

/**
 * Compares everything, then loads: on failure nothing has been changed. `given` are the options of the call. Follows `torch.nn.Module.load_state_dict`.
 *
 * @throws {StateDictError} `TORCH_STATE_DICT` with every fault, in PyTorch's words.
 */
export function loadStateDict(
  name: string,
  targets: readonly LoadTarget[],
  state: LoadableState,
  given: readonly unknown[],
): IncompatibleKeys {
  const options = LOAD_STATE_DICT.read([state], given)
  const strict = checkBoolean('strict', options.strict ?? true)
  const assign = checkBoolean('assign', options.assign ?? false)
  if (!isMap(state)) throw expected('a StateDict or a Map of tensors', 'state', state)

  const comparison = compare(targets, state, assign)
  const { matches, missingKeys, unexpectedKeys, mismatches, faults } = comparison
  const texts = strict ? [...keyFaults(comparison), ...faults] : faults
  if (texts.length > 0) {
    const suggestion = suggestPrefix(missingKeys, unexpectedKeys)
    if (suggestion !== undefined) texts.push(`The keys differ by a prefix only: use ${suggestion.text}`)
    const message = `Error(s) in loading state_dict for ${name}:\n\t${texts.join('\n\t')}`
    throw new StateDictError(message, { missingKeys, unexpectedKeys, mismatches, suggestion })
  }

  inGradModeNow('disabled', () => {
    if (assign) assignAll(matches)
    else for (const match of matches) copy(match)
  })
  return { missingKeys, unexpectedKeys }
}

/** Gives what repairs a state dict whose keys, or a module whose keys, all have one prefix more. */
function suggestPrefix(missing: readonly string[], unexpected: readonly string[]): SuggestedOption | undefined {
  const extra = prefixBetween(missing, unexpected)
  if (extra !== undefined) {
    return { name: 'stripPrefix', value: extra, text: `loadCheckpoint(file, { stripPrefix: '${extra}' })` }
  }
  const lacking = prefixBetween(unexpected, missing)?.slice(0, -1)
  if (lacking === undefined) return undefined
  return { name: 'submodule', value: lacking, text: `model.getSubmodule('${lacking}').loadStateDict(state)` }
}

/** Gives the prefix that stands before each of the longer keys, and is all by which they differ from the shorter ones. */
function prefixBetween(shorter: readonly string[], longer: readonly string[]): string | undefined {
  const [first] = shorter
  if (first === undefined) return undefined
  const known = new Set(longer)
  for (const key of longer) {
    if (!key.endsWith(`.${first}`)) continue
    const prefix = key.slice(0, -first.length)
    // A module may forgive that it lacks its counter, and then does not name it.
    if (shorter.every((short) => known.has(prefix + short) || short.endsWith('num_batches_tracked'))) return prefix
  }
  return undefined
}

function compare(targets: readonly LoadTarget[], state: LoadableState, assign: boolean): KeyComparison {
  const result: KeyComparison = { matches: [], missingKeys: [], unexpectedKeys: [], mismatches: [], faults: [] }
  let found = 0
  for (const target of targets) found += compareEntries(target, state, assign, result)
  // Most state dicts fit: only if one does not is it worth to know in which order PyTorch would say so.
  if (found < state.size) result.unexpectedKeys.push(...unexpectedKeys(targets, state))
  return result
}

/** Each module hands those of its keys that belong to a child down to it. */
function* unexpectedKeys(targets: readonly LoadTarget[], state: LoadableState): Generator<string> {
  const keysByPath = new Map<string, string[]>([['', [...state.keys()]]])
  for (const target of targets) {
    const prefix = prefixOf(target)
    const children = target.children()
    for (const key of keysByPath.get(target.path) ?? []) {
      const [first = '', ...rest] = key.slice(prefix.length).split('.')
      if (rest.length === 0) {
        if (!target.state.has(first)) yield key
      } else if (children.has(first)) {
        const childKeys = keysByPath.get(prefix + first)
        if (childKeys === undefined) keysByPath.set(prefix + first, [key])
        else childKeys.push(key)
      } else {
        yield key
      }
    }
  }
}

/** Gives the number of entries that the state dict has. */
function compareEntries(module: LoadTarget, state: LoadableState, assign: boolean, result: KeyComparison): number {
  const version = versionOf(state, module.path)
  const prefix = prefixOf(module)
  let found = 0
  for (const [name, target] of module.state) {
    const key = prefix + name
    const source: unknown = state.get(key)
    const isThere = source !== undefined || state.has(key)
    if (isThere) found++
    if (!isThere) {
      if (!module.forgivesMissing(name, version)) result.missingKeys.push(key)
    } else if (!isTensor(source) || source.isDisposed) {
      result.faults.push(
        `While copying the parameter named "${key}", expected torch.Tensor or Tensor-like object from checkpoint ` +
          `but received ${describe(source)}`,
      )
    } else if (!fits(target, source)) {
      result.mismatches.push({ key, received: source.shape, expected: target.shape })
      result.faults.push(
        `size mismatch for ${shorten(key)}: copying a param with shape ${size(source)} from checkpoint, ` +
          `the shape in current model is ${size(target)}.`,
      )
    } else if (assign && target instanceof Parameter && target.requiresGrad && !source.isFloatingPoint()) {
      result.faults.push(
        `While copying the parameter named "${shorten(key)}", whose dimensions in the model are ${size(target)} and whose ` +
          `dimensions in the checkpoint are ${size(source)}, an exception occurred : ('${ONLY_FLOATS_REQUIRE_GRAD}',).`,
      )
    } else {
      result.matches.push({ target, source })
    }
  }
  return found
}

/** What stands before the keys of a module's own entries. */
function prefixOf({ path }: LoadTarget): string {
  return path === '' ? '' : `${path}.`
}

function versionOf(state: LoadableState, path: string): number | null {
  const version = state.metadata?.get(path)?.get('version')
  return typeof version === 'number' || typeof version === 'bigint' ? Number(version) : null
}

/** Tells whether shapes are the same; PyTorch before 0.4 had no scalars and stored them as (1,). */
function fits(target: Tensor, source: Tensor): boolean {
  if (target.ndim === 0 && source.ndim === 1) return source.numel === 1
  return target.ndim === source.ndim && target.shape.every((length, dim) => length === source.shape[dim])
}

function keyFaults({ missingKeys, unexpectedKeys }: KeyComparison): string[] {
  const faults: string[] = []
  if (missingKeys.length > 0) faults.push(`Missing key(s) in state_dict: ${quoted(missingKeys)}. `)
  if (unexpectedKeys.length > 0) faults.push(`Unexpected key(s) in state_dict: ${quoted(unexpectedKeys)}. `)
  return faults
}

function quoted(keys: readonly string[]): string {
  // All keys are listed, as in PyTorch, but none at a length that no module has.
  return keys.map((key) => `"${shorten(key)}"`).join(', ')
}

function size({ shape }: { readonly shape: readonly number[] }): string {
  return `torch.Size([${shape.join(', ')}])`
}

function assignAll(matches: readonly Match[]): void {
  swapAll(
    matches.map(({ target }) => target),
    (target, index) => sharedHandle(target, matches[index]?.source ?? target),
  )
}

function copy({ target, source }: Match): void {
  const handle = sharedHandle(target, source)
  try {
    native.copy_(handleOf(target), handle)
  } finally {
    native.dispose(handle)
  }
}

/** A second handle of the memory of `source`, in the shape of `target`. */
function sharedHandle(target: Tensor, source: Tensor): TensorHandle {
  return source.ndim === target.ndim ? native.detach(handleOf(source)) : native.select(handleOf(source), 0, 0)
}
