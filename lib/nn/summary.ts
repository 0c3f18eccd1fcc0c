import { inGradModeNow } from '../libtorch/grad_mode.js'
import { checkShape, describeShape, expected } from '../util/check.js'
import type { Device } from '../util/device.js'
import type { DType } from '../util/dtype.js'
import { scope } from '../util/scope.js'
import { zeros } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { isTensor } from './checks.js'
import type { Module } from './module.js'

/** One call of a module, with the calls that it made. */
interface LayerCall {
  readonly name: string
  readonly module: Module<unknown>
  readonly calls: LayerCall[]
  /** Shapes of the tensors that came out. */
  output: string
  outputBytes: number
}

const BYTES_PER_MB = 1e6

/**
 * Calls `module` once with zeros of the given shapes, in evaluation mode, and prints what was called.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if no shape is given, and whatever `forward` throws.
 */
export function summarize(module: Module<unknown>, inputShapes: readonly (readonly number[])[]): string {
  if (inputShapes.length === 0) throw expected('the shape of an input', 'summary()', undefined)
  inputShapes.forEach((shape) => checkShape('summary()', shape))
  return scope(() => {
    const inputs = inputsFor(module, inputShapes)
    const top = record(module, inputs)
    const rows = [['Layer', 'Output shape', 'Parameters'], ...rowsOf(top, new Set())]
    const lines = aligned(rows)
    const rule = '─'.repeat(Math.max(...lines.map((line) => line.length)))
    const [header = '', ...body] = lines
    return [header, rule, ...body, rule, ...totals(module, inputs, top)].join('\n')
  })
}

/** Zeros of what the module's first parameter is made of, as its inputs are likely to be. */
function inputsFor(module: Module<unknown>, shapes: readonly (readonly number[])[]): Tensor[] {
  const [first] = module.parameters()
  const options = first === undefined ? {} : { dtype: first.dtype, device: first.device as Device }
  return shapes.map((shape) => zeros<DType>(shape, options))
}

/** Gives a call that stands for the caller of `root`. */
function record(root: Module<unknown>, inputs: readonly Tensor[]): LayerCall {
  const top: LayerCall = { name: '', module: root, calls: [], output: '', outputBytes: 0 }
  const open = [top]
  const modules = root.namedModules()
  const modes = modules.map(([, module]) => module.training)
  const handles = modules.flatMap(([path, module]) => [
    module.registerForwardPreHook(() => {
      const call: LayerCall = {
        name: path.slice(path.lastIndexOf('.') + 1),
        module,
        calls: [],
        output: '',
        outputBytes: 0,
      }
      open.at(-1)?.calls.push(call)
      open.push(call)
    }),
    module.registerForwardHook((_module, _inputs, output) => {
      const call = open.pop()
      if (call === undefined) return
      const tensors = tensorsIn(output)
      call.output = tensors.map(({ shape }) => describeShape(shape)).join(', ')
      call.outputBytes = tensors.reduce((bytes, { nbytes }) => bytes + nbytes, 0)
    }),
  ])
  try {
    root.eval()
    inGradModeNow('disabled', () => root.forward(...inputs))
  } finally {
    handles.forEach((handle) => handle.remove())
    modules.forEach(([, module], index) => (module.training = modes[index] ?? true))
  }
  return top
}

function tensorsIn(output: unknown): Tensor[] {
  const values: unknown[] = Array.isArray(output) ? output : [output]
  return values.filter(isTensor)
}

/** One row for each call, indented as a tree. A module that is called again counts its parameters once. */
function rowsOf(caller: LayerCall, seen: Set<Module<unknown>>, indent: string | null = null): string[][] {
  return caller.calls.flatMap((call, index) => {
    const isLast = index === caller.calls.length - 1
    const branch = indent === null ? '' : indent + (isLast ? '└─ ' : '├─ ')
    const deeper = indent === null ? '' : indent + (isLast ? '   ' : '│  ')
    const title = call.name === '' ? call.module.constructor.name : `${call.name}: ${call.module.constructor.name}`
    const count = ownParameterCount(call.module)
    const parameters = count === 0 ? '' : seen.has(call.module) ? '(shared)' : grouped(count)
    seen.add(call.module)
    return [[branch + title, call.output, parameters], ...rowsOf(call, seen, deeper)]
  })
}

function ownParameterCount(module: Module<unknown>): number {
  return module.parameters({ recurse: false }).reduce((count, { numel }) => count + numel, 0)
}

/** Pads the columns to their widths; the last one stands to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const [layers = 0, shapes = 0, counts = 0] = [0, 1, 2].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows.map(([layer = '', shape = '', count = '']) =>
    `${layer.padEnd(layers)}   ${shape.padEnd(shapes)}   ${count.padStart(counts)}`.trimEnd(),
  )
}

function totals(module: Module<unknown>, inputs: readonly Tensor[], top: LayerCall): string[] {
  const parameters = module.parameterCount()
  const trainable = module.parameterCount({ trainableOnly: true })
  const stateBytes = bytesOf([...module.parameters(), ...module.buffers()])
  return [
    `Parameters: ${grouped(parameters)} (trainable: ${grouped(trainable)})`,
    `Parameters and buffers: ${megabytes(stateBytes)}`,
    `Input: ${megabytes(bytesOf(inputs))}`,
    `Outputs of the innermost layers: ${megabytes(leafBytes(top))}`,
  ]
}

function leafBytes(call: LayerCall): number {
  if (call.calls.length === 0) return call.outputBytes
  return call.calls.reduce((bytes, inner) => bytes + leafBytes(inner), 0)
}

function bytesOf(tensors: readonly Tensor[]): number {
  return tensors.reduce((bytes, { nbytes }) => bytes + nbytes, 0)
}

function megabytes(bytes: number): string {
  return `${(bytes / BYTES_PER_MB).toFixed(2)} MB`
}

function grouped(count: number): string {
  return count.toLocaleString('en-US')
}
