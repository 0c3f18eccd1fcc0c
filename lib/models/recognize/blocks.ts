import { comparePaths, unitsBelow, type TreeNode, type Unit } from './units.js'

/** A block has at most this many modules with tensors: more than a bottleneck with attention has. */
const MAX_UNITS = 24

/** What the names of shortcuts have in common, where shapes alone do not tell. */
const SHORTCUT = /short|down|skip|proj|ident|match/i

/** Attention and gates within a block: their convolutions are not those of the block. */
const ATTENTION = /^(se|eca|cbam|attn?|attention|ca|sa|gc|squeeze|excit\w*|gate|fc\d*)$/i

/** A residual block, as its shapes show it. */
export interface ResidualBlock {
  readonly path: readonly string[]
  readonly type: 'BasicBlock' | 'Bottleneck'
  readonly in: number
  readonly out: number
  /** Channels between the convolutions. */
  readonly mid: number
  readonly groups: number
  /** Size of the first spatial convolution. */
  readonly kernel: number
  readonly convs: readonly Unit[]
  /** One for each convolution, or none where the convolutions have taken them in. */
  readonly norms: readonly Unit[]
  readonly shortcut: { readonly conv: Unit; readonly norm: Unit | null } | null
  /** Normalization comes before the convolutions; null where the shapes fit both. */
  readonly isPreActivation: boolean | null
  /** Modules that neither kind of block has, such as squeeze-and-excitation. */
  readonly extras: readonly Unit[]
}

/** Finds the residual blocks below a node: the largest parts of the tree that are one block each, in the order of their names. */
export function findBlocks(root: TreeNode): ResidualBlock[] {
  const found: ResidualBlock[] = []
  const open = [root]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const block = node.units <= MAX_UNITS ? readBlock(node) : null
    if (block !== null) found.push(block)
    // One by one: a module may have more children than a call has arguments.
    else for (const child of node.children.values()) open.push(child)
  }
  return found.sort((a, b) => comparePaths(a.path, b.path))
}

/** Convolutions of a block in the roles that their shapes give them. */
type Roles = Pick<ResidualBlock, 'type' | 'in' | 'out' | 'mid' | 'groups' | 'kernel' | 'convs'> & {
  readonly shortcut: Unit | null
}

function readBlock({ path, ...node }: TreeNode): ResidualBlock | null {
  const units = unitsBelow({ path, ...node }).sort((a, b) => comparePaths(a.path, b.path))
  const inside = (unit: Unit): readonly string[] => unit.path.slice(path.length)
  const own = units.filter((unit) => !inside(unit).some((name) => ATTENTION.test(name)))
  const isShortcut = (unit: Unit): boolean => inside(unit).some((name) => SHORTCUT.test(name))

  const convs = own.filter(({ kind }) => kind === 'conv')
  const roles = readBasic(convs, isShortcut) ?? readBottleneck(convs, isShortcut)
  if (roles === null) return null

  const { shortcut } = roles
  const home = shortcut === null ? null : shortcut.path.slice(0, -1)
  const isBeside = (unit: Unit): boolean =>
    home !== null && home.length > path.length && home.every((name, index) => unit.path[index] === name)
  const all = own.filter(({ kind }) => kind === 'norm')
  const beside = all.filter((norm) => isShortcut(norm) || isBeside(norm))
  const spare = all.length > roles.convs.length ? all.at(-1) : undefined
  const shortcutNorm = shortcut === null ? null : ((beside.length === 1 ? beside[0] : spare) ?? null)
  const main = all.filter((norm) => norm !== shortcutNorm)
  const isPreActivation = orderOf(roles.convs, main)
  if (isPreActivation === 'neither') return null

  const known = new Set([...roles.convs, ...main, shortcut, shortcutNorm])
  return {
    path,
    ...roles,
    norms: main,
    shortcut: shortcut === null ? null : { conv: shortcut, norm: shortcutNorm },
    isPreActivation,
    extras: units.filter((unit) => !known.has(unit)),
  }
}

/** Two k×k convolutions, `in → out → out`, and perhaps a 1×1 one, `in → out`, beside them. */
function readBasic(convs: readonly Unit[], isShortcut: (unit: Unit) => boolean): Roles | null {
  const spatial = convs.filter((conv) => conv.kernel > 1 && !(isShortcut(conv) && convs.length > 2))
  if (spatial.length !== 2) return null
  const [a, b] = spatial as [Unit, Unit]
  const [first, second] = b.in === b.out && a.out === b.in ? [a, b] : [b, a]
  if (second.in !== second.out || first.out !== second.in || second.kernel !== 3) return null
  const { in: input, out, kernel } = first
  const fits = (conv: Unit): boolean => conv.kernel === 1 && conv.in === input && conv.out === out
  const shortcut = convs.find((conv) => fits(conv) && (input !== out || isShortcut(conv))) ?? null
  // Option A of the paper has no convolution where the channels double.
  if (shortcut === null && input !== out && out !== 2 * input) return null
  return { type: 'BasicBlock', in: input, out, mid: out, groups: 1, kernel, convs: [first, second], shortcut }
}

/** 1×1, 3×3, 1×1 convolutions, `in → mid → mid → out`, and perhaps a 1×1 one, `in → out`, beside them. */
function readBottleneck(convs: readonly Unit[], isShortcut: (unit: Unit) => boolean): Roles | null {
  const [middle, ...others] = convs.filter((conv) => conv.kernel > 1)
  if (middle === undefined || others.length > 0) return null
  const mid = middle.out
  const groups = mid / middle.in
  const points = convs.filter((conv) => conv.kernel === 1)
  const path = points.filter((conv) => !isShortcut(conv))
  const first = path.find((conv) => conv.out === mid)
  const last = path.find((conv) => conv !== first && conv.in === mid)
  if (first === undefined || last === undefined || !Number.isInteger(groups)) return null
  const { in: input } = first
  const { out } = last
  const shortcut =
    points.find((conv) => conv !== first && conv !== last && conv.in === input && conv.out === out) ?? null
  if (shortcut === null && input !== out) return null
  return {
    type: 'Bottleneck',
    in: input,
    out,
    mid,
    groups,
    kernel: middle.kernel,
    convs: [first, middle, last],
    shortcut,
  }
}

/** Tells from their channels whether normalizations come before their convolutions; null where both fit. */
function orderOf(convs: readonly Unit[], norms: readonly Unit[]): boolean | null | 'neither' {
  if (norms.length === 0) return false
  if (norms.length !== convs.length) return 'neither'
  const isAfter = norms.every((norm, index) => norm.out === convs[index]?.out)
  const isBefore = norms.every((norm, index) => norm.out === inputsOf(convs, index))
  return isAfter && isBefore ? null : isAfter ? false : isBefore ? true : 'neither'
}

/** Channels that a convolution reads: its own word counts one group only. */
function inputsOf(convs: readonly Unit[], index: number): number | undefined {
  return index === 0 ? convs[0]?.in : convs[index - 1]?.out
}
