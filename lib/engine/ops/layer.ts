import type { Tensor } from '../../tensor/tensor.js'
import type { Target } from './kernel.js'
import type { NodeBase } from './op.js'

/** A node with weights (O, ...), each output channel of which makes one of the output. */
export interface Layer extends NodeBase {
  readonly weight: Tensor
  readonly bias: Tensor | null
}

/** Multiplications and additions of a layer: each element of the output comes from one row of the weight. */
export function flopOfWeight({ weight, output }: Layer, { constants }: Pick<Target, 'constants'>): number {
  const [, ...row] = constants.of(weight).shape
  return 2 * product(output.shape) * product(row)
}

/** Tells whether the constants of a layer are float32. */
export function isFloat32Layer({ weight, bias }: Layer, { constants }: Target): boolean {
  return [weight, bias].every((tensor) => tensor === null || constants.of(tensor).dtype === 'float32')
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((result, size) => result * size, 1)
}
