import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { describe } from '../../util/check.js'
import { reasonOf } from '../../util/errno.js'
import { Budget } from '../budget.js'
import type { CheckpointContents } from '../contents.js'
import { failAt, failure, type Fail } from '../failure.js'
import { pastLimit, type CheckpointLimits } from '../limits.js'
import { unpickle } from '../pickle/read.js'
import { isCount } from '../pickle/storage_class.js'
import { openSource, sliceOf, type ByteSource } from '../source.js'
import { StoredTensor } from '../stored.js'
import { describeValue, PickledObject, PickleTuple, UnreadableTensor, type CheckpointValue } from '../values.js'
import { readTorchZip } from '../zip/read.js'
import { isMap } from '../../util/realm.js'

/** The file of a folder of torch.distributed.checkpoint that says what lies in the others. */
export const METADATA_NAME = '.metadata'

/** Data files lie beside the metadata; anything else would lead out of the folder. */
const DATA_FILE = /^[\w-][\w.-]{0,254}$/

/** Where one value of the checkpoint, or one part of a tensor, lies. */
interface Piece {
  readonly file: string
  readonly offset: number
  readonly length: number
}

/** Tells whether a path is a folder that torch.distributed.checkpoint wrote. */
export async function isDistributed(path: string): Promise<boolean> {
  return stat(join(path, METADATA_NAME)).then(
    (stats) => stats.isFile(),
    () => false,
  )
}

/**
 * Reads a folder of `torch.distributed.checkpoint`: its metadata is a pickle that says in which file, and where, each value
 * lies, itself a file of `torch.save`. A tensor that several processes wrote in parts stands there as
 * {@link UnreadableTensor}.
 *
 * @throws {CheckpointError} `TORCH_FILE` if a file is missing; `TORCH_CHECKPOINT_CORRUPT` if the metadata says what cannot be;
 * `TORCH_CHECKPOINT_UNSAFE`, `TORCH_CHECKPOINT_UNSUPPORTED` or `TORCH_CHECKPOINT_LIMIT` as other files do.
 */
export async function readDistributed(folder: string, limits: CheckpointLimits): Promise<CheckpointContents> {
  const path = join(folder, METADATA_NAME)
  const fail = failAt({ path })
  const budget = new Budget(limits, 0)
  const metadata = fieldsOf(await readMetadata(path, { limits, budget, fail }), 'Metadata', fail)
  const types = dictOf(metadata.get('state_dict_metadata'), 'state_dict_metadata', fail)
  const pieces = piecesByName(dictOf(metadata.get('storage_data'), 'storage_data', fail), fail)
  if (types.size > limits.tensors) throw pastLimit(fail, limits, 'tensors', `The checkpoint has ${types.size} values`)
  const plan = metadata.get('planner_data')
  const files = new DataFiles(folder, budget)
  const tree = new Tree(fail)
  try {
    for (const [name, type] of types) {
      if (typeof name !== 'string')
        throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a name, found ${describeValue(name)}`)
      const value = await readValue(folder, name, { type, parts: pieces.get(name) ?? [], files, limits, budget, fail })
      tree.set(pathOf(name, plan), value)
    }
  } finally {
    await files.close()
  }
  return { format: 'distcp', root: tree.root, byteOrder: 'little', size: files.size, metadata: null }
}

interface Reading {
  readonly limits: CheckpointLimits
  /** That of all files of the folder, as far as they have been opened. */
  readonly budget: Budget
  readonly fail: Fail
}

async function readMetadata(path: string, { limits, budget, fail }: Reading): Promise<CheckpointValue> {
  const { size } = await stat(path)
  budget.grow(size)
  if (size > limits.pickleBytes) throw pastLimit(fail, limits, 'pickleBytes', `The pickle has ${size} bytes`)
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw failure('TORCH_FILE', { path }, reasonOf(cause), cause)
  })
  return (await unpickle(bytes, { limits, budget, place: { path } })).value
}

interface ValueToRead extends Reading {
  readonly type: CheckpointValue
  readonly parts: readonly Piece[]
  readonly files: DataFiles
}

async function readValue(
  folder: string,
  name: string,
  { type, parts, files, limits, budget, fail }: ValueToRead,
): Promise<CheckpointValue> {
  const [piece] = parts
  if (piece === undefined) throw fail('TORCH_CHECKPOINT_CORRUPT', `Nothing is stored for ${describe(name)}`)
  const isTensor = type instanceof PickledObject && type.name === 'TensorStorageMetadata'
  if (parts.length > 1) {
    const advice = `run python -m torch.distributed.checkpoint.format_utils dcp_to_torch ${describe(folder)} model.pth`
    return new UnreadableTensor(`a tensor in ${parts.length} parts of a distributed checkpoint`, advice)
  }
  const source = await files.open(piece.file)
  // Pieces do not overlap: many names for one of them would be read again for each.
  files.read += piece.length
  if (files.read > files.size) {
    throw fail('TORCH_CHECKPOINT_CORRUPT', `The values have ${files.read} bytes, their files ${files.size}`)
  }
  if (piece.offset + piece.length > source.size) {
    const text = `${describe(name)} lies at bytes ${piece.offset} to ${piece.offset + piece.length} of ${piece.file}, which has ${source.size}`
    throw fail('TORCH_CHECKPOINT_CORRUPT', text)
  }
  const { root } = await readTorchZip(sliceOf(source, piece.offset, piece.length), limits, budget)
  if (!isTensor) return root
  const size = fieldsOf(type, 'TensorStorageMetadata', fail).get('size')
  if (root instanceof StoredTensor && !isShape(size, root.shape)) {
    throw fail(
      'TORCH_CHECKPOINT_CORRUPT',
      `${describe(name)} is stored as ${describeValue(root)}, which is not its size`,
    )
  }
  return root
}

function isShape(size: CheckpointValue | undefined, shape: readonly number[]): boolean {
  return Array.isArray(size) && size.length === shape.length && shape.every((length, dim) => size[dim] === length)
}

/** The data files, each opened once. */
class DataFiles {
  readonly #folder: string
  readonly #budget: Budget
  readonly #open = new Map<string, Promise<ByteSource>>()
  /** Bytes of all files that were opened. */
  size = 0
  /** Bytes of all values that were read. */
  read = 0

  constructor(folder: string, budget: Budget) {
    this.#folder = folder
    this.#budget = budget
  }

  async open(name: string): Promise<ByteSource> {
    const known = this.#open.get(name)
    if (known !== undefined) return known
    const opened = openSource(join(this.#folder, name))
    this.#open.set(name, opened)
    const source = await opened
    this.size += source.size
    this.#budget.grow(source.size)
    return source
  }

  async close(): Promise<void> {
    for (const opened of await Promise.allSettled(this.#open.values())) {
      if (opened.status === 'fulfilled') await opened.value.close()
    }
  }
}

/** Reads `storage_data`: by name, offset and index of a value the file with the stretch where it lies. */
function piecesByName(data: ReadonlyMap<CheckpointValue, CheckpointValue>, fail: Fail): Map<string, Piece[]> {
  const pieces = new Map<string, Piece[]>()
  for (const [key, value] of data) {
    const name = fieldsOf(key, 'MetadataIndex', fail).get('fqn')
    const info = fieldsOf(value, '_StorageInfo', fail)
    const file = info.get('relative_path')
    const offset = info.get('offset')
    const length = info.get('length')
    if (typeof name !== 'string' || !isCount(offset) || !isCount(length)) {
      throw fail('TORCH_CHECKPOINT_CORRUPT', 'Expected name, offset and length of a stored value')
    }
    if (typeof file !== 'string' || !DATA_FILE.test(file)) {
      throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected the name of a file in the folder, found ${describeValue(file)}`)
    }
    const transformed = info.get('transform_descriptors')
    if (
      transformed !== undefined &&
      transformed !== null &&
      !(Array.isArray(transformed) && transformed.length === 0)
    ) {
      throw fail(
        'TORCH_CHECKPOINT_UNSUPPORTED',
        `${describe(name)} is stored compressed or transformed, which is not read`,
      )
    }
    const others = pieces.get(name)
    if (others === undefined) pieces.set(name, [{ file, offset, length }])
    else others.push({ file, offset, length })
  }
  return pieces
}

