import { checkOptions, describe } from '../util/check.js'
import { TorchError } from '../util/errors.js'

/** Which modules are listed. */
export interface DistinctOptions {
  /** What occurs under several names is listed under the first only. Default: `true`. */
  readonly removeDuplicate?: boolean | undefined
}

/** Which parameters or buffers are listed. */
export interface MemberOptions extends DistinctOptions {
  /** Those of all modules below, too. Default: `true`. */
  readonly recurse?: boolean | undefined
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT`, in PyTorch's words, unless a member may have this name. */
export function checkMemberName(kind: 'module' | 'parameter' | 'buffer', name: string, isTaken: boolean): void {
  let text: string | null = null
  if (typeof name !== 'string') text = `${kind} name should be a string. Got ${describe(name)}`
  else if (name.includes('.')) text = `${kind} name can't contain ".", got: ${name}`
  else if (name === '') text = `${kind} name can't be empty string ""`
  else if (isTaken) text = `attribute '${name}' already exists`
  if (text !== null) throw new TorchError('TORCH_INVALID_ARGUMENT', text)
}

/** Own enumerable properties, typed as what they are: anything. */
export function fieldsOf(module: object): [string, unknown][] {
  return Object.entries(module)
}

/** Adds what was registered by name; a field of the same name, assigned later, hides it. */
export function withRegistered<T>(
  found: Map<string, T>,
  registered: Iterable<readonly [string, T | null]>,
): Map<string, T> {
  for (const [name, value] of registered) if (value !== null && !found.has(name)) found.set(name, value)
  return found
}

/** Leaves out what has been under an earlier name, unless told not to. */
export function distinct<T>(named: Iterable<[string, T]>, options: DistinctOptions): [string, T][] {
  checkOptions('options', options, ['removeDuplicate'])
  const { removeDuplicate = true } = options
  if (!removeDuplicate) return [...named]
  const seen = new Set<T>()
  return [...named].filter(([, value]) => !seen.has(value) && seen.add(value))
}

/** Puts the path of a module before the name of a member. */
export function joinPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

/** Parts the path of a module from the name of a member. */
export function splitPath(target: string): [path: string, name: string] {
  const end = target.lastIndexOf('.')
  return [target.slice(0, Math.max(end, 0)), target.slice(end + 1)]
}
