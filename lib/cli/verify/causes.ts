import { plural } from '../output/text.js'
import type { Comparison } from './modules.js'

/** What is known besides the first output that differs. */
export interface Evidence {
  /** Whether a module differs, and not the compiled model alone. */
  readonly isEager: boolean
  /** Tensors of the state dict that differ from the reference. */
  readonly otherTensors: readonly string[]
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
export function causesOf(first: Comparison | undefined, { isEager, otherTensors }: Evidence): string[] {
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
  const causes = weightCauses(otherTensors)
  if (first.difference === null) {
    causes.push(
      'Only one of the two has this output, or the shapes differ: the architecture or the size of the input is another one',
    )
  }
  if (causes.length > 0) return causes
  const known = BY_KIND.find(([pattern]) => pattern.test(first.kind))
  return [known?.[1] ?? 'A step between modules: the Python model has another order of operations']
}

function weightCauses(otherTensors: readonly string[]): string[] {
  if (otherTensors.length === 0) return []
  const named = otherTensors.slice(0, MAX_NAMES).join(', ') + (otherTensors.length > MAX_NAMES ? ', …' : '')
  const verb = otherTensors.length === 1 ? 'differs' : 'differ'
  const causes = [
    `${plural(otherTensors.length, 'tensor')} ${verb} from the reference (${named}): it was made from another file, epoch or ` +
      'average of weights (EMA), or from another state dict in this file (--key), or with another prefix',
  ]
  if (otherTensors.every((key) => /running_(?:mean|var)$|num_batches_tracked$/.test(key))) {
    causes.push(
      'Only statistics of batch normalization differ: one of the two was saved after a run in training mode (call eval() first)',
    )
  }
  return causes
}