/** The attributes of an object of the class `name` of torch.distributed.checkpoint. */
function fieldsOf(value: CheckpointValue, name: string, fail: Fail): ReadonlyMap<CheckpointValue, CheckpointValue> {
  if (value instanceof PickledObject && value.name === name && isMap(value.state)) return value.state
  throw fail(
    'TORCH_CHECKPOINT_CORRUPT',
    `Expected ${name} of torch.distributed.checkpoint, found ${describeValue(value)}`,
  )
}

function dictOf(
  value: CheckpointValue | undefined,
  name: string,
  fail: Fail,
): ReadonlyMap<CheckpointValue, CheckpointValue> {
  if (isMap(value)) return value
  throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a dict for ${name}, found ${describeValue(value)}`)
}

/** Keys that lead to a value: dicts are not nested deeper, and each value walks the whole path. */
const MAX_KEYS = 64

/** The keys that lead to a value: names are joined by dots, and may hold some. */
function pathOf(name: string, plan: CheckpointValue | undefined): readonly CheckpointValue[] {
  const path = isMap(plan) ? plan.get(name) : undefined
  return path instanceof PickleTuple && path.length > 0 && path.length <= MAX_KEYS ? path : [name]
}

type Dict = Map<CheckpointValue, CheckpointValue>

/** Dicts in dicts. Python's lists come as dicts of their indices. */
class Tree {
  readonly root: Dict = new Map()
  readonly #branches = new Set<CheckpointValue>([this.root])
  readonly #fail: Fail

  constructor(fail: Fail) {
    this.#fail = fail
  }

  set(path: readonly CheckpointValue[], value: CheckpointValue): void {
    let branch = this.root
    for (const key of path.slice(0, -1)) branch = this.#branch(branch, key)
    branch.set(path.at(-1) ?? null, value)
  }

  #branch(parent: Dict, key: CheckpointValue): Dict {
    const known = parent.get(key)
    if (isMap(known) && this.#branches.has(known)) return known
    if (known !== undefined) throw this.#fail('TORCH_CHECKPOINT_CORRUPT', `${describeValue(key)} is a value and a dict`)
    const made: Dict = new Map()
    this.#branches.add(made)
    parent.set(key, made)
    return made
  }
}
