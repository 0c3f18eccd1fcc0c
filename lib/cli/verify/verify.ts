import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { checkpointAt } from '../../checkpoint/folder.js'
import { saveSafetensors } from '../../checkpoint/write/save_safetensors.js'
import { openModel, type OpenedModel } from '../../model/open.js'
import type { ModelArchitecture } from '../../models/architecture.js'
import { zeros } from '../../tensor/creation.js'
import { describeShape } from '../../util/check.js'
import { TorchError } from '../../util/errors.js'
import type { Preset } from '../../vision/presets.js'
import { defineCommand, type Context, type Flags } from '../command.js'
import { EXIT } from '../exit_codes.js'
import { JSON_OUTPUT, MODEL_OPTIONS } from '../options.js'
import { table } from '../output/table.js'
import type { Colors } from '../output/terminal.js'
import { unusedNote } from '../output/model_line.js'
import { jsonNumber, plural } from '../output/text.js'
import { causesOf } from './causes.js'
import { compareCompiled } from './compiled.js'
import { compareModules, TOLERANCE, type Comparison } from './modules.js'
import { loadReference, makeReference, withOurNames, type MakeReferenceOptions, type Reference } from './reference.js'
import { compareTensors, type TensorDifferences } from './tensors.js'

const DEFAULT_PYTHON = 'python3'

const OPTIONS = {
  reference: { value: '<file>', description: 'file that make-reference.py wrote', conflictsWith: 'python' },
  python: { value: '<program>', description: `Python that has torch (default: ${DEFAULT_PYTHON})` },
  pythonModule: {
    value: '<file.py:name>',
    description: 'class or function of Python that builds the model, where Python does not know it',
    conflictsWith: 'reference',
  },
  ...MODEL_OPTIONS,
  json: JSON_OUTPUT,
} as const

export const command = defineCommand({
  name: 'verify',
  description: "Compares the output of every module, eager and compiled, with PyTorch's, for one random input.",
  arguments: { checkpoint: { description: 'checkpoint' } },
  options: OPTIONS,
  notes: `PyTorch's outputs come from a Python that has torch (--python), or from a file (--reference) that
python/make-reference.py of this package wrote where torch is installed. Exit code 1 if anything differs.`,
  examples: [
    'napi-torch verify resnet18.pth --python python3',
    'napi-torch verify resnet18.pth --reference reference.safetensors --json',
    'napi-torch verify own.pth --module ./own_net.ts --python-module own_net.py:OwnNet',
  ],
  run: ({ checkpoint }, flags, context) => verify(checkpoint, flags, context),
})

type VerifyFlags = Flags<typeof OPTIONS>

/** Compares the output of every module with PyTorch's, for one input. */
async function verify(checkpoint: string, flags: VerifyFlags, { terminal, signal }: Context): Promise<number> {
  const { key, wholeModule, prefix, stem, arch, module, python = DEFAULT_PYTHON } = flags
  if (module !== undefined && flags.reference === undefined && flags.pythonModule === undefined) {
    const text =
      'Python does not know the model of --module: pass --python-module, what builds it there, or --reference'
    throw new TorchError('TORCH_USAGE', text)
  }
  const given = flags.reference === undefined ? null : await loadReference(flags.reference)
  // A model that no preset of this package fits can be compared all the same: the reference has its input.
  const preset = given === null ? undefined : presetLike(given.input)
  let reference = given
  try {
    using opened = await openModel(checkpoint, { key, wholeModule, prefix, stem, arch, module, preset, signal })
    const note = unusedNote(opened)
    if (note !== null) terminal.note(note)
    const asked = { module: flags.pythonModule, wholeModule: wholeModule === true && module === undefined, signal }
    if (reference === null && isRenamed(opened, asked)) {
      terminal.note('Python gets the tensors under the names of torchvision, as those of the checkpoint are others')
    }
    reference ??= await makeReferenceFor(opened, checkpoint, python, asked)
    const verification = await compare(opened, reference, signal)
    if (flags.json === true) terminal.printJson(reportOf(checkpoint, verification))
    else for (const line of linesOf(verification, terminal.colors)) terminal.print(line)
    return firstOf(verification) === undefined ? EXIT.ok : EXIT.failed
  } finally {
    for (const tensor of reference === null ? [] : [reference.input, ...reference.outputs.values()]) tensor.dispose()
  }
}

