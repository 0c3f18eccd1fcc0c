import type { WeightsHandle } from '../../libtorch/handles.js'
import type { NetworkOperation, NetworkSegment } from '../../libtorch/plan_spec.js'
import type { Graph, Value } from '../graph.js'
import { inputsOf, opOf, outputsOf, type Node } from '../ops/index.js'
import type { NativeKernel, Wiring } from '../ops/kernel.js'
import type { Layer } from '../ops/layer.js'
import { selectChunk } from '../tune/heuristics.js'
import { lifetimesOf, shareBuffers, type BufferRequest, type Lifetime, type SharedBuffers } from './buffers.js'
import type { PlanWriter } from './plan_writer.js'
import { stepInfo, type StepInfo } from './step_info.js'

/** Adds the step of native kernels that computes consecutive nodes. */
export function emitNetwork(nodes: readonly Node[], graph: Graph, plan: PlanWriter): void {
  const [first] = nodes
  const batch = (first && outputsOf(first)[0]?.shape[0]) ?? 1
  const inside = new Set(nodes)
  const made = new Set(nodes.flatMap(outputsOf))
  const readOutside = new Set([...graph.outputs, ...graph.nodes.filter((node) => !inside.has(node)).flatMap(inputsOf)])
  const outputs = [...made].filter((value) => readOutside.has(value))

  const { operations, resolve } = operationsOf(nodes, { batch, made, readOutside })
  const segments = segmentsOf(operations)
  const read = operations.flatMap(({ reads, isNchw }) =>
    reads.map((value, index) => ({ value, isNchw: isNchw && index === 0 })),
  )
  const fromOutside = read.filter(({ value }) => !made.has(value))
  const nchw = unique(fromOutside.filter(({ isNchw }) => isNchw))
  const inputs = unique(fromOutside.filter(({ isNchw }) => !isNchw))
  const buffers = buffersOf(segments, { batch, inputs, outputs: outputs.map(resolve) })

  const weights: WeightsHandle[] = []
  const operationOf = (operation: Operation): NetworkOperation => {
    const wiring = wiringOf(operation, { nchw, buffers, resolve })
    const pack = (layer: Layer): number => weights.push(plan.nativeWeights(layer)) - 1
    return operation.kernel.operation(operation.node, { ...wiring, weights: pack }, plan.target)
  }
  const port = (value: Value) => ({ buffer: buffers.indexOf(resolve(value)) })
  const step = {
    kind: 'network' as const,
    batch,
    weights,
    nchw: nchw.map((value) => plan.indexOf(value)),
    inputs: inputs.map((value) => ({ value: plan.indexOf(value), ...port(value) })),
    segments: segments.map(({ chunk, operations }): NetworkSegment => {
      return { chunk, operations: operations.map(operationOf) }
    }),
    buffers: buffers.buffers,
    outputs: outputs.map((value) => ({ value: plan.define(value), ...port(value) })),
  }
  plan.network(
    step,
    operations.map((operation) => infoOf(operation, batch, plan)),
  )
}

/** What native kernels do in one go: most of the time one node, with a pooling in the same pass two. */
interface Operation {
  readonly node: Node
  readonly kernel: NativeKernel<Node>
  readonly absorbed: Node | null
  /** Images that go through at once. */
  readonly chunk: number
  /** Whether the first input is read as it comes from outside. */
  readonly isNchw: boolean
  readonly reads: readonly Value[]
  readonly writes: Value
}

/** Consecutive operations through which the batch goes in chunks of one size. */
interface Segment {
  readonly chunk: number
  readonly operations: Operation[]
}

interface Surroundings {
  readonly batch: number
  /** Values that the network makes. */
  readonly made: ReadonlySet<Value>
  /** Values that nodes outside of the network need. */
  readonly readOutside: ReadonlySet<Value>
}

interface Operations {
  readonly operations: readonly Operation[]
  /** Gives the value in whose buffer a value lies: (N, C, 1, 1) and (N, C) are one. */
  readonly resolve: (value: Value) => Value
}

function operationsOf(nodes: readonly Node[], { batch, made, readOutside }: Surroundings): Operations {
  const aliases = new Map<Value, Value>()
  const resolve = (value: Value): Value => aliases.get(value) ?? value
  const operations: Operation[] = []
  const left = [...nodes]
  for (let node = left.shift(); node !== undefined; node = left.shift()) {
    const kernel = nativeKernelOf(node)
    const [source] = inputsOf(node)
    const reads = inputsOf(node).map(resolve)
    const [input] = reads
    const [output] = outputsOf(node)
    if (source === undefined || input === undefined || output === undefined)
      throw new TypeError('An operation has an input and an output')
    if (kernel.isAlias === true) {
      aliases.set(output, input)
      continue
    }
    const isNchw = !made.has(source) && kernel.readsNchw?.(node) === true
    const [next] = left
    const isAbsorbed =
      isNchw && next !== undefined && kernel.absorbs?.(node, next) === true && isOnlyReader(next, output, nodes)
    const absorbed = isAbsorbed && !readOutside.has(output) ? next : null
    if (absorbed !== null) left.shift()
    const [writes = output] = absorbed === null ? [output] : outputsOf(absorbed)
    // What an absorbed node reads never lies in memory as a whole.
    operations.push({ node, kernel, absorbed, isNchw, reads, writes, chunk: selectChunk(batch, [input, writes]) })
  }
  return { operations, resolve }
}

