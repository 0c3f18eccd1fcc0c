import { expected } from '../../util/check.js'
import { saveSafetensors } from '../../checkpoint/write/save_safetensors.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Node, Value } from '../graph.js'
import type { Names } from '../ops/fields.js'
import { outputsOf, writeFields } from '../ops/index.js'
import { QuantizedModel } from './quantized_model.js'

/** Under which name the metadata of the file have the graph. */
export const METADATA_NAME = 'napi-torch.quantized'
/** Of the form in which it is there. */
export const VERSION = 1

/**
 * Writes a quantized model as a safetensors file: weights, scales and biases as tensors named after their layers, and the
 * graph as JSON among the metadata. `loadQuantized()` needs nothing but this file. It appears as a whole or not at all.
 *
 * @throws {CheckpointError} `TORCH_FILE` if the file cannot be written.
 */
export async function saveQuantized(path: string, model: QuantizedModel): Promise<void> {
  if (!(model instanceof QuantizedModel)) throw expected('a QuantizedModel', 'model', model)
  const { graph, quantization } = model
  const namer = new Namer()
  const nodes = graph.nodes.map((node) => {
    const scale = 'weight' in node && node.weight !== null ? quantization.scales.get(node.weight) : undefined
    const names: Names = {
      value: (value) => namer.valueIndex(value),
      tensor: (tensor, field) => namer.tensorName(tensor, node.path, field),
    }
    const written = writeNode(node, names)
    return scale === undefined ? written : { ...written, weightScale: names.tensor(scale, 'weight_scale') }
  })
  const [input, output] = [...graph.inputs, ...graph.outputs].map((value) => namer.valueIndex(value))
  const values = namer.values.map(({ id, shape, dtype }) => ({
    shape,
    dtype,
    bytes: quantization.values.get(id) ?? null,
  }))
  const text = JSON.stringify({ version: VERSION, values, input, output, nodes })
  await saveSafetensors(path, namer.tensors, { metadata: { [METADATA_NAME]: text } })
}

function writeNode(node: Node, names: Names): Record<string, unknown> {
  const fields = writeFields(node, names)
  const outputs = outputsOf(node).map((value) => names.value(value))
  return { kind: node.kind, path: node.path, ...fields, outputs }
}

/** Numbers values in the order in which they are met, and names tensors after their layers. */
class Namer {
  readonly values: Value[] = []
  readonly tensors = new Map<string, Tensor>()
  readonly #indices = new Map<Value, number>()
  readonly #names = new Map<Tensor, string>()

  valueIndex(value: Value): number {
    const known = this.#indices.get(value)
    if (known !== undefined) return known
    const index = this.values.push(value) - 1
    this.#indices.set(value, index)
    return index
  }

  tensorName(tensor: Tensor, path: string, field: string): string {
    const known = this.#names.get(tensor)
    if (known !== undefined) return known
    const plain = path === '' ? field : `${path}.${field}`
    let name = plain
    for (let count = 2; this.tensors.has(name); count++) name = `${plain}#${count}`
    this.tensors.set(name, tensor)
    this.#names.set(tensor, name)
    return name
  }
}
