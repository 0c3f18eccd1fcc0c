import { Buffer } from 'node:buffer'

import { describe, quote, shorten } from '../../util/check.js'
import type { Budget } from '../budget.js'
import type { CheckpointContents } from '../contents.js'
import { failure, type Fail } from '../failure.js'
import { pastLimit, type CheckpointLimits } from '../limits.js'
import { readJson } from '../safetensors/json.js'
import type { ByteSource } from '../source.js'
import { OrderedDict } from '../values.js'
import { readEntry, readZip, type ZipArchive, type ZipEntry } from '../zip/archive.js'
import { JsonField, type FieldsContext } from './fields.js'
import { readGraph } from './graph.js'
import type { Program, Tree } from './program.js'
import { leavesOf, readTree, type TreeContext } from './tree.js'
import { readWeights } from './weights.js'

/** Versions that are read: of the archive, and of the program's schema; a minor one may only add fields, and unknown fields are refused. */
const ARCHIVE_VERSION = '0'
const SCHEMA_MAJOR = 8

/** `archive_version` and its like hold a word. */
const MAX_WORD_BYTES = 64

/** Estimated bytes of a value that is looked at, on top of the JSON. */
const VALUE_BYTES = 100

const PROGRAM_FIELDS = [
  'graph_module',
  'opset_version',
  'range_constraints',
  'schema_version',
  'verifiers',
  'torch_version',
  'guards_code',
]
const MODULE_FIELDS = ['graph', 'signature', 'module_call_graph', 'metadata', 'treespec_namedtuple_fields']

const AGAIN = `export it again with PyTorch 2.8 or later: torch.export.save(torch.export.export(model.eval(), inputs), 'model.pt2')`

/** What a `.pt2` file holds. */
export interface Pt2Contents extends CheckpointContents {
  readonly program: Program
}

/** Tells whether an archive is one of `torch.export.save`, of which this version or another can read some. */
export function isPt2(entries: readonly ZipEntry[]): boolean {
  return entries.some(({ name }) => /^[^/]+\/models\/[^/]*\.json$/.test(name))
}

/**
 * Reads what `torch.export.save` wrote, without the data of its tensors: a graph of operators in JSON, an index of tensors, and
 * their raw bytes. The samples of inputs that may lie beside them are a pickle and are not looked at.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSUPPORTED` for another version, several programs in one file, and what is not
 * known; `TORCH_CHECKPOINT_CORRUPT` with the place of the fault; `TORCH_CHECKPOINT_LIMIT`.
 */
export async function readPt2(
  source: ByteSource,
  limits: CheckpointLimits,
  budget: Budget,
  entries: readonly ZipEntry[],
): Promise<Pt2Contents> {
  const archive = await readZip(source, limits, entries)
  const reader = new Reader(archive, limits, budget)
  await reader.checkWord('archive_format', 'pt2')
  await reader.checkWord('archive_version', ARCHIVE_VERSION)
  const name = reader.modelName()
  const byteOrder = await reader.byteOrder()
  const root = await reader.json(`models/${name}.json`)
  checkVersion(root, archive)
  const program = await readProgram(root, name, reader, byteOrder)
  const state = new OrderedDict()
  for (const [key, tensor] of program.weights) state.set(key, tensor)
  return { format: 'pt2', root: state, byteOrder, size: source.size, metadata: null, program }
}

function checkVersion(root: JsonField, { source }: ZipArchive): void {
  const version = root.get('schema_version')
  const [major, minor] = [version.get('major').natural(), version.get('minor').natural()]
  if (major === SCHEMA_MAJOR) return
  const text = `The program has version ${major}.${minor} of the schema, expected ${SCHEMA_MAJOR}; ${AGAIN}`
  throw failure('TORCH_CHECKPOINT_UNSUPPORTED', { path: source.path }, text)
}

async function readProgram(
  root: JsonField,
  name: string,
  reader: Reader,
  byteOrder: 'little' | 'big',
): Promise<Program> {
  root.only(PROGRAM_FIELDS)
  const module = root.get('graph_module').only(MODULE_FIELDS)
  const graph = readGraph(module, (count) => reader.checkNodes(count))
  const { callArguments, result } = await readCall(module, reader)
  const given = graph.inputs.filter(({ kind }) => kind === 'user' || kind === 'literal').length
  const wanted = callArguments.reduce((sum, { tree }) => sum + leavesOf(tree), 0)
  if (given !== wanted && callArguments.every(({ tree }) => isKnown(tree))) {
    throw module.wrong(`a graph of ${wanted} inputs, as its tree has, not ${given},`)
  }
  const weights = await reader.weights('weights', name, byteOrder)
  const constants = await reader.weights('constants', name, byteOrder)
  for (const input of graph.inputs) {
    if (input.kind === 'user' || input.kind === 'literal') continue
    if (!weights.has(input.key) && !constants.has(input.key)) {
      throw module.wrong(`a tensor in the archive for the ${input.kind} ${quote(input.key)}`)
    }
  }
  return {
    ...graph,
    torchVersion: root.maybe('torch_version')?.text() ?? '',
    ranges: readRanges(root.get('range_constraints')),
    guards:
      root
        .maybe('guards_code')
        ?.list()
        .map((guard) => guard.text()) ?? [],
    arguments: callArguments,
    result,
    weights,
    constants,
  }
}

function isKnown(tree: Tree): boolean {
  if (tree.kind === 'list') return tree.items.every(isKnown)
  return tree.kind === 'dict' ? tree.entries.every(([, item]) => isKnown(item)) : tree.kind === 'leaf'
}