function isOnlyReader(node: Node, value: Value, nodes: readonly Node[]): boolean {
  const readers = nodes.filter((reader) => inputsOf(reader).includes(value))
  return readers.length === 1 && readers[0] === node
}

function segmentsOf(operations: readonly Operation[]): Segment[] {
  const segments: Segment[] = []
  for (const operation of operations) {
    const last = segments.at(-1)
    if (last?.chunk === operation.chunk) last.operations.push(operation)
    else segments.push({ chunk: operation.chunk, operations: [operation] })
  }
  return segments
}

interface Ports {
  readonly batch: number
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
}

/** Gives every value a buffer, and buffers that are not needed at once the same memory. */
function buffersOf(segments: readonly Segment[], { batch, inputs, outputs }: Ports): SharedBuffers {
  const touchedBy = ({ reads, writes, isNchw }: Operation): Value[] => [...(isNchw ? reads.slice(1) : reads), writes]
  const operations = segments.flatMap(({ operations }) => operations)
  // The inputs are copied before the first operation, the outputs are read after the last.
  const lifetimes = lifetimesOf([inputs, ...operations.map(touchedBy), outputs])
  const rounds = new Map<Segment, Lifetime>()
  const users = new Map<Value, Set<Segment>>()
  let time = 1
  for (const segment of segments) {
    rounds.set(segment, { first: time, last: time + segment.operations.length - 1 })
    time += segment.operations.length
    for (const value of segment.operations.flatMap(touchedBy))
      users.set(value, (users.get(value) ?? new Set()).add(segment))
  }

  const borders = bordersOf(operations)
  const requests = [...lifetimes].map(([value, lifetime]): BufferRequest => {
    const [only, ...others] = users.get(value) ?? []
    const isInside = others.length === 0 && lifetime.first > 0 && lifetime.last < time && only !== undefined
    const size = sizeOf(value)
    const buffer = { ...size, batch: isInside ? only.chunk : batch, border: borders.get(keyOf(size)) ?? 0 }
    if (isInside) return { value, buffer, lifetime }
    // What outlives a round of its segment is there for the whole batch, and for as long as segments go round.
    const used = [...(users.get(value) ?? [])].flatMap((segment) => rounds.get(segment) ?? [])
    const first = Math.min(lifetime.first, ...used.map((round) => round.first))
    const last = Math.max(lifetime.last, ...used.map((round) => round.last))
    return { value, buffer, lifetime: { first, last } }
  })
  return shareBuffers(requests)
}

/** Buffers of one size have one border, as residuals are read with the steps of the result. */
function bordersOf(operations: readonly Operation[]): Map<string, number> {
  const borders = new Map<string, number>()
  for (const { node, kernel, isNchw, reads } of operations) {
    const [input] = reads
    if (isNchw || input === undefined || kernel.border === undefined) continue
    const key = keyOf(sizeOf(input))
    borders.set(key, Math.max(borders.get(key) ?? 0, kernel.border(node)))
  }
  return borders
}

interface Sources {
  readonly nchw: readonly Value[]
  readonly buffers: SharedBuffers
  readonly resolve: (value: Value) => Value
}

function wiringOf(
  { reads, writes, isNchw, absorbed }: Operation,
  { nchw, buffers, resolve }: Sources,
): Omit<Wiring, 'weights'> {
  const [input, second] = reads
  if (input === undefined) throw new TypeError('An operation has an input')
  const bufferOf = (value: Value): number => buffers.indexOf(resolve(value))
  return {
    input: isNchw ? nchw.indexOf(input) : bufferOf(input),
    second: second === undefined ? null : bufferOf(second),
    output: bufferOf(writes),
    isNchw,
    absorbed,
  }
}

function infoOf({ node, kernel, absorbed, chunk, isNchw }: Operation, batch: number, plan: PlanWriter): StepInfo {
  const algorithm = kernel.algorithm === undefined ? '' : ` ${kernel.algorithm(node, isNchw, plan.target)}`
  const rounds = chunk === batch ? '' : ` × ${batch / chunk}`
  return stepInfo(absorbed === null ? [node] : [node, absorbed], `native${algorithm}${rounds}`, plan.target)
}

function nativeKernelOf(node: Node): NativeKernel<Node> {
  const kernel = opOf(node).kernels.native
  if (kernel === undefined) throw new TypeError(`Native kernels do not compute ${node.kind}`)
  return kernel
}

interface Size {
  readonly channels: number
  readonly height: number
  readonly width: number
}

function sizeOf({ shape: [, channels = 1, height = 1, width = 1] }: Value): Size {
  return { channels, height, width }
}

function keyOf({ channels, height, width }: Size): string {
  return `${channels} ${height} ${width}`
}

function unique(entries: readonly { readonly value: Value }[]): Value[] {
  return [...new Set(entries.map(({ value }) => value))]
}
