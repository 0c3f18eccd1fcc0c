import { fromArray, functional as F, scope, type QuantizedModel, type Tensor } from 'napi-torch'

import type { Graph, Node, Value } from '../../lib/engine/graph.js'
import { mapConstants, opOf, outputsOf } from '../../lib/engine/ops/index.js'
import { rebatch } from '../../lib/engine/passes/rebatch.js'
import type { QParams } from '../../lib/engine/quantization/qparams.js'

/** Computes a quantized model in float64, with every rounding to uint8 that its engine does. */
export function simulate(model: QuantizedModel, input: Tensor): Tensor {
  const { quantization } = model
  const graph: Graph = rebatch(model.graph, input.size(0))
  return scope(() => {
    const tensors = new Map<Value, Tensor>(graph.inputs.map((value) => [value, input.double()]))
    const read = (value: Value): Tensor => present(tensors.get(value))
    const asUint8 = (value: Value): Tensor => {
      const scale = quantization.values.get(value.id)
      return scale === undefined ? read(value) : rounded(read(value), scale)
    }
    for (const node of graph.nodes) {
      const isQuantized = 'weight' in node && node.weight !== null && quantization.scales.has(node.weight)
      const made = isQuantized ? [layer(model, node, asUint8)] : opOf(node).eager(inFloat64(node), read)
      for (const [index, value] of outputsOf(node).entries()) {
        const tensor = present(made[index])
        const scale = isQuantized ? quantization.values.get(value.id) : undefined
        tensors.set(value, scale === undefined ? tensor : rounded(tensor, scale))
      }
    }
    return read(present(graph.outputs[0])).to('float32')
  })
}

/** The largest step between two uint8 values of a model, which is how far roundings may take two computations apart. */
export function lastStep({ graph, quantization }: QuantizedModel): number {
  const steps = [...graph.nodes]
    .reverse()
    .flatMap(outputsOf)
    .map(({ id }) => quantization.values.get(id)?.scale)
  return steps.find((step) => step !== undefined) ?? 0
}

function layer({ quantization }: QuantizedModel, node: Node, read: (value: Value) => Tensor): Tensor {
  if (node.kind !== 'conv2d' && node.kind !== 'linear') throw new TypeError('A layer has weights')
  const { weight, activation } = node
  const scale = present(quantization.scales.get(weight))
  const floats = weight.double().mul(scale.double().view([-1, ...weight.shape.slice(1).map(() => 1)]))
  const bias = node.bias?.double() ?? null
  let sum: Tensor
  if (node.kind === 'conv2d') {
    const { stride, padding, dilation, groups, residual } = node
    sum = F.conv2d(read(node.input), floats, { bias, stride, padding, dilation, groups })
    if (residual !== null) sum = sum.add(read(residual))
  } else {
    sum = F.linear(read(node.input), floats, { bias })
  }
  return activation === 'relu' ? F.relu(sum) : sum
}

function inFloat64(node: Node): Node {
  return mapConstants(node, (tensor) => (tensor.isFloatingPoint() ? tensor.double() : tensor))
}

function rounded(tensor: Tensor, { scale, zeroPoint }: QParams): Tensor {
  const values = tensor.toArray() as Float64Array
  const result = values.map((value) => {
    const quotient = value / scale
    const below = Math.floor(quotient)
    const isUp = quotient - below > 0.5 || (quotient - below === 0.5 && below % 2 !== 0)
    const byte = Math.min(255, Math.max(0, (isUp ? below + 1 : below) + zeroPoint))
    return (byte - zeroPoint) * scale
  })
  return fromArray(result, tensor.shape)
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('A value is missing')
  return value
}
