import { isBelow, type Unit } from './units.js'

/** The convolutions in front of the first block, and their normalizations. */
export interface Stem {
  /** One, or three in a deep stem. */
  readonly convs: readonly Unit[]
  /** One for each convolution; none where they have taken them in, and only the inner ones before activation. */
  readonly norms: readonly Unit[]
}

/** What stems are called, where several convolutions have the shape of one. */
const NAMED = /^(conv_?1|conv|stem|embed\w*|init\w*|first\w*|input\w*|pre\w*|0)$/i

/** Convolutions of a deep stem. */
const MAX_CONVS = 3

/** Finds the stem among the units that belong to no block, sorted by their paths: convolutions that end in `channels`. */
export function findStem(units: readonly Unit[], home: readonly string[], channels: number): Stem | null {
  const convs = units.filter(({ kind }) => kind === 'conv')
  const ends = convs.filter((conv) => conv.out === channels && conv.kernel > 1)
  const isNamed = ({ path }: Unit): boolean => path.slice(home.length).some((name) => NAMED.test(name))
  const [last] = [...ends.filter(isNamed), ...ends]
  if (last === undefined) return null

  const parent = last.path.slice(0, -1)
  const beside = convs.filter((conv) => conv.path.length > home.length + 1 && isBelow(conv.path, parent))
  const isDeep = parent.length > home.length && beside.length > 1
  const chain = isDeep ? beside : [last]
  const end = chain.at(-1)
  if (chain.length > MAX_CONVS || end?.out !== channels) return null
  if (!chain.every((conv, index) => index === 0 || conv.in === chain[index - 1]?.out)) return null

  const all = units.filter(({ kind }) => kind === 'norm')
  const inner = isDeep ? all.filter((norm) => isBelow(norm.path, parent)) : []
  const pairs = inner.slice(0, chain.length)
  if (!pairs.every((norm, index) => norm.out === chain[index]?.out)) return null
  if (pairs.length === chain.length) return { convs: chain, norms: pairs }
  const outer = all.filter((norm) => !inner.includes(norm) && norm.out === channels)
  const near = outer.find((norm) => isBelow(norm.path, parent)) ?? outer.find((norm) => isBelow(norm.path, home))
  return { convs: chain, norms: near === undefined ? pairs : [...pairs, near] }
}
