import { findHead, misfit, strayNorm, type Head } from './head.js'
import { MIN_STAGES, type Body } from './stages.js'
import { findStem, type Stem } from './stem.js'
import { comparePaths, isBelow, matters, type ModuleTree, type Unit } from './units.js'

/** A residual network in a state dict: a stem, the stages behind it, and a head where there is one. */
export interface Network {
  /** The innermost module that holds stem and stages. */
  readonly path: readonly string[]
  readonly stem: Stem
  readonly body: Body
  readonly head: Head | null
  /** Normalization behind the last stage that belongs to no head. */
  readonly finalNorm: Unit | null
  /** A normalization that belongs to the head, and whose place in it is not known. */
  readonly stray: Unit | undefined
  /** A linear layer that is called like a head, but does not read what the last stage makes. */
  readonly misfit: Unit | undefined
  /** Units within the stages that no block has. */
  readonly extras: readonly Unit[]
}

/** Networks that are told apart in one state dict: each is looked for among all units. */
export const MAX_NETWORKS = 16

/** Finds each network, up to {@link MAX_NETWORKS}, among the bodies below `prefix` that have enough stages and a stem. */
export function findNetworks({ units }: ModuleTree, bodies: readonly Body[], prefix: readonly string[]): Network[] {
  const whole = bodies.filter(({ stages }) => stages.length >= MIN_STAGES)
  const inBlocks = new Set(bodies.flatMap(unitsOf))
  const free = units.filter((unit) => !inBlocks.has(unit))
  const wanted = whole.filter(({ path }) => isBelow(path, prefix)).slice(0, MAX_NETWORKS)
  const sorted = wanted.length === 0 ? [] : [...free].sort((a, b) => comparePaths(a.path, b.path))
  return wanted.flatMap((body) => {
    const home = locate(body, sorted)
    const others = whole.filter((other) => other !== body).map(({ path }) => path)
    return home === null ? [] : [complete(body, home, { free, others })]
  })
}

/** Gives the units of all blocks of a body. */
function unitsOf({ stages }: Body): Unit[] {
  return stages.flatMap(({ blocks }) =>
    blocks.flatMap(({ convs, norms, shortcut, extras }) => [
      ...convs,
      ...norms,
      ...extras,
      ...(shortcut === null ? [] : [shortcut.conv, ...(shortcut.norm === null ? [] : [shortcut.norm])]),
    ]),
  )
}

interface Home {
  readonly path: readonly string[]
  readonly stem: Stem
}

/** Goes up from the stages to the first module that holds a stem as well. The units are sorted by their paths. */
function locate(body: Body, free: readonly Unit[]): Home | null {
  for (let depth = body.path.length; depth >= 0; depth--) {
    const path = body.path.slice(0, depth)
    const stem = findStem(
      free.filter((unit) => isBelow(unit.path, path)),
      path,
      body.in,
    )
    if (stem !== null) return { path, stem }
  }
  return null
}

/** Looks for the head where the stem is, and then further up, as long as no other network is there. */
function complete(
  body: Body,
  { path, stem }: Home,
  { free, others }: { readonly free: readonly Unit[]; readonly others: readonly (readonly string[])[] },
): Network {
  const taken = new Set([...stem.convs, ...stem.norms])
  let head: Head | null = null
  let wrong: Unit | undefined
  let scope: readonly string[] = path
  let stray: Unit | undefined
  for (let depth = path.length; depth >= 0 && head === null; depth--) {
    const above = path.slice(0, depth)
    if (others.some((other) => isBelow(other, above))) break
    const inScope = free.filter((unit) => isBelow(unit.path, above) && !taken.has(unit))
    head = findHead(inScope, above, body.out)
    stray = head === null ? undefined : strayNorm(head, inScope)
    wrong ??= misfit(inScope)
    if (head !== null) scope = above
  }
  const inHead: ReadonlySet<Unit | null> = new Set(head?.units)
  const isFinal = (unit: Unit): boolean => unit.kind === 'norm' && unit.out === body.out && !inHead.has(unit)
  const finalNorm = free.find((unit) => isBelow(unit.path, scope) && !taken.has(unit) && isFinal(unit)) ?? null
  const extras = [
    ...body.stages.flatMap(({ blocks }) => blocks.flatMap((block) => block.extras)),
    ...free.filter((unit) => isInStage(unit, body)),
  ]
  const neck = finalNorm !== null && isNeck(finalNorm, body, free) ? finalNorm : null
  return {
    path,
    stem,
    body,
    head: head === null || neck === null ? head : behindNeck(head, neck),
    finalNorm: neck === null ? finalNorm : null,
    stray,
    misfit: head === null ? wrong : undefined,
    extras: extras.filter(matters),
  }
}

/**
 * Tells whether a normalization behind the last stage stands alone between the pooling and the head, as in networks that tell
 * persons apart. One among linear layers is a part of another head.
 */
function isNeck({ path }: Unit, { stages }: Body, free: readonly Unit[]): boolean {
  if (stages.some(({ blocks }) => blocks.some((block) => block.isPreActivation === true))) return false
  const parent = path.slice(0, -1)
  return parent.length === 0 || !free.some((unit) => unit.kind === 'linear' && isBelow(unit.path, parent))
}

function behindNeck({ layers, units, isConcatenated }: Head, neck: Unit): Head {
  const norm = { type: 'BatchNorm1d', numFeatures: neck.out, affine: true } as const
  return { layers: [norm, ...layers], units: [neck, ...units], isConcatenated }
}

/** Tells whether a unit lies beside the blocks of a stage, within it. */
function isInStage(unit: Unit, { path, stages }: Body): boolean {
  return stages.some(({ blocks }) => {
    const parent = blocks[0]?.path.slice(0, -1) ?? []
    return parent.length > path.length && isBelow(unit.path, parent)
  })
}