/** A transform that makes inputs of the shape of a reference's. */
function presetLike({ shape }: Reference['input']): Preset {
  return { apply: () => Promise.resolve(zeros(shape.slice(1))) }
}

type Asked = Pick<MakeReferenceOptions, 'module' | 'wholeModule' | 'signal'>

/** Tells whether the checkpoint has names that the script does not know, and no code of the user's builds the model there. */
function isRenamed({ renamed }: OpenedModel, asked: Asked): boolean {
  return renamed.size > 0 && isKnownInPython(asked)
}

/** Tells whether no code of the user's builds the model in Python. */
function isKnownInPython({ module, wholeModule }: Asked): boolean {
  return module === undefined && !wholeModule
}

/** torchvision's function that builds the model in Python, where it is no ResNet, which the script knows by itself. */
function torchvisionOf(architecture: ModelArchitecture): MakeReferenceOptions['torchvision'] {
  if (architecture.family !== 'torchvision') return undefined
  const { name, numClasses, options } = architecture
  const { imageSize, auxLogits, transformInput } = options
  const inception = { aux_logits: auxLogits, transform_input: transformInput, init_weights: false }
  const own = auxLogits === undefined ? { image_size: imageSize } : inception
  return { name, arguments: { num_classes: numClasses, ...own } }
}

