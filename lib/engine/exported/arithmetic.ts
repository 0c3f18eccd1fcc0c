/** A number that a program computes with: a size, or what follows from sizes. */
export type Scalar = number | bigint | boolean

type Operation = (one: number, other: number, third: number) => number | boolean

/** Python's operations of numbers, as programs name them. Its quotients and remainders round down, and it has no -0 of integers. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  '_operator.add': (one, other) => one + other,
  '_operator.sub': (one, other) => one - other,
  '_operator.mul': (one, other) => one * other,
  '_operator.floordiv': (one, other) => Math.floor(one / other),
  '_operator.truediv': (one, other) => one / other,
  '_operator.mod': (one, other) => ((one % other) + other) % other,
  '_operator.pow': (one, other) => one ** other,
  '_operator.neg': (one) => 0 - one,
  '_operator.pos': (one) => one,
  '_operator.lshift': (one, other) => one * 2 ** other,
  '_operator.rshift': (one, other) => Math.floor(one / 2 ** other),
  '_operator.eq': (one, other) => one === other,
  '_operator.ne': (one, other) => one !== other,
  '_operator.lt': (one, other) => one < other,
  '_operator.le': (one, other) => one <= other,
  '_operator.gt': (one, other) => one > other,
  '_operator.ge': (one, other) => one >= other,
  '_operator.and_': (one, other) => one !== 0 && other !== 0,
  '_operator.or_': (one, other) => one !== 0 || other !== 0,
  'math.trunc': (one) => Math.trunc(one),
  'math.floor': (one) => Math.floor(one),
  'math.ceil': (one) => Math.ceil(one),
  'torch.sym_not': (one) => one === 0,
  'torch.sym_int': (one) => Math.trunc(one),
  'torch.sym_float': (one) => one,
  'torch.sym_max': (one, other) => Math.max(one, other),
  'torch.sym_min': (one, other) => Math.min(one, other),
  'torch.sym_sqrt': (one) => Math.sqrt(one),
  'torch._sym_sqrt': (one) => Math.sqrt(one),
  'torch.sym_ite': (one, other, third) => (one === 0 ? third : other),
}

/** Gives what a program's operation of numbers computes; null for what is none. */
export function arithmeticOf(target: string): ((args: readonly Scalar[]) => Scalar) | null {
  const operation = Object.hasOwn(OPERATIONS, target) ? OPERATIONS[target] : undefined
  if (operation === undefined) return null
  return ([one = NaN, other = NaN, third = NaN]) => operation(Number(one), Number(other), Number(third))
}
