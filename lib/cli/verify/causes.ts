import { plural } from '../output/text.js'
import { describeShape } from '../../util/check.js'
import type { Comparison } from './modules.js'
import type { TensorDifferences } from './tensors.js'

/** What is known besides the first output that differs. */
export interface Evidence {
  /** Whether a module differs, and not the compiled model alone. */
  readonly isEager: boolean
  readonly tensors: TensorDifferences
}

/** Tensors that are named; the others are counted. */
const MAX_NAMES = 3

const BY_KIND: readonly (readonly [pattern: RegExp, cause: string])[] = [
  [
    /BatchNorm/,
    'Batch normalization with equal statistics: the Python model was in training mode (call eval() first), or has another eps',
  ],
  [/Conv/, 'A convolution with equal weights: its padding, stride, dilation or groups differ'],
  [/Pool/, 'Pooling: its padding, stride, ceil_mode or count_include_pad differs'],
  [/Linear/, 'A linear layer with equal weights: its input was flattened in another order'],
]

/** Names the usual causes of a difference; without a difference, what else makes predictions differ. */
export function causesOf(first: Comparison | undefined, { isEager, tensors }: Evidence): string[] {
  if (first === undefined) {
    return [
      'If predictions still differ from Python’s, the input does: resize, crop, mean and std (--preset, or preset.json beside ' +
        'the checkpoint; see docs/images.md), or the order of the labels (--labels)',
    ]
  }
  if (!isEager) {
    return [
      'Only the compiled model differs: this is a defect of napi-torch; report it with the output of napi-torch doctor',
    ]
  }
  const causes = [...architectureCauses(tensors), ...weightCauses(tensors)]
  const { nonFinite } = tensors
  if (nonFinite.length > 0) {
    const hold = nonFinite.length === 1 ? 'holds' : 'hold'
    causes.unshift(
      `${named(nonFinite)} ${hold} NaN or infinities, so outputs do too: the training diverged, or the file is damaged`,
    )
  }
  if (first.difference === null && causes.length === 0) {
    causes.push(
      'Only one of the two has this output, or the shapes differ: the architecture or the size of the input is another one',
    )
  }
  if (causes.length > 0) return causes
  const known = BY_KIND.find(([pattern]) => pattern.test(first.kind))
  return [known?.[1] ?? 'A step between modules: the Python model has another order of operations']
}

function architectureCauses({ onlyOurs, onlyTheirs, reshaped }: TensorDifferences): string[] {
  const causes: string[] = []
  if (onlyOurs.length + onlyTheirs.length > 0) {
    const here = onlyOurs.length === 0 ? [] : [`${plural(onlyOurs.length, 'tensor')} only here (${named(onlyOurs)})`]
    const there =
      onlyTheirs.length === 0 ? [] : [`${plural(onlyTheirs.length, 'tensor')} only there (${named(onlyTheirs)})`]
    causes.push(`The reference is of another architecture: ${[...here, ...there].join(', ')}`)
  }
  const [first] = reshaped
  if (first !== undefined) {
    const [key, ours, theirs] = first
    const others = reshaped.length > 1 ? `, and ${plural(reshaped.length - 1, 'other')}` : ''
    const shapes = `${key} is ${describeShape(ours)} here and ${describeShape(theirs)} there`
    causes.push(`The reference is of another architecture or has other classes: ${shapes}${others}`)
  }
  return causes
}

function weightCauses({ other, permuted, rounded }: TensorDifferences): string[] {
  if (other.length === 0) return []
  const verb = other.length === 1 ? 'differs' : 'differ'
  const many = `${plural(other.length, 'tensor')} ${verb} from the reference (${named(other)})`
  if (rounded.length === other.length) {
    return [`${many} by rounding alone: one of the two was saved in half precision (float16 or bfloat16)`]
  }
  if (permuted.length === other.length) {
    return [
      `${many} in the order of elements alone: they were permuted or transposed, as for another layout or order of channels`,
    ]
  }
  const causes = [
    `${many}: it was made from another file, epoch or average of weights (EMA), or from another state dict in this file (--key), or ` +
      'with another prefix',
  ]
  if (other.every((key) => /running_(?:mean|var)$|num_batches_tracked$/.test(key))) {
    causes.push(
      'Only statistics of batch normalization differ: one of the two was saved after a run in training mode (call eval() first)',
    )
  }
  return causes
}

function named(keys: readonly string[]): string {
  return keys.slice(0, MAX_NAMES).join(', ') + (keys.length > MAX_NAMES ? ', …' : '')
}
