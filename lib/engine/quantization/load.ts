import { describe } from '../../util/check.js'
import { failAt, type Fail } from '../../checkpoint/failure.js'
import { loadTensors } from '../../checkpoint/load.js'
import { readCheckpoint } from '../../checkpoint/read.js'
import { StoredTensor } from '../../checkpoint/stored.js'
import { DTYPES, isFloatingPoint } from '../../util/dtype.js'
import { scope } from '../../util/scope.js'
import type { FileInput } from '../../util/file_input.js'
import type { Tensor } from '../../tensor/tensor.js'
import { Graph, type Node, type Value } from '../graph.js'
import { BATCH } from '../ops/aten.js'
import type { Lookups } from '../ops/fields.js'
import { fieldsOf, OPS, opOf } from '../ops/index.js'
import { faultOfNode, isScale } from './check_node.js'
import type { QParams } from './qparams.js'
import { QuantizedModel } from './quantized_model.js'
import { isLayer } from './quantized_values.js'
import { METADATA_NAME, VERSION } from './save.js'
import { isMap } from '../../util/realm.js'

/** Of a graph. Stops lists that fill the memory. */
const MAX_NODES = 100_000
/** Of a value, for two samples. Stops shapes that only cost memory. */
const MAX_ELEMENTS = 2 ** 32
const MAX_DIMENSIONS = 64

/**
 * Loads a model that `saveQuantized()` wrote. The file is data: nothing in it is run, and a graph that contradicts itself or
 * its tensors is refused.
 *
 * @param file - A path, a `file:` URL, bytes, a `Blob`, a `Response`, or a stream of bytes.
 * @throws {CheckpointError} `TORCH_FILE`; `TORCH_CHECKPOINT_FORMAT` if it is not a quantized model; `TORCH_CHECKPOINT_UNSUPPORTED` if
 * a newer version of this package wrote it; `TORCH_CHECKPOINT_CORRUPT`, `TORCH_CHECKPOINT_LIMIT`.
 */
export async function loadQuantized(file: FileInput): Promise<QuantizedModel> {
  const { path, format, metadata, root } = await readCheckpoint(file)
  const fail = failAt({ path: path ?? undefined })
  const text = format === 'safetensors' ? metadata?.get(METADATA_NAME) : undefined
  if (text === undefined || !isMap(root)) {
    throw fail('TORCH_CHECKPOINT_FORMAT', 'Is not a quantized model, as saveQuantized() writes it')
  }
  const json = parse(text, fail)
  const stored = new Map<unknown, StoredTensor>()
  for (const [name, tensor] of root) if (tensor instanceof StoredTensor) stored.set(name, tensor)
  return scope(async () => {
    const tensors = await loadTensors(stored.values())
    const byName = new Map([...stored.keys()].map((name, index) => [name, tensors[index]]))
    return new GraphReader(byName, fail).read(json)
  })
}

function parse(text: string, fail: Fail): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw fail('TORCH_CHECKPOINT_CORRUPT', 'Expected JSON for the graph')
  }
}

/** Nodes of a lowered graph are not stored. */
const STORED_KINDS = (Object.keys(OPS) as Node['kind'][]).filter((kind) => kind !== 'reorder')

/** Reads the parts of the JSON in order. */
class GraphReader {
  readonly #tensors: ReadonlyMap<unknown, Tensor | undefined>
  readonly #fail: Fail
  readonly #values: Value[] = []
  readonly #qparams = new Map<number, QParams>()
  readonly #made = new Set<Value>()
  readonly #used = new Set<Tensor>()
  readonly #scales = new Map<Tensor, Tensor>()

  constructor(tensors: ReadonlyMap<unknown, Tensor | undefined>, fail: Fail) {
    this.#tensors = tensors
    this.#fail = fail
  }

