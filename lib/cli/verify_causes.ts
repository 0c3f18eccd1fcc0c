import { plural } from './format.js'
import type { Comparison } from './verify_modules.js'

/** What is known beside the first output that differs. */
export interface Evidence {
  /** Whether it is one of the modules, and not only of the compiled model. */
  readonly isEager: boolean
  /** Tensors of the state dict that are not those of the reference. */
  readonly otherTensors: readonly string[]
}

/** Tensors that are named; of more, the number. */
const NAMED = 3

const BY_KIND: readonly (readonly [pattern: RegExp, cause: string])[] = [
  [
    /BatchNorm/,
    'Batch normalisation with the same statistics: the Python model was in training mode (call eval() first), or has another eps',
  ],
  [/Conv/, 'A convolution with the same weights: another padding, stride, dilation or number of groups'],
  [/Pool/, 'Pooling: another padding, stride, ceil_mode or count_include_pad'],
  [/Linear/, 'A linear layer with the same weights: what it reads was flattened in another order'],
]

/** Says what is usually behind a difference; without one, what else makes answers differ. */
export function causesOf(first: Comparison | undefined, { isEager, otherTensors }: Evidence): string[] {
  if (first === undefined) {
    return [
      'If answers differ from Python’s all the same, it is what the model is given: resize, crop, mean and std ' +
        '(--preset, or preset.json beside the checkpoint; docs/images.md), or the order of the labels (--labels)',
    ]
  }
  if (!isEager) {
    return ['Only the compiled model differs: a defect of this package; report it with the output of napi-torch doctor']
  }
  const causes = weightCauses(otherTensors)
  if (first.difference === null) {
    causes.push('Only one of both has this output, or their shapes differ: another architecture, or size of the input')
  }
  if (causes.length > 0) return causes
  const known = BY_KIND.find(([pattern]) => pattern.test(first.kind))
  return [known?.[1] ?? 'A step between modules: another order of operations than in the Python model']
}

function weightCauses(otherTensors: readonly string[]): string[] {
  if (otherTensors.length === 0) return []
  const named = otherTensors.slice(0, NAMED).join(', ') + (otherTensors.length > NAMED ? ', …' : '')
  const verb = otherTensors.length === 1 ? 'is' : 'are'
  const causes = [
    `${plural(otherTensors.length, 'tensor')} ${verb} not that of the reference (${named}): it was made from another file, ` +
      'epoch or average of weights (EMA), or from another state dict in this file (--key), or under another prefix',
  ]
  if (otherTensors.every((key) => /running_(?:mean|var)$|num_batches_tracked$/.test(key))) {
    causes.push(
      'Only statistics of batch normalisation: one of the two was saved after the model had run in training mode (call eval() first)',
    )
  }
  return causes
}
