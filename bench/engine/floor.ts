import type { MachineSpeed } from './peak.js'
import type { Explained } from './workers/runner.js'

/** Times the rate of float32 at which instructions of a dtype multiply, and the bytes of its elements. */
const DTYPES: Readonly<Record<Explained['dtype'], { readonly rate: number; readonly bytes: number }>> = {
  float32: { rate: 1, bytes: 4 },
  bfloat16: { rate: 2, bytes: 2 },
  float16: { rate: 2, bytes: 2 },
  int8: { rate: 4, bytes: 1 },
}

/** Taps of the 3 × 3 convolutions that Winograd's kernels compute. */
const TAPS = 9

/**
 * Gives the least time in ms in which the machine could compute a batch with the kernels that were selected: their
 * multiplications at its peak, and each weight, in the form that its kernel reads, once at the bandwidth of memory.
 */
export function floorOf({ dtype, steps }: Explained, { peak, bandwidth }: MachineSpeed): number {
  const { rate, bytes } = DTYPES[dtype]
  let operations = 0
  let weights = 0
  for (const { kernel, operation, flop, outputShape } of steps) {
    const positions = outputShape.reduce((product, size, dim) => (dim === 1 ? product : product * size), 1)
    const [done, kept] = costsOf(kernel, outputShape)
    operations += flop * done
    // A multiplication and an addition for each weight and position.
    if (/^(conv2d|linear)/.test(operation)) weights += (flop / 2 / positions) * kept
  }
  return (operations / rate / peak + (weights * bytes) / bandwidth) / 1e6
}

/** What a kernel computes of the direct form's operations, and keeps of its weights, as multiples. */
function costsOf(kernel: string, [, , height = 1, width = 1]: readonly number[]): readonly [number, number] {
  const tile = Number(/winograd(\d)/.exec(kernel)?.[1] ?? 0)
  if (tile === 0) return [1, 1]
  const products = (tile + 2) ** 2
  const tiles = Math.ceil(height / tile) * Math.ceil(width / tile)
  return [(tiles * products) / (height * width * TAPS), products / TAPS]
}
