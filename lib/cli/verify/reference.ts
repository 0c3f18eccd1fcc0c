import { shorten } from '../../util/check.js'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { loadTensors } from '../../checkpoint/load.js'
import { readCheckpoint, type Checkpoint } from '../../checkpoint/read.js'
import { StoredTensor } from '../../checkpoint/stored.js'
import type { Module } from '../../nn/module.js'
import { moduleNames } from '../../model/read.js'
import type { Tensor } from '../../tensor/tensor.js'
import { hasCode } from '../../util/errno.js'
import { TorchError } from '../../util/errors.js'
import { PACKAGE_ROOT } from '../../util/package.js'
import { isMap } from '../../util/realm.js'

/** Name of the root module, whose path is empty. */
export const ROOT = '(model)'

/** Entry of safetensors' `__metadata__` that make-reference.py writes. */
const FACTS_KEY = 'napi-torch.reference'

const OUTPUT = 'output/'

/** The script that writes references. */
export const SCRIPT = join(PACKAGE_ROOT, 'python', 'make-reference.py')

/** Sum of a tensor, sum of its squares, and sum with weights that grow from 0 to 1 (undefined in references of older releases). */
export type Moments = readonly [sum: number, squares: number, ramp: number | undefined]

/** What make-reference.py wrote: an input, and PyTorch's outputs for it. */
export interface Reference {
  /** Version of PyTorch. */
  readonly torch: string
  /** (1, C, H, W). */
  readonly input: Tensor
  /** Output of each call of each module, in the order in which the calls ended: `layer1.0.relu#2` is a second call. */
  readonly outputs: ReadonlyMap<string, Tensor>
  /** Of each tensor of the state dict. */
  readonly moments: ReadonlyMap<string, Moments>
  /** Of each tensor of the state dict; empty where the script was of an older release. */
  readonly shapes: ReadonlyMap<string, readonly number[]>
}

/**
 * Reads a reference; its tensors belong to the caller.
 *
 * @throws {TorchError} `TORCH_FILE`, one of `TORCH_CHECKPOINT_…`, or `TORCH_INVALID_ARGUMENT` if the file is no reference.
 */
export async function loadReference(path: string): Promise<Reference> {
  const checkpoint = await readCheckpoint(path)
  const { torch, state, shapes = {} } = factsOf(path, checkpoint)
  const stored = isMap(checkpoint.root) ? [...checkpoint.root] : []
  const entries = stored.filter((entry): entry is [string, StoredTensor] => entry[1] instanceof StoredTensor)
  const names = entries.map(([name]) => name)
  const tensors = await loadTensors(entries.map(([, tensor]) => tensor))
  const byName = new Map(names.map((name, index) => [name, tensors[index]]))
  const input = byName.get('input')
  const outputs = new Map<string, Tensor>()
  for (const [name, tensor] of byName) {
    if (name.startsWith(OUTPUT) && tensor !== undefined) outputs.set(name.slice(OUTPUT.length), tensor)
  }
  if (input === undefined) {
    for (const tensor of tensors) tensor.dispose()
    throw noReference(path)
  }
  const moments = Object.entries(state).map(([key, values]) => [key, momentsOf(values)] as const)
  return { torch, input, outputs, moments: new Map(moments), shapes: new Map(Object.entries(shapes)) }
}

/**
 * Gives the tensors and modules of a reference the names that they have in `model`. Outputs of modules without tensors that the model
 * does not have, such as a Flatten, are left out.
 *
 * @param keys - Keys of the reference, each with the model's.
 */
export function withOurNames(reference: Reference, model: Module, keys: ReadonlyMap<string, string>): Reference {
  const paths = new Set(model.namedModules().map(([path]) => (path === '' ? ROOT : path)))
  const modules = moduleNames(new Map([...keys].map(([theirs, ours]) => [ours, theirs])))
  const [[theirs, ours] = ['', '']] = keys
  const wrapper = theirs.endsWith(ours) ? theirs.slice(0, theirs.length - ours.length) : ''
  const outputs = new Map<string, Tensor>()
  for (const [name, output] of reference.outputs) {
    const [path = '', call] = name.split('#')
    const own = path.startsWith(wrapper) ? path.slice(wrapper.length) : path
    const known = modules.get(path) ?? (`${path}.` === wrapper ? ROOT : own)
    if (paths.has(known)) outputs.set(call === undefined ? known : `${known}#${call}`, output)
    else output.dispose()
  }
  const renamed = <T>(values: ReadonlyMap<string, T>): Map<string, T> => {
    return new Map([...values].map(([key, value]) => [keys.get(key) ?? key, value]))
  }
  return { ...reference, outputs, moments: renamed(reference.moments), shapes: renamed(reference.shapes) }
}

