import { scope, type DType, type Tensor } from 'napi-torch'

import { isFloatingPoint } from '../../lib/util/dtype.js'

/** What this package, or the case of a test, has no form for. */
export class NotOffered extends Error {}

/** Room for what differs between two builds of the same libtorch, and between its kernels: none for integers. */
const TOLERANCES: Readonly<Partial<Record<DType, number>>> = {
  float64: 1e-7,
  float32: 1e-5,
  float16: 1e-3,
  bfloat16: 8e-3,
}

/** Tells how results differ from what was wanted, null if they do not: dtype, shape, and elements within rounding. */
export function differenceOf(received: readonly Tensor[], wanted: readonly Tensor[], room = 1): string | null {
  if (received.length !== wanted.length) return `${received.length} results, wanted ${wanted.length}`
  for (const [index, tensor] of received.entries()) {
    const want = wanted[index]
    const difference = want === undefined ? 'one too many' : differenceOfTensor(tensor, want, room)
    if (difference !== null) return difference
  }
  return null
}

/** Tells whether results are those that were wanted, bit for bit but for the bits of NaN. */
export function isEqual(received: readonly Tensor[], wanted: readonly Tensor[]): boolean {
  return received.every((tensor, index) => {
    const want = wanted[index]
    return (
      want !== undefined && scope(() => tensor.double().allclose(want.double(), { rtol: 0, atol: 0, equalNan: true }))
    )
  })
}

function differenceOfTensor(received: Tensor, wanted: Tensor, room: number): string | null {
  const [has, wants] = [received, wanted].map(({ dtype, shape }) => `${dtype} (${shape.join(', ')})`)
  if (has !== wants) return `${has}, wanted ${wants}`
  if (!isFloatingPoint(received.dtype)) return received.equal(wanted) ? null : 'other elements'
  const limit = room * (TOLERANCES[received.dtype] ?? 0)
  return scope(() => {
    const [one, other] = [received.double(), wanted.double()]
    if (one.allclose(other, { rtol: limit, atol: limit, equalNan: true })) return null
    return `differs by up to ${Number(one.sub(other).abs().max().item())}`
  })
}