  read(json: unknown): QuantizedModel {
    const version = field(json, 'version')
    if (typeof version === 'number' && version > VERSION) {
      throw this.#fail(
        'TORCH_CHECKPOINT_UNSUPPORTED',
        `The graph has version ${version}, and this package reads ${VERSION}`,
      )
    }
    if (version !== VERSION) throw this.#wrong(`${VERSION}`, 'version', version)
    for (const [index, value] of this.#list(json, 'values').entries()) this.#readValue(value, `values[${index}]`)
    const input = this.#value(field(json, 'input'), 'input')
    if (input.dtype !== 'float32') throw this.#wrong('a value of float32', 'input', input.dtype)
    this.#made.add(input)
    const nodes = this.#list(json, 'nodes').map((node, index) => this.#readNode(node, `nodes[${index}]`))
    const output = this.#madeValue(field(json, 'output'), 'output')
    if (!isFloatingPoint(output.dtype)) throw this.#wrong('a floating-point value', 'output', output.dtype)
    const unused = [...this.#tensors].find(([, tensor]) => tensor !== undefined && !this.#used.has(tensor))
    if (unused !== undefined) throw this.#wrong('tensors that the graph uses', 'the file', unused[0])
    const scales = this.#scales
    const owned = [...this.#used].filter((tensor) => ![...scales.values()].includes(tensor))
    const graph = new Graph({ inputs: [input], nodes, outputs: [output], owned })
    return new QuantizedModel({ graph, quantization: { values: this.#qparams, scales } })
  }

  #readValue(json: unknown, path: string): void {
    const shape = field(json, 'shape')
    const sizes: unknown[] = Array.isArray(shape) ? shape : []
    const isShape =
      sizes.length > 0 &&
      sizes.length <= MAX_DIMENSIONS &&
      sizes[0] === BATCH &&
      sizes.every((size): size is number => Number.isSafeInteger(size) && Number(size) > 0) &&
      sizes.reduce((product, size) => product * size, 1) <= MAX_ELEMENTS
    if (!isShape) throw this.#wrong(`a shape (${BATCH}, ...) of at most 2^32 elements`, `${path}.shape`, shape)
    const dtype = DTYPES.find((known) => known === field(json, 'dtype'))
    if (dtype === undefined) throw this.#wrong('a dtype', `${path}.dtype`, field(json, 'dtype'))
    const id = this.#values.length
    this.#values.push({ id, shape: sizes, dtype })
    const bytes = field(json, 'bytes')
    if (bytes === null) return
    const [scale, zeroPoint] = [field(bytes, 'scale'), field(bytes, 'zeroPoint')]
    const isByte = typeof zeroPoint === 'number' && Number.isInteger(zeroPoint) && zeroPoint >= 0 && zeroPoint <= 255
    if (!isScale(scale)) throw this.#wrong('a number above 0', `${path}.bytes.scale`, scale)
    if (!isByte) throw this.#wrong('an integer from 0 to 255', `${path}.bytes.zeroPoint`, zeroPoint)
    if (dtype !== 'float32') throw this.#wrong('no bytes', `${path}.bytes`, bytes)
    this.#qparams.set(id, { scale, zeroPoint })
  }

  #readNode(json: unknown, path: string): Node {
    const kind = STORED_KINDS.find((known) => known === field(json, 'kind'))
    if (kind === undefined) throw this.#wrong('a kind of node', `${path}.kind`, field(json, 'kind'))
    const modulePath = field(json, 'path')
    if (typeof modulePath !== 'string') throw this.#wrong('a string', `${path}.path`, modulePath)
    const fields = fieldsOf(kind).map(([name, content]) => {
      return [name, content.read(field(json, name), this.#lookups(`${path}.${name}`))] as const
    })
    const outputs = this.#list(json, 'outputs', path).map((index) => this.#newValue(index, `${path}.outputs`))
    const [output] = outputs
    if (output === undefined || (outputs.length > 1 && kind !== 'aten')) {
      throw this.#wrong('one value', `${path}.outputs`, field(json, 'outputs'))
    }
    const made = kind === 'aten' ? { outputs } : { output }
    // Each field has been read as its kind of node has it.
    const node = { kind, path: modulePath, ...Object.fromEntries(fields), ...made } as unknown as Node
    this.#checkNode(node, json, path)
    for (const value of outputs) this.#made.add(value)
    return node
  }

  /** What a field says by itself is right; whether it goes with the others is seen here. */
  #checkNode(node: Node, json: unknown, path: string): void {
    const name = field(json, 'weightScale')
    const weightScale = name === undefined ? null : this.#tensor(name, `${path}.weightScale`)
    if (weightScale !== null) {
      if (!isLayer(node)) throw this.#wrong('none', `${path}.weightScale`, name)
      for (const { id } of opOf(node).quantization?.quantizedValues?.(node) ?? []) {
        if (!this.#qparams.has(id)) throw this.#wrong('values that have bytes', path, `values[${id}]`)
      }
      this.#scales.set(node.weight, weightScale)
    }
    const fault = faultOfNode(node, weightScale)
    if (fault !== null) throw this.#fail('TORCH_CHECKPOINT_CORRUPT', `Expected ${fault} for ${path} of the graph`)
  }

  #lookups(path: string): Lookups {
    return {
      value: (index) => this.#madeValue(index, path),
      tensor: (name) => this.#tensor(name, path),
      wrong: (what, received) => this.#wrong(what, path, received),
    }
  }

  #value(index: unknown, path: string): Value {
    const value = typeof index === 'number' ? this.#values[index] : undefined
    if (value === undefined) throw this.#wrong('the index of a value', path, index)
    return value
  }

  #madeValue(index: unknown, path: string): Value {
    const value = this.#value(index, path)
    if (!this.#made.has(value)) throw this.#wrong('a value that a node before has made', path, index)
    return value
  }

  #newValue(index: unknown, path: string): Value {
    const value = this.#value(index, path)
    if (this.#made.has(value)) throw this.#wrong('a value that no node before has made', path, index)
    return value
  }

  #tensor(name: unknown, path: string): Tensor {
    const tensor = this.#tensors.get(name)
    if (tensor === undefined) throw this.#wrong('the name of a tensor of the file', path, name)
    this.#used.add(tensor)
    return tensor
  }

  #list(json: unknown, name: string, path?: string): readonly unknown[] {
    const list = field(json, name)
    if (Array.isArray(list) && list.length <= MAX_NODES) return list
    throw this.#wrong(`a list of at most ${MAX_NODES} items`, path === undefined ? name : `${path}.${name}`, list)
  }

  #wrong(what: string, path: string, received: unknown): Error {
    return this.#fail(
      'TORCH_CHECKPOINT_CORRUPT',
      `Expected ${what} for ${path} of the graph, received ${describe(received)}`,
    )
  }
}

/** A field of an object of JSON; undefined where there is none. */
function field(json: unknown, name: string): unknown {
  return typeof json === 'object' && json !== null && Object.hasOwn(json, name) ? Reflect.get(json, name) : undefined
}
