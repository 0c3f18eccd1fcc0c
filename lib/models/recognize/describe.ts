import { TorchError } from '../../util/errors.js'
import type { ResNetArchitecture, Departures, HeadLayer, StemForm } from '../architecture.js'
import { CIFAR_KERNEL_SIZES } from '../resnet_cifar.js'
import type { ResidualBlock } from './blocks.js'
import { nameOf } from './architecture_names.js'
import type { Network } from './network.js'
import type { StemOption } from './stems.js'
import { splitKey, withoutWrappers, type Unit } from './units.js'

/** Refuses a network, with the reason. */
export type Refuse = (reason: string) => never

/** What {@link describeNetwork} is told beside the network. */
export interface DescribeOptions {
  readonly stem?: StemOption | undefined
  readonly refuse: Refuse
  /** Element type of a tensor, by its key. */
  readonly dtypeOf: (key: string) => string | null
}

/** Gives the architecture of a network, or refuses what no model here computes. */
export function describeNetwork(network: Network, { stem, refuse, dtypeOf }: DescribeOptions): ResNetArchitecture {
  const { body, head } = network
  const blocks = body.stages.flatMap((stage) => stage.blocks)
  const [first] = blocks as [ResidualBlock]
  const isPreActivation = blocks.some((block) => block.isPreActivation === true)
  const family = isPreActivation ? 'preact-resnet' : isForSmallImages(network) ? 'resnet-cifar' : 'resnet'
  const layers = body.stages.map((stage) => stage.blocks.length)
  if (layers.length > 4) refuse(`it has ${layers.length} stages, a ResNet has four, or three for small images`)

  checkExtras(network, layers, refuse)
  const expansion = first.type === 'Bottleneck' ? 4 : 1
  const width = (body.stages[0]?.out ?? 0) / expansion
  checkBlocks(network, { expansion, width, isPreActivation, refuse })
  if (network.misfit !== undefined) {
    const { path, in: input } = network.misfit
    refuse(`${path.join('.')}.weight reads ${input} features, not ${body.out}`)
  }

  if (network.stray !== undefined) {
    refuse(`no key shows where ${network.stray.path.join('.')} stands in its head; build it yourself`)
  }
  if (family !== 'resnet' && first.type === 'Bottleneck' && (first.groups > 1 || 4 * first.mid !== first.out)) {
    refuse(`its bottlenecks have ${first.groups} groups and ${first.mid} channels, as no network for small images here`)
  }
  const hasNorms = first.norms.length > 0
  const form = describeStem(network, { family, option: stem, refuse })
  const departures: Departures = {
    ...(form === undefined ? {} : { stem: form }),
    ...(body.in === width || !isPreActivation ? {} : { stemWidth: body.in }),
    ...(allOrNone(
      'convolutions',
      blocks.flatMap((block) => block.convs),
      refuse,
    ) && hasNorms
      ? { convBias: true }
      : {}),
    ...(allOrNone('shortcuts', shortcutsOf(blocks), refuse) && hasNorms ? { shortcutBias: true } : {}),
    ...(hasNorms ? {} : { norm: 'none' }),
    ...describeShortcuts(blocks, refuse),
    ...(isPreActivation && network.finalNorm !== null ? { finalNorm: true } : {}),
    ...(head?.isConcatenated === true ? { pooling: 'max-avg' } : {}),
    ...describeHead(network),
  }
  const spatial = first.type === 'Bottleneck' ? 3 : first.kernel
  const groups = first.groups
  const [conv] = network.stem.convs as [Unit]
  const unnamed = {
    family,
    block: first.type,
    layers,
    numClasses: classesOf(head?.layers ?? []),
    inputChannels: conv.in,
    width,
    groups,
    widthPerGroup: first.type === 'Bottleneck' ? (64 * first.mid) / groups / width : 64,
    kernelSize: spatial,
    prefix: prefixOf(network),
    dtype: dtypeOf(conv.tensors.get('weight')?.key ?? ''),
    ...(Object.keys(departures).length === 0 ? {} : { departures }),
  } as const
  return { ...unnamed, name: nameOf(unnamed) }
}

/** Gives what stands in front of the names of a network's own modules. */
export function prefixOf({ path, stem }: Network): string {
  const key = stem.convs[0]?.tensors.get('weight')?.key ?? ''
  const parts = splitKey(key)
  const below = (stem.convs[0]?.path.length ?? 0) - path.length
  let end = parts.length - 1
  for (let left = below; left > 0; left--) {
    end--
    while (end > 0 && withoutWrappers(parts.slice(end, end + 1)).length === 0) end--
  }
  return key.slice(
    0,
    parts.slice(0, end).reduce((length, part) => length + part.length + 1, 0),
  )
}