/** The call of the outermost module: the names of its arguments, and how they and the result are put together. */
async function readCall(
  module: JsonField,
  reader: Reader,
): Promise<{ readonly callArguments: Program['arguments']; readonly result: Tree }> {
  const calls = module.get('module_call_graph')
  const call = calls.list().find((entry) => entry.get('fqn').text() === '')
  if (call === undefined) throw calls.wrong('a list with the call of the model')
  const signature = call.get('signature')
  const context = reader.treeContext(module)
  const inputs = await readTree(signature.get('in_spec'), context)
  const result = await readTree(signature.get('out_spec'), context)
  const [positional, named] = inputs.kind === 'list' ? inputs.items : []
  if (positional?.kind !== 'list' || named?.kind !== 'dict')
    throw signature.get('in_spec').wrong('arguments and keywords')
  const names =
    signature
      .maybe('forward_arg_names')
      ?.list()
      .map((field) => field.text()) ?? []
  const byPosition = positional.items.map((tree, index) => ({ name: names[index] ?? `input${index}`, tree }))
  const callArguments = [...byPosition, ...named.entries.map(([name, tree]) => ({ name, tree }))]
  if (new Set(callArguments.map(({ name }) => name)).size !== callArguments.length) {
    throw signature.wrong('arguments of different names')
  }
  return { callArguments, result }
}

function readRanges(field: JsonField): Program['ranges'] {
  return new Map(
    field.entries().map(([text, range]) => {
      const bound = (key: string, none: number): number => Number(range.maybe(key)?.integer() ?? none)
      return [text, [bound('min_val', -Infinity), bound('max_val', Infinity)]]
    }),
  )
}

/** Reads the entries of an archive within its limits. */
class Reader {
  readonly #archive: ZipArchive
  readonly #limits: CheckpointLimits
  readonly #budget: Budget
  readonly #fail: Fail
  readonly #fields: FieldsContext

  constructor(archive: ZipArchive, limits: CheckpointLimits, budget: Budget) {
    this.#archive = archive
    this.#limits = limits
    this.#budget = budget
    this.#fail = (code, text) => failure(code, { path: archive.source.path }, text)
    this.#fields = { fail: this.#fail, count: () => budget.takeMemory(VALUE_BYTES, this.#fail) }
  }

  async checkWord(name: string, wanted: string): Promise<void> {
    const word = await this.#word(name)
    if (word === wanted) return
    const found = word === null ? 'none' : describe(word)
    throw this.#fail('TORCH_CHECKPOINT_UNSUPPORTED', `Expected ${name} ${wanted}, found ${found}; ${AGAIN}`)
  }

  async byteOrder(): Promise<'little' | 'big'> {
    const word = await this.#word('byteorder')
    if (word === null || word === 'little' || word === 'big') return word ?? 'little'
    throw this.#fail('TORCH_CHECKPOINT_CORRUPT', `Expected little or big for byteorder, found ${describe(word)}`)
  }

  /** The one program of the archive. */
  modelName(): string {
    const names = [...this.#archive.entries.keys()].flatMap((name) => /^models\/([^/]+)\.json$/.exec(name)?.[1] ?? [])
    const [only, ...others] = names
    if (only !== undefined && others.length === 0) return only
    const list = names
      .slice(0, 6)
      .map((name) => quote(name))
      .join(', ')
    const text = `Expected one program, found ${names.length} (${list}); save each with torch.export.save`
    throw this.#fail('TORCH_CHECKPOINT_UNSUPPORTED', text)
  }

  checkNodes(count: number): void {
    if (count <= this.#limits.programNodes) return
    throw pastLimit(this.#fail, this.#limits, 'programNodes', `The program has ${count} nodes`)
  }

  async json(name: string): Promise<JsonField> {
    const entry = this.#archive.entries.get(name)
    if (entry === undefined) throw this.#fail('TORCH_CHECKPOINT_CORRUPT', `The entry ${shorten(name)} is missing`)
    const place = { path: this.#archive.source.path, entry: entry.name }
    const fail: Fail = (code, text) => failure(code, place, text)
    if (entry.size > this.#limits.headerBytes) {
      throw pastLimit(fail, this.#limits, 'headerBytes', `The entry has ${entry.size} bytes`)
    }
    const bytes = await readEntry(this.#archive.source, entry)
    const value = await readJson(bytes, { limits: this.#limits, budget: this.#budget, place })
    return new JsonField(value, { ...this.#fields, fail })
  }

  async weights(
    kind: 'weights' | 'constants',
    model: string,
    byteOrder: 'little' | 'big',
  ): Promise<Program['weights']> {
    const folder = `data/${kind}`
    const index = await this.json(`${folder}/${model}_${kind}_config.json`)
    const context = { archive: this.#archive, byteOrder, limits: this.#limits, budget: this.#budget, fail: this.#fail }
    return readWeights(index, folder, context)
  }

  treeContext(module: JsonField): TreeContext {
    const tuples = module.maybe('treespec_namedtuple_fields')?.entries() ?? []
    return {
      fields: this.#fields,
      json: { limits: this.#limits, budget: this.#budget, place: { path: this.#archive.source.path } },
      namedTuples: new Map(
        tuples.map(([type, field]) => [
          type,
          field
            .get('field_names')
            .list()
            .map((name) => name.text()),
        ]),
      ),
    }
  }

  async #word(name: string): Promise<string | null> {
    const entry = this.#archive.entries.get(name)
    if (entry === undefined) return null
    if (entry.size > MAX_WORD_BYTES) {
      throw this.#fail('TORCH_CHECKPOINT_CORRUPT', `Expected a word for ${name}, found ${entry.size} bytes`)
    }
    return Buffer.from(await readEntry(this.#archive.source, entry))
      .toString('latin1')
      .trim()
  }
}
