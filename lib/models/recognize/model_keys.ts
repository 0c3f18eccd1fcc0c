import { MODELS, MODULES } from './model_table.js'

/** A size of a tensor, or the letter of one that models of one name differ in: K classes, I channels of the image, P positions. */
export type Size = number | 'K' | 'I' | 'P'

/** A tensor of a model. */
export interface ModelKey {
  readonly key: string
  readonly sizes: readonly Size[]
  /** Belongs to a part that the model may be built without. */
  readonly isOptional: boolean
}

/** The tensors of a model of torchvision's, in its order, and the paths of its modules. */
export interface ModelKeys {
  readonly keys: readonly ModelKey[]
  readonly modules: ReadonlySet<string>
}

const BATCH_NORM = ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']

const known = new Map<string, ModelKeys>()
let lines: readonly string[] | null = null

/** Names of the models of {@link MODELS} by their first key: few have one in common. */
export function modelsByFirstKey(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const [name, root] of Object.entries(MODELS)) {
    const key = firstKeyOf(root)
    found.set(key, [...(found.get(key) ?? []), name])
  }
  return found
}

/** Gives the tensors of a model, which are unfolded from the table when they are first asked for. */
export function keysOfModel(name: string): ModelKeys {
  const existing = known.get(name)
  if (existing !== undefined) return existing
  const keys: ModelKey[] = []
  const modules = new Set<string>()
  unfold(MODELS[name] ?? -1, { path: '', isOptional: false, keys, modules })
  const made = { keys, modules }
  known.set(name, made)
  return made
}

interface Unfolding {
  readonly path: string
  readonly isOptional: boolean
  readonly keys: ModelKey[]
  readonly modules: Set<string>
}

function unfold(line: number, { path, isOptional, keys, modules }: Unfolding): void {
  modules.add(path)
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`)
  for (const entry of entriesOf(line)) {
    const [child = '', below] = entry.split('>')
    if (below !== undefined) {
      const name = child.replace('?', '')
      unfold(Number(below), { path: at(name), isOptional: isOptional || name !== child, keys, modules })
      continue
    }
    const [name = '', text = ''] = entry.split(':')
    const sizes = text === '' ? [] : text.split(',').map(sizeOf)
    if (name !== 'bn') keys.push({ key: at(name), sizes, isOptional })
    else for (const each of BATCH_NORM) keys.push({ key: at(each), sizes: each === COUNTER ? [] : sizes, isOptional })
  }
}

const COUNTER = 'num_batches_tracked'

function firstKeyOf(line: number): string {
  const [first = ''] = entriesOf(line)
  const [name = '', below] = first.split('>')
  return below === undefined ? (first.split(':')[0] ?? '') : `${name}.${firstKeyOf(Number(below))}`
}

function entriesOf(line: number): string[] {
  lines ??= MODULES.trim().split('\n')
  return lines[line]?.split(' ') ?? []
}

function sizeOf(text: string): Size {
  return text === 'K' || text === 'I' || text === 'P' ? text : Number(text)
}