function isForSmallImages({ stem, body, head }: Network): boolean {
  if (body.stages.length === 3) return true
  const [conv] = stem.convs
  if (stem.convs.length !== 1 || conv?.kernel !== 3) return false
  const paths = shortcutsOf(body.stages.flatMap(({ blocks }) => blocks)).map(({ path }) => path.at(-2))
  const name = head?.units.find((unit) => unit !== null)?.path
  return paths.every((path) => path === 'shortcut') && (name === undefined || name.includes('linear'))
}

/** Squeeze-and-excitation and its like change what a block computes. */
function checkExtras({ extras, body }: Network, layers: readonly number[], refuse: Refuse): void {
  if (extras.length === 0) return
  const unlike = extras.find(({ kind, hasBias, tensors }) => {
    return kind === 'other' && hasBias && tensors.get('weight')?.shape.length === 1
  })
  if (unlike !== undefined) {
    const missing = ['running_mean', 'running_var'].find((name) => !unlike.tensors.has(name)) ?? 'running_mean'
    refuse(`${unlike.path.join('.')} has no ${missing}, which BatchNorm2d has`)
  }
  const keys = extras.flatMap((unit) => [...unit.tensors.values()].map(({ key }) => key))
  const type = body.stages[0]?.blocks[0]?.type ?? 'BasicBlock'
  const like = nameOf({ family: 'resnet', block: type, layers, width: 64, groups: 1, widthPerGroup: 64, kernelSize: 3 })
  const shown = keys.slice(0, 2).join(', ') + (keys.length > 2 ? ', …' : '')
  refuse(`it is like ${like}, and has ${keys.length} keys that a ResNet lacks: ${shown}`)
}

interface BlockRules {
  readonly expansion: number
  readonly width: number
  readonly isPreActivation: boolean
  readonly refuse: Refuse
}

function checkBlocks({ body, stem }: Network, { expansion, width, isPreActivation, refuse }: BlockRules): void {
  const { stages } = body
  const [first] = stages[0]?.blocks ?? []
  if (first === undefined) return
  if (!isPreActivation && stem.convs.at(-1)?.out !== width) {
    refuse(`its stem makes ${stem.convs.at(-1)?.out} channels, but its first stage has ${width}`)
  }
  for (const [stage, { out, blocks }] of stages.entries()) {
    const usual = width * expansion * 2 ** stage
    if (out !== usual) refuse(`stage ${stage + 1} makes ${out} channels, not ${usual}`)
    for (const block of blocks) {
      const name = block.path.join('.')
      if (block.type !== first.type) refuse(`${name} is a ${block.type}, but the first block is a ${first.type}`)
      if (block.groups !== first.groups) refuse(`${name} has ${block.groups} groups, the first block ${first.groups}`)
      if (block.mid * first.out !== first.mid * block.out) {
        refuse(`${name} has ${block.mid} channels within for ${block.out} outside, unlike the first block`)
      }
      if (block.kernel !== first.kernel) {
        const kernels = stages.flatMap((each) => each.blocks.map(({ kernel }) => kernel))
        refuse(`its blocks begin with different kernels: ${kernels.slice(0, 16).join(', ')}`)
      }
      if (block.norms.length !== first.norms.length)
        refuse(`only some blocks have normalizations: ${name} is unlike the first`)
    }
  }
  const sizes: readonly number[] = first.type === 'Bottleneck' ? [3] : CIFAR_KERNEL_SIZES
  if (!sizes.includes(first.kernel)) {
    refuse(
      `its blocks begin with ${first.kernel}×${first.kernel}, not ${sizes.map((size) => `${size}×${size}`).join(' or ')}`,
    )
  }
  checkShortcuts(
    stages.map(({ blocks }) => blocks),
    { isPreActivation, refuse },
  )
}

/** Shortcuts stand where the shape changes, and nowhere else. */
function checkShortcuts(
  stages: readonly (readonly ResidualBlock[])[],
  { isPreActivation, refuse }: Pick<BlockRules, 'isPreActivation' | 'refuse'>,
): void {
  for (const [stage, blocks] of stages.entries()) {
    for (const [index, block] of blocks.entries()) {
      const name = block.path.join('.')
      const changes = index === 0 && (stage > 0 || block.in !== block.out)
      if (block.shortcut !== null && !changes)
        refuse(`${name} has a convolution in its shortcut, where no shape changes`)
      const hasNorm = block.shortcut !== null && block.shortcut.norm !== null
      if (block.shortcut !== null && hasNorm === (isPreActivation || block.norms.length === 0)) {
        refuse(`the shortcut of ${name} has ${hasNorm ? 'a' : 'no'} normalization`)
      }
    }
  }
}

