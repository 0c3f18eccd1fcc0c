import type { NetworkOperation, NetworkSegment, NetworkStep, WeightsHandle } from '../libtorch/binding.js'
import { all, chooseChunk, convolutionOf, isNchwInput, type Choice } from './choose.js'
import { inputsOf, outputsOf, type Conv2dNode, type MaxPool2dNode, type Node, type Value } from './graph.js'
import { lowerOneDnn } from './lower_onednn.js'
import type { Lowering } from './lowering.js'
import { BufferSlots } from './buffer_slots.js'
import type { StepInfo } from './plan_builder.js'

/**
 * Adds the steps of all nodes: those for which there are own kernels together, as far as they follow each other, the others
 * by oneDNN and libtorch's ordinary operators.
 */
export function lowerOwn(lowering: Lowering, nodes: readonly Node[]): void {
  let run: Node[] = []
  const finish = (): void => {
    // Without weights there is nothing to win.
    if (run.some(({ kind }) => kind === 'conv2d' || kind === 'linear')) new NetworkBuilder(lowering, run).emit()
    else for (const node of run) lowerOneDnn(lowering, node)
    run = []
  }
  for (const node of nodes) {
    const isSame = run[0] === undefined || batchOf(run[0]) === batchOf(node)
    if (!isSame) finish()
    if (isSupported(lowering, node)) {
      run.push(node)
      continue
    }
    finish()
    lowerOneDnn(lowering, node)
  }
  finish()
}

function batchOf(node: Node): number | undefined {
  return outputsOf(node)[0]?.shape[0]
}

/** Tells whether own kernels do what a node does. */
function isSupported(lowering: Lowering, node: Node): boolean {
  if (lowering.dtype !== 'float32' || node.kind === 'aten') return false
  const values = [...inputsOf(node), node.output]
  const isImages = ({ dtype, shape }: Value): boolean =>
    dtype === 'float32' && (shape.length === 4 || shape.length === 2) && shape[0] === batchOf(node)
  if (!values.every(isImages)) return false
  switch (node.kind) {
    case 'conv2d':
      if (node.groups !== 1 || !isFloat32(lowering, node)) return false
      return isNchwInput(node) || choiceOf(lowering, node) !== 'onednn'
    case 'linear':
      return isFloat32(lowering, node)
    case 'maxPool2d':
      // Points that are far from each other may all lie in the padding.
      return all(node.dilation, 1) || all(node.padding, 0)
    case 'globalAvgPool':
    case 'add':
      return true
    case 'reshape':
      return values.every(isPixel)
    default:
      return false
  }
}

/** Chooses what computes a convolution, with so many images at once as it would have by own kernels. */
function choiceOf(lowering: Lowering, node: Conv2dNode): Choice {
  const images = chooseChunk(batchOf(node) ?? 1, [node.input, node.output])
  return lowering.choose(convolutionOf(node, lowering.constantFacts(node.weight).shape, images))
}

function isFloat32(lowering: Lowering, { weight, bias }: Pick<Conv2dNode, 'weight' | 'bias'>): boolean {
  return [weight, bias].every((tensor) => tensor === null || lowering.constantFacts(tensor).dtype === 'float32')
}

/** Tells whether a value holds vectors: (N, C) or (N, C, 1, 1). */
function isPixel({ shape: [, , height = 1, width = 1] }: Value): boolean {
  return height === 1 && width === 1
}

/** Where a value lies: a buffer, or a value (N, C, H, W) that comes from outside. */
interface Place {
  readonly channels: number
  readonly height: number
  readonly width: number
}

function placeOf({ shape: [, channels = 1, height = 1, width = 1] }: Value): Place {
  return { channels, height, width }
}

/** An operation of the network before buffers have numbers. */
interface Draft {
  readonly nodes: readonly Node[]
  readonly chunk: number
  /** The input is read as it comes from outside. */
  readonly isNchw: boolean
  readonly reads: readonly Value[]
  readonly writes: Value
}

/** Makes one step of the own kernels of nodes that follow each other. */
class NetworkBuilder {
  readonly #lowering: Lowering
  readonly #nodes: readonly Node[]
  readonly #batch: number
  readonly #made: ReadonlySet<Value>
  readonly #outputs: readonly Value[]
  readonly #drafts: Draft[] = []
  /** A value that is another in other words: (N, C, 1, 1) as (N, C). */
  readonly #same = new Map<Value, Value>()
  readonly #weights: WeightsHandle[] = []

