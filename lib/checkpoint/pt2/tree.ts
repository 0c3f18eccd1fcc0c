import { Buffer } from 'node:buffer'

import { readJson, type JsonOptions } from '../safetensors/json.js'
import { JsonField, type FieldsContext } from './fields.js'
import type { Tree } from './program.js'

/** Containers in containers. Stops a tree that would fill the stack. */
const MAX_DEPTH = 64

const VERSION = 1

/** What reading a tree takes. */
export interface TreeContext {
  readonly fields: FieldsContext
  readonly json: JsonOptions
  /** Fields of named tuples by their types. */
  readonly namedTuples: ReadonlyMap<string, readonly string[]>
}

/** Reads how inputs or outputs are put together: PyTorch's pytree, as JSON in a text. */
export async function readTree(field: JsonField, context: TreeContext): Promise<Tree> {
  const [version, root] = (await parse(field, context)).list()
  if (version === undefined || root === undefined) throw field.wrong('a version and a tree')
  if (version.natural() !== VERSION) throw field.unknown(`version ${version.natural()} of trees`)
  return readBranch(root, context, 0)
}

async function parse(text: JsonField, { json, fields }: TreeContext): Promise<JsonField> {
  return new JsonField(await readJson(Buffer.from(text.text()), json), fields, text, 0)
}

async function readBranch(field: JsonField, context: TreeContext, depth: number): Promise<Tree> {
  if (depth > MAX_DEPTH) throw field.wrong(`at most ${MAX_DEPTH} containers in each other`)
  const type = field.maybe('type')
  if (type === null) return { kind: 'leaf' }
  const items: Tree[] = []
  for (const child of field.get('children_spec').list()) items.push(await readBranch(child, context, depth + 1))
  const name = type.text()
  switch (name) {
    case 'builtins.tuple':
    case 'builtins.list':
      return { kind: 'list', items }
    case 'builtins.dict':
    case 'collections.OrderedDict':
      return dictOf(field, items, await readKeys(field.get('context'), context))
    case 'collections.namedtuple': {
      const tuple = (await parse(field.get('context'), context)).text()
      const names = context.namedTuples.get(tuple)
      return names === undefined ? { kind: 'unsupported', type: tuple } : dictOf(field, items, names)
    }
    default:
      return { kind: 'unsupported', type: name }
  }
}

async function readKeys(text: JsonField, context: TreeContext): Promise<string[]> {
  return (await parse(text, context))
    .list()
    .map((key) => (typeof key.value === 'string' ? key.value : String(key.integer())))
}

function dictOf(field: JsonField, items: readonly Tree[], keys: readonly string[]): Tree {
  if (keys.length !== items.length || new Set(keys).size !== keys.length)
    throw field.wrong('a key for each entry of a dict')
  return { kind: 'dict', entries: keys.map((key, index) => [key, items[index] ?? { kind: 'leaf' }]) }
}

/** Counts the leaves of a tree. */
export function leavesOf(tree: Tree): number {
  switch (tree.kind) {
    case 'leaf':
      return 1
    case 'list':
      return tree.items.reduce((sum, item) => sum + leavesOf(item), 0)
    case 'dict':
      return tree.entries.reduce((sum, [, item]) => sum + leavesOf(item), 0)
    case 'unsupported':
      return 0
  }
}