async function makeReferenceFor(
  opened: OpenedModel,
  checkpoint: string,
  python: string,
  asked: Asked,
): Promise<Reference> {
  const { source, inputShape, architecture, renamed, model } = opened
  const [channels = 0, height = 0, width = 0] = inputShape
  const input = { ...asked, channels, size: [height, width] as const, stem: stemOf(architecture) }
  const torchvision = isKnownInPython(asked) ? torchvisionOf(architecture) : undefined
  if (torchvision !== undefined || isRenamed(opened, asked)) {
    const folder = await mkdtemp(join(tmpdir(), 'napi-torch-'))
    try {
      const file = join(folder, 'state_dict.safetensors')
      await saveSafetensors(file, model.stateDict())
      return await makeReference(python, file, { ...input, torchvision, key: '' })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
  const reference = await makeReference(python, await checkpointAt(checkpoint), { ...input, key: source })
  const isTheirs = asked.wholeModule || asked.module !== undefined
  if (!isTheirs || architecture.family === 'own') return reference
  const { prefix } = architecture
  const keys = [...model.stateDict().keys()].map((key) => {
    const inFile = renamed.get(key) ?? prefix + key
    // What builds the model in Python may leave out what a wrapper put before the keys.
    const theirs = reference.shapes.has(inFile) ? inFile : inFile.replace(prefix, '')
    return [theirs, key] as const
  })
  return withOurNames(reference, model, new Map(keys))
}

function stemOf(architecture: ModelArchitecture): MakeReferenceOptions['stem'] {
  const stem = architecture.family === 'resnet' ? architecture.departures?.stem : undefined
  return stem === undefined ? undefined : [stem.kernelSize, stem.stride, stem.maxPool]
}

interface Verification {
  readonly architecture: ModelArchitecture
  readonly torch: string
  /** (1, C, H, W). */
  readonly input: readonly number[]
  readonly modules: readonly Comparison[]
  readonly compiled: readonly Comparison[]
  readonly tensors: TensorDifferences
}

async function compare(opened: OpenedModel, reference: Reference, signal: AbortSignal): Promise<Verification> {
  const { model, architecture } = opened
  const { torch, input } = reference
  const { inputChannels } = architecture
  if (input.ndim !== 4 || input.size(1) !== inputChannels) {
    const message = `The model reads images of ${plural(inputChannels, 'channel')}, but the reference's input is ${describeShape(input.shape)}`
    throw new TorchError('TORCH_ARCHITECTURE', message)
  }
  return {
    architecture,
    torch,
    input: input.shape,
    modules: compareModules(model, reference),
    compiled: await compareCompiled(opened, reference, signal),
    tensors: compareTensors(model, reference),
  }
}

/** Gives the first output that differs: of a module, in the order in which they end, or else of the compiled model. */
function firstOf({ modules, compiled }: Verification): Comparison | undefined {
  return [...modules, ...compiled].find(({ ok }) => !ok)
}

/** What `--json` prints; `docs/cli.md` documents it. */
export interface VerifyReport {
  readonly checkpoint: string
  readonly architecture: ModelArchitecture
  readonly torch: string
  readonly input: readonly number[]
  readonly tolerance: number
  readonly ok: boolean
  /** Name of the first output that differs. */
  readonly first: string | null
  readonly causes: readonly string[]
  readonly otherTensors: readonly string[]
  readonly modules: readonly ComparisonReport[]
  readonly compiled: readonly ComparisonReport[]
}

/** An output in a {@link VerifyReport}. */
export interface ComparisonReport {
  readonly name: string
  readonly kind: string
  readonly shape: readonly number[]
  /** Number, `"NaN"` or `"Infinity"`; null where there are no two outputs to compare. */
  readonly maxAbs: number | string | null
  readonly maxRel: number | string | null
  readonly cosine: number | string | null
  readonly ok: boolean
}

function reportOf(checkpoint: string, verification: Verification): VerifyReport {
  const { architecture, torch, input, modules, compiled } = verification
  const first = firstOf(verification)
  return {
    checkpoint,
    architecture,
    torch,
    input,
    tolerance: TOLERANCE,
    ok: first === undefined,
    first: first?.name ?? null,
    causes: causesFor(verification),
    otherTensors: [...verification.tensors.other, ...verification.tensors.reshaped.map(([key]) => key)],
    modules: modules.map(comparisonReport),
    compiled: compiled.map(comparisonReport),
  }
}

function comparisonReport({ name, kind, shape, difference, ok }: Comparison): ComparisonReport {
  const { maxAbs = null, maxRel = null, cosine = null } = difference ?? {}
  return { name, kind, shape, maxAbs: jsonNumber(maxAbs), maxRel: jsonNumber(maxRel), cosine: jsonNumber(cosine), ok }
}

function* linesOf(verification: Verification, colors: Colors): Generator<string> {
  const { architecture, torch, input, modules, compiled } = verification
  const { bold, dim, green, red } = colors
  yield dim(`${architecture.name} compared with torch ${torch}, input ${describeShape(input)}, normally distributed`)
  yield ''
  yield bold('Modules')
  yield comparisonTable(modules, 'class', colors)
  yield ''
  yield `${bold('Compiled')}${dim(', by fused group of steps')}`
  yield comparisonTable(compiled, 'steps', colors)
  yield ''
  const first = firstOf(verification)
  const share = (all: readonly Comparison[]): string => `${all.filter(({ ok }) => ok).length} of ${all.length}`
  const counts = `${share(modules)} module outputs and ${share(compiled)} outputs of the compiled model equal PyTorch's`
  const largest = Math.max(...[...modules, ...compiled].map(({ difference }) => difference?.maxRel ?? 0))
  const within = `largest difference ${short(largest)} of the largest element, tolerance ${TOLERANCE}`
  yield `${first === undefined ? green('✓') : red('✗')} ${counts} (${within})`
  if (first !== undefined) yield bold(`The first output that differs is ${first.name}`)
  for (const cause of causesFor(verification)) yield `- ${cause}`
}

function causesFor(verification: Verification): string[] {
  const { modules } = verification
  const isEager = modules.some(({ ok }) => !ok)
  return causesOf(firstOf(verification), { isEager, tensors: verification.tensors })
}

function comparisonTable(comparisons: readonly Comparison[], kindHead: string, { dim, green, red }: Colors): string {
  const right = 'right' as const
  const heads = ['max abs', 'max rel', 'cosine'].map((head) => ({ head, align: right }))
  return table(
    [{ head: 'module' }, { head: kindHead }, { head: 'shape' }, ...heads, {}],
    comparisons.map(({ name, kind, shape, difference, ok }) => {
      const cells =
        difference === null
          ? ['-', '-', '-']
          : [short(difference.maxAbs), short(difference.maxRel), difference.cosine.toFixed(6)]
      return [name, dim(kind), describeShape(shape), ...cells, ok ? green('ok') : red('differs')]
    }),
    { indent: 2, styleHead: dim },
  )
}

function short(value: number): string {
  return value === 0 || !Number.isFinite(value) ? String(value) : value.toExponential(1)
}