  constructor(lowering: Lowering, nodes: readonly Node[]) {
    this.#lowering = lowering
    this.#nodes = nodes
    this.#made = new Set(nodes.flatMap(outputsOf))
    this.#batch = (nodes[0] && batchOf(nodes[0])) ?? 1
    const inside = new Set(nodes)
    this.#outputs = [...this.#made].filter((value) => lowering.isReadOutside(value, inside))
  }

  emit(): void {
    this.#draft()
    const slots = new BufferSlots()
    const nchw: Value[] = []
    const inputs: Value[] = []
    for (const { reads, isNchw } of this.#drafts) {
      for (const [index, value] of reads.entries()) {
        if (this.#made.has(value)) continue
        const list = isNchw && index === 0 ? nchw : inputs
        if (!list.includes(value)) list.push(value)
      }
    }
    const segments = this.#segments()
    this.#assign(slots, segments, inputs)

    const bufferOf = (value: Value): number => slots.indexOf(this.#resolve(value))
    const read = (value: Value): number => this.#lowering.operand(value, { dtype: 'float32' }).index
    const step: Omit<NetworkStep, 'dead' | 'outputs'> = {
      kind: 'network',
      batch: this.#batch,
      weights: this.#weights,
      nchw: nchw.map(read),
      inputs: inputs.map((value) => ({ value: read(value), buffer: bufferOf(value) })),
      segments: segments.map(({ chunk, drafts }): NetworkSegment => {
        return { chunk, operations: drafts.map((draft) => this.#operation(draft, nchw, bufferOf)) }
      }),
      buffers: slots.buffers,
    }
    this.#lowering.emitNetwork(
      step,
      this.#outputs.map((value) => ({ output: value, buffer: bufferOf(value) })),
      segments.flatMap(({ drafts }) => drafts.map((draft) => this.#infoOf(draft))),
    )
  }

  /** Finds the operations: most are a node, the first layers of many networks two. */
  #draft(): void {
    const nodes = [...this.#nodes]
    for (let node = nodes.shift(); node !== undefined; node = nodes.shift()) {
      if (node.kind === 'aten') throw new TypeError('Own kernels do not do operators of libtorch')
      if (node.kind === 'reshape') {
        this.#same.set(node.output, this.#resolve(node.input))
        continue
      }
      const isNchw = node.kind === 'conv2d' && !this.#made.has(node.input) && isNchwInput(node)
      const pool = isNchw ? nodes[0] : undefined
      const isPooled = pool?.kind === 'maxPool2d' && this.#mayPool(node, pool)
      if (isPooled) nodes.shift()
      const group = isPooled ? [node, pool] : [node]
      const writes = isPooled ? pool.output : node.output
      const reads = inputsOf(node).map((value) => this.#resolve(value))
      // What is pooled in the same pass never lies in memory as a whole.
      const chunk = chooseChunk(this.#batch, [...reads.slice(0, 1), writes])
      this.#drafts.push({ nodes: group, chunk, isNchw, reads, writes })
    }
  }

  /** Tells whether a pooling can follow in the same pass. */
  #mayPool(node: Conv2dNode | Node, pool: MaxPool2dNode): boolean {
    if (node.kind !== 'conv2d' || node.residual !== null || pool.input !== node.output) return false
    if (!all(pool.dilation, 1) || this.#outputs.includes(node.output)) return false
    return this.#nodes.filter((reader) => inputsOf(reader).includes(node.output)).length === 1
  }

  #resolve(value: Value): Value {
    return this.#same.get(value) ?? value
  }

  #segments(): Segment[] {
    const segments: Segment[] = []
    for (const draft of this.#drafts) {
      const last = segments.at(-1)
      if (last?.chunk === draft.chunk) last.drafts.push(draft)
      else segments.push({ chunk: draft.chunk, drafts: [draft] })
    }
    return segments
  }

  /** Gives every value a buffer, and buffers that are not needed at once the same memory. */
  #assign(slots: BufferSlots, segments: readonly Segment[], inputs: readonly Value[]): void {
    const lives = new Map<Value, { first: number; last: number; segments: Set<Segment> }>()
    const touch = (value: Value, time: number, segment?: Segment): void => {
      const life = lives.get(value) ?? { first: time, last: time, segments: new Set<Segment>() }
      life.last = time
      if (segment !== undefined) life.segments.add(segment)
      lives.set(value, life)
    }
    for (const value of inputs) touch(this.#resolve(value), -1)
    let time = 0
    const times = new Map<Segment, { first: number; last: number }>()
    for (const segment of segments) {
      const first = time
      for (const { reads, writes, isNchw } of segment.drafts) {
        for (const [index, value] of reads.entries()) if (!(isNchw && index === 0)) touch(value, time, segment)
        touch(writes, time, segment)
        time += 1
      }
      times.set(segment, { first, last: time - 1 })
    }
    for (const value of this.#outputs) touch(this.#resolve(value), time)

    const borders = this.#borders()
    for (const [value, life] of lives) {
      const [only, ...others] = life.segments
      const isInside = others.length === 0 && life.first >= 0 && life.last < time && only !== undefined
      // What outlives a round of its segment is there for the whole batch, and for as long as segments go round.
      const rounds = [...life.segments].map((segment) => times.get(segment) ?? { first: 0, last: time })
      const whole = {
        first: Math.min(life.first, ...rounds.map(({ first }) => first)),
        last: Math.max(life.last, ...rounds.map(({ last }) => last)),
      }
      const place = placeOf(value)
      const buffer = { ...place, batch: isInside ? only.chunk : this.#batch, border: borders.get(keyOf(place)) ?? 0 }
      slots.add(value, buffer, isInside ? life : whole)
    }
    slots.assign()
  }

  /** Buffers of one size have one border, as residuals are read with the steps of the result. */
  #borders(): Map<string, number> {
    const borders = new Map<string, number>()
    for (const { nodes, isNchw, reads } of this.#drafts) {
      const [node] = nodes
      const [input] = reads
      if (node?.kind !== 'conv2d' || isNchw || input === undefined) continue
      const key = keyOf(placeOf(input))
      borders.set(key, Math.max(borders.get(key) ?? 0, ...node.padding))
    }
    return borders
  }

  #operation(draft: Draft, nchw: readonly Value[], bufferOf: (value: Value) => number): NetworkOperation {
    const [node, pool] = draft.nodes
    const [input, second] = draft.reads
    if (node === undefined || input === undefined) throw new TypeError('An operation has an input')
    const output = bufferOf(draft.writes)
    switch (node.kind) {
      case 'conv2d': {
        const { residual, activation } = node
        return {
          kind: 'conv2d',
          algorithm: this.#algorithmOf(draft, node),
          weights: this.#weights.push(this.#lowering.convWeights(node)) - 1,
          input: draft.isNchw ? nchw.indexOf(input) : bufferOf(input),
          output,
          residual: residual === null || second === undefined ? null : bufferOf(second),
          relu: activation === 'relu',
          pool: pool?.kind === 'maxPool2d' ? windowsOf(pool) : null,
        }
      }
      case 'linear': {
        const weights = this.#weights.push(this.#lowering.convWeights(node)) - 1
        return { kind: 'linear', weights, input: bufferOf(input), output, relu: node.activation === 'relu' }
      }
      case 'maxPool2d':
        return { kind: 'maxPool2d', input: bufferOf(input), output, ...windowsOf(node) }
      case 'globalAvgPool':
        return { kind: 'globalAvgPool', input: bufferOf(input), output }
      case 'add': {
        const right = bufferOf(second ?? input)
        return { kind: 'add', left: bufferOf(input), right, output, relu: node.activation === 'relu' }
      }
      default:
        throw new TypeError(`Own kernels do not do ${node.kind}`)
    }
  }

  #algorithmOf({ isNchw }: Draft, node: Conv2dNode): string {
    if (isNchw) return 'nchw'
    return choiceOf(this.#lowering, node)
  }

  #infoOf(draft: Draft): StepInfo {
    const [node, ...others] = draft.nodes
    if (node === undefined) throw new TypeError('An operation has a node')
    const algorithm = node.kind === 'conv2d' ? ` ${this.#algorithmOf(draft, node)}` : ''
    const rounds = draft.chunk === this.#batch ? '' : ` × ${this.#batch / draft.chunk}`
    return this.#lowering.infoOf([node, ...others], `own${algorithm}${rounds}`)
  }
}

interface Segment {
  readonly chunk: number
  readonly drafts: Draft[]
}

function keyOf({ channels, height, width }: Place): string {
  return `${channels} ${height} ${width}`
}

function windowsOf({
  kernelSize,
  stride,
  padding,
  dilation,
}: MaxPool2dNode): NonNullable<Extract<NetworkOperation, { kind: 'conv2d' }>['pool']> {
  return { kernelSize, stride, padding, dilation }
}
