import { describeShape } from '../util/check.js'
import { loadModel, type LoadedModel } from '../classifier/load_model.js'
import { findRecipe, inputShapeOf } from '../classifier/recipe.js'
import { TorchError } from '../util/errors.js'
import type { Architecture } from '../models/detect.js'
import type { Context } from './context.js'
import { EXIT } from './exit_codes.js'
import { jsonNumber, plural } from './format.js'
import type { VerifyFlags } from './program.js'
import { table } from './table.js'
import type { Colors } from './terminal.js'
import { causesOf } from './verify_causes.js'
import { compareCompiled } from './verify_compiled.js'
import { compareModules, otherTensors, TOLERANCE, type Comparison } from './verify_modules.js'
import { loadReference, makeReference, type Reference } from './verify_reference.js'

const DEFAULT_PYTHON = 'python3'

/** Compares the output of every module with PyTorch's, for one input. Ends with 1 if any differs. */
export async function verify(checkpoint: string, flags: VerifyFlags, { terminal, signal }: Context): Promise<number> {
  const { key, wholeModule, arch } = flags
  const loaded = await loadModel(checkpoint, { key, wholeModule, arch })
  try {
    const reference = await referenceOf(checkpoint, loaded, flags, signal)
    try {
      const verification = await compare(loaded, reference, signal)
      if (flags.json === true) terminal.printJson(reportOf(checkpoint, verification))
      else for (const line of linesOf(verification, terminal.colors)) terminal.print(line)
      return firstOf(verification) === undefined ? EXIT.ok : EXIT.failed
    } finally {
      for (const tensor of [reference.input, ...reference.outputs.values()]) tensor.dispose()
    }
  } finally {
    loaded.model.dispose()
  }
}

async function referenceOf(
  checkpoint: string,
  { architecture, source }: LoadedModel,
  { reference, python = DEFAULT_PYTHON }: VerifyFlags,
  signal: AbortSignal,
): Promise<Reference> {
  if (reference !== undefined) return loadReference(reference)
  const { preset } = await findRecipe(checkpoint, architecture, {})
  const [, height = 0, width = 0] = await inputShapeOf(preset, architecture)
  return makeReference(python, checkpoint, { key: source, size: [height, width], signal })
}

interface Verification {
  readonly architecture: Architecture
  readonly torch: string
  /** (1, C, H, W). */
  readonly input: readonly number[]
  readonly modules: readonly Comparison[]
  readonly compiled: readonly Comparison[]
  /** Tensors of the state dict that are not those of the reference. */
  readonly otherTensors: readonly string[]
}

async function compare(
  { model, architecture }: LoadedModel,
  reference: Reference,
  signal: AbortSignal,
): Promise<Verification> {
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
    compiled: await compareCompiled(model, reference, signal),
    otherTensors: otherTensors(model, reference),
  }
}

/** The first output that differs: of the modules in the order in which they end, else of the compiled model. */
function firstOf({ modules, compiled }: Verification): Comparison | undefined {
  return [...modules, ...compiled].find(({ ok }) => !ok)
}

/** What `--json` prints; `docs/cli.md` documents it. */
export interface VerifyReport {
  readonly checkpoint: string
  readonly architecture: Architecture
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
  /** Numbers, `"NaN"` or `"Infinity"`; null where there are not two outputs to compare. */
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
    otherTensors: verification.otherTensors,
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
  yield dim(`${architecture.name} beside torch ${torch}, input ${describeShape(input)}, normally distributed`)
  yield ''
  yield bold('Modules')
  yield comparisonTable(modules, 'class', colors)
  yield ''
  yield `${bold('Compiled')}${dim(', each group of steps up to its end')}`
  yield comparisonTable(compiled, 'steps', colors)
  yield ''
  const first = firstOf(verification)
  const share = (all: readonly Comparison[]): string => `${all.filter(({ ok }) => ok).length} of ${all.length}`
  const counts = `${share(modules)} outputs of modules and ${share(compiled)} of the compiled model equal PyTorch's`
  const largest = Math.max(...[...modules, ...compiled].map(({ difference }) => difference?.maxRel ?? 0))
  const within = `largest difference ${short(largest)} of the largest element, allowed ${TOLERANCE}`
  yield `${first === undefined ? green('✓') : red('✗')} ${counts} (${within})`
  if (first !== undefined) yield bold(`The first that differs is ${first.name}`)
  for (const cause of causesFor(verification)) yield `- ${cause}`
}

function causesFor(verification: Verification): string[] {
  const { modules } = verification
  const isEager = modules.some(({ ok }) => !ok)
  return causesOf(firstOf(verification), { isEager, otherTensors: verification.otherTensors })
}

function comparisonTable(comparisons: readonly Comparison[], kindHead: string, { dim, green, red }: Colors): string {
  const right = 'right' as const
  const heads = ['max abs', 'max rel', 'cosine'].map((head) => ({ head, align: right }))
  return table(
    [{ head: 'module' }, { head: kindHead }, { head: 'shape' }, ...heads, {}],
    comparisons.map(({ name, kind, shape, difference, ok }) => {
      const figures =
        difference === null
          ? ['-', '-', '-']
          : [short(difference.maxAbs), short(difference.maxRel), difference.cosine.toFixed(6)]
      return [name, dim(kind), describeShape(shape), ...figures, ok ? green('ok') : red('differs')]
    }),
    { indent: 2, styleHead: dim },
  )
}

function short(value: number): string {
  return value === 0 || !Number.isFinite(value) ? String(value) : value.toExponential(1)
}