function shortcutsOf(blocks: readonly ResidualBlock[]): Unit[] {
  return blocks.flatMap(({ shortcut }) => (shortcut === null ? [] : [shortcut.conv]))
}

function allOrNone(what: string, units: readonly Unit[], refuse: Refuse): boolean {
  const biased = units.filter(({ hasBias }) => hasBias).length
  if (biased !== 0 && biased !== units.length) refuse(`${biased} of its ${units.length} ${what} have a bias`)
  return biased > 0
}

function describeShortcuts(blocks: readonly ResidualBlock[], refuse: Refuse): Pick<Departures, 'shortcut'> {
  const shortcuts = shortcutsOf(blocks)
  const changing = blocks.filter((block) => block.in !== block.out)
  if (shortcuts.length === 0) return changing.length === 0 ? {} : { shortcut: 'pad' }
  const missing = changing.find((block) => block.shortcut === null)
  if (missing !== undefined) refuse(`there is no shortcut in ${missing.path.join('.')}, which changes the channels`)
  // Behind a module without tensors, which is the average pooling of ResNet-D.
  return shortcuts.every(({ path }) => path.at(-1) === '1') ? { shortcut: 'avgpool' } : {}
}

interface StemRules {
  readonly family: ResNetArchitecture['family']
  readonly option: StemOption | undefined
  readonly refuse: Refuse
}

function describeStem(network: Network, { family, option, refuse }: StemRules): StemForm | undefined {
  const { convs, norms } = network.stem
  const [conv] = convs as [Unit]
  const inner = convs.slice(0, -1).map(({ out }) => out)
  const { kernel } = conv
  const isDeep = inner.length > 0
  const bias = conv.hasBias && norms.length > 0
  if (
    family !== 'preact-resnet' &&
    norms.length !== (network.body.stages[0]?.blocks[0]?.norms.length === 0 ? 0 : convs.length)
  ) {
    refuse('its stem has no normalization with running_mean, which BatchNorm2d has')
  }
  if (isDeep && (inner.length !== 2 || !convs.every((each) => each.kernel === 3 && each.hasBias === bias))) {
    refuse(`its stem has ${convs.length} convolutions, and only those of three 3×3 ones are known`)
  }
  if (kernel !== 7 && kernel !== 3) refuse(`its stem is ${kernel}×${kernel}, not 7×7 or 3×3`)
  if (family !== 'resnet') {
    if (isDeep) refuse(`its stem has ${convs.length} convolutions, that of a network for small images has one`)
    if (kernel !== 3) refuse(`its stem is ${kernel}×${kernel}, that of a network for small images is 3×3`)
    if (option === 'maxpool') refuse('a network for small images has no max-pool in its stem')
    return bias ? { kernelSize: 3, stride: 1, inner, maxPool: false, bias } : undefined
  }
  if (kernel === 7 || isDeep) {
    const maxPool = option !== 'no-maxpool'
    const isUsual = kernel === 7 && maxPool && !bias
    return isUsual ? undefined : { kernelSize: kernel, stride: 2, inner, maxPool, bias }
  }
  const maxPool = option === undefined ? askForStem(network) : option === 'maxpool'
  return { kernelSize: 3, stride: 1, inner, maxPool, bias }
}

/** The scripts for small images call things differently; under torchvision's names both exist. */
function askForStem({ body, head }: Network): boolean {
  const shortcuts = shortcutsOf(body.stages.flatMap(({ blocks }) => blocks))
  const isNamed = shortcuts.length > 0 && shortcuts.every(({ path }) => path.some((name) => /^short|cut$/i.test(name)))
  if (isNamed || head?.units.some((unit) => unit?.path.includes('linear') === true) === true) return false
  const suggestion = { name: 'stem', value: 'no-maxpool', text: `{ stem: 'no-maxpool' }` }
  const other = { name: 'stem', value: 'maxpool', text: `{ stem: 'maxpool' }` }
  const text = `The stem is a 3×3 convolution, and the keys do not show whether a max-pool follows it: pass ${suggestion.text} or ${other.text}`
  throw new TorchError('TORCH_ARCHITECTURE', text, { suggestion: { ...suggestion, others: [other] } })
}

function describeHead({ head }: Network): Pick<Departures, 'head'> {
  if (head === null) return { head: [] }
  const [only, ...others] = head.layers
  return others.length === 0 && only?.type === 'Linear' && only.bias ? {} : { head: head.layers }
}

function classesOf(layers: readonly HeadLayer[]): number {
  const last = layers.findLast((layer) => layer.type === 'Linear')
  return last?.outFeatures ?? 0
}