/** What {@link makeReference} passes to Python. */
export interface MakeReferenceOptions {
  /** Path of the state dict in the checkpoint. */
  readonly key: string
  /** What builds the model in Python, as `net.py:Net`; undefined where the checkpoint tells. */
  readonly module?: string | undefined
  /** The file holds the model as a whole, whose code Python then runs. */
  readonly wholeModule: boolean
  /** torchvision's function that builds the model, and its arguments. */
  readonly torchvision?: { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> } | undefined
  /** Channels of the input. */
  readonly channels: number
  /** Height and width of the input. */
  readonly size: readonly [number, number]
  /** Kernel and stride of the first convolution of torchvision's ResNet, and whether a max-pool follows, where others. */
  readonly stem?: readonly [kernel: number, stride: number, maxPool: boolean] | undefined
  readonly signal: AbortSignal
}

/**
 * Makes a Python with torch write a reference, reads it, and removes the file.
 *
 * @throws {TorchError} `TORCH_PYTHON` if that fails, with Python's message.
 */
export async function makeReference(
  python: string,
  checkpoint: string,
  { key, module, wholeModule, torchvision, channels, size, stem, signal }: MakeReferenceOptions,
): Promise<Reference> {
  const folder = await mkdtemp(join(tmpdir(), 'napi-torch-'))
  try {
    const out = join(folder, 'reference.safetensors')
    const keyed = key === '' ? [] : ['--key', key]
    const built = [...(module === undefined ? [] : ['--module', module]), ...(wholeModule ? ['--whole-module'] : [])]
    const named =
      torchvision === undefined
        ? []
        : ['--torchvision', torchvision.name, '--arguments', JSON.stringify(torchvision.arguments)]
    const input = ['--channels', String(channels), '--size', ...size.map(String)]
    const stemmed = stem === undefined ? [] : ['--stem', ...stem.map((value) => String(Number(value)))]
    await runPython(python, [SCRIPT, checkpoint, out, ...input, ...stemmed, ...keyed, ...built, ...named], signal)
    return await loadReference(out)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function runPython(python: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, args, { stdio: ['ignore', 'ignore', 'pipe'], signal })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    child.on('error', (cause) => {
      const reason = hasCode(cause, 'ENOENT') ? 'No such program' : cause.message
      reject(signal.aborted ? cause : new TorchError('TORCH_PYTHON', `${python}: ${reason}; ${ELSEWHERE}`, { cause }))
    })
    child.on('close', (status) => {
      if (status === 0) resolve()
      else
        reject(
          new TorchError(
            'TORCH_PYTHON',
            `${python}: ${lastLine(said) ?? `Ended with exit code ${status}`}; ${ELSEWHERE}`,
          ),
        )
    })
  })
}

const ELSEWHERE = `name another Python with --python, or run ${SCRIPT} where torch is installed and pass its file with --reference`

/** Gives the last line of a Python traceback, which is the error. */
function lastLine(text: string): string | undefined {
  return text
    .split('\n')
    .map((line) => line.trim())
    .findLast((line) => line !== '')
}

interface Facts {
  readonly torch: string
  readonly state: Readonly<Record<string, readonly (number | string)[]>>
  readonly shapes?: Readonly<Record<string, readonly number[]>>
}

/** JSON has no NaN and no infinity: Python writes `nan`, `inf` and `-inf`. */
function momentsOf([sum = NaN, squares = NaN, ramp]: readonly (number | string)[]): Moments {
  const asNumber = (value: number | string): number => Number(String(value).replace('inf', 'Infinity'))
  return [asNumber(sum), asNumber(squares), ramp === undefined ? undefined : asNumber(ramp)]
}

function factsOf(path: string, { metadata }: Checkpoint): Facts {
  const text = metadata?.get(FACTS_KEY)
  if (text === undefined) throw noReference(path)
  try {
    return JSON.parse(text) as Facts
  } catch {
    throw noReference(path)
  }
}

function noReference(path: string): TorchError {
  return new TorchError('TORCH_INVALID_ARGUMENT', `${shorten(path)}: Is not a reference that make-reference.py wrote`)
}
