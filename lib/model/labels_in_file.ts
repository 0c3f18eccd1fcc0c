import { PickledObject, type CheckpointValue } from '../checkpoint/values.js'
import { isMap } from '../util/realm.js'

/** Where training scripts keep the names of the classes, the clearest first. */
const NAMES = [
  'class_to_idx',
  'idx_to_class',
  'class_names',
  'classes',
  'CLASSES',
  'id2label',
  'label2id',
  'label_names',
  'names',
  'categories',
  'labels',
]

/** What those keys may stand in. */
const HOLDERS = [
  'hyper_parameters',
  'hparams',
  'args',
  'config',
  'cfg',
  'meta',
  'dataset_meta',
  'model_args',
  'opt',
  'model',
  'net',
]

/** Holders within holders. */
const DEEPEST = 2

/** Characters of a name; a longer text is no name. */
const MAX_LENGTH = 1000

/**
 * Finds the names of a model's classes among what a training script saved beside the weights: a list of them, or a dict from names to
 * numbers or from numbers to names, under one of the usual keys. One that does not fit the number of classes is passed over.
 *
 * @returns The names in the order of the outputs, or null.
 */
export function findLabels(root: CheckpointValue, numClasses: number): string[] | null {
  // One output tells two classes apart.
  const count = numClasses === 1 ? 2 : numClasses
  const seen = new Set<CheckpointValue>()
  // A list that is no list of names may stand under every key of every holder.
  const refused = new Set<CheckpointValue>()
  const search = (value: CheckpointValue, depth: number): string[] | null => {
    const fields = fieldsOf(value)
    if (fields === null || seen.has(value)) return null
    seen.add(value)
    for (const name of NAMES) {
      const list = fields.get(name)
      if (list === undefined || refused.has(list)) continue
      const labels = readLabels(list, count)
      if (labels !== null) return labels
      refused.add(list)
    }
    if (depth === DEEPEST) return null
    for (const name of HOLDERS) {
      const labels = search(fields.get(name) ?? null, depth + 1)
      if (labels !== null) return labels
    }
    return null
  }
  return search(root, 0)
}

/** Entries of a dict, or attributes of an object. */
function fieldsOf(value: CheckpointValue): ReadonlyMap<CheckpointValue, CheckpointValue> | null {
  if (isMap(value)) return value
  if (!(value instanceof PickledObject)) return null
  return value.entries ?? (isMap(value.state) ? value.state : null)
}

function readLabels(value: CheckpointValue, numClasses: number): string[] | null {
  if (Array.isArray(value)) return value.length === numClasses && value.every(isLabel) ? [...value] : null
  const dict = fieldsOf(value)
  if (dict?.size !== numClasses) return null
  const labels = new Array<string | undefined>(numClasses)
  for (const [key, entry] of dict) {
    const [name, index] = isLabel(key) && isIndex(entry) ? [key, entry] : [entry, Number(key)]
    if (!isLabel(name) || !isIndex(index) || index >= numClasses || labels[index] !== undefined) return null
    labels[index] = name
  }
  return labels.every((label) => label !== undefined) ? labels : null
}

function isLabel(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_LENGTH
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
