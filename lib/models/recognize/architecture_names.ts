import type { ResNetArchitecture } from '../architecture.js'

/** Stages, by the block and layers that the papers give them. */
const DEPTHS = [
  { block: 'BasicBlock', layers: [2, 2, 2, 2], depth: 18 },
  { block: 'BasicBlock', layers: [3, 4, 6, 3], depth: 34 },
  { block: 'Bottleneck', layers: [3, 4, 6, 3], depth: 50 },
  { block: 'Bottleneck', layers: [3, 4, 23, 3], depth: 101 },
  { block: 'Bottleneck', layers: [3, 8, 36, 3], depth: 152 },
  { block: 'BasicBlock', layers: [3, 3, 3], depth: 20 },
  { block: 'BasicBlock', layers: [5, 5, 5], depth: 32 },
  { block: 'BasicBlock', layers: [7, 7, 7], depth: 44 },
  { block: 'BasicBlock', layers: [9, 9, 9], depth: 56 },
  { block: 'BasicBlock', layers: [18, 18, 18], depth: 110 },
] as const

/** Models that have a name beside the plain one, by the numbers in it. */
const NAMED = [
  { depth: 50, groups: 32, widthPerGroup: 4, name: 'resnext50_32x4d' },
  { depth: 101, groups: 32, widthPerGroup: 8, name: 'resnext101_32x8d' },
  { depth: 101, groups: 64, widthPerGroup: 4, name: 'resnext101_64x4d' },
  { depth: 50, groups: 1, widthPerGroup: 128, name: 'wide_resnet50_2' },
  { depth: 101, groups: 1, widthPerGroup: 128, name: 'wide_resnet101_2' },
]

/** What a name depends on. */
export type Nameable = Pick<
  ResNetArchitecture,
  'family' | 'block' | 'layers' | 'width' | 'groups' | 'widthPerGroup' | 'kernelSize' | 'departures'
>

/** Gives the name of the function that builds an architecture, else one as `ResNet(BasicBlock, [1, 1, 1, 1])`. */
export function nameOf({
  family,
  block,
  layers,
  width,
  groups,
  widthPerGroup,
  kernelSize,
  departures,
}: Nameable): string {
  const same = (known: readonly number[]): boolean => known.join() === layers.join()
  const depth = DEPTHS.find((known) => known.block === block && same(known.layers))?.depth
  const type = family === 'preact-resnet' ? 'PreActResNet' : 'ResNet'
  const written = `${type}(${block}, [${layers.join(', ')}])`
  const usualWidth = layers.length === 3 ? 16 : 64
  // The head and the input are options of every function; the rest is what the name promises.
  const isPlain = departures?.shortcut !== 'avgpool' && departures?.norm === undefined && departures?.convBias !== true
  if (depth === undefined || width !== usualWidth || !isPlain) return written
  if (family === 'preact-resnet')
    return depth === 18 && departures?.finalNorm !== true ? 'preactResnet18Cifar' : written
  if (family === 'resnet-cifar') return kernelSize === 3 ? `resnet${depth}Cifar` : written
  if (departures?.stem !== undefined && !isUsualStem(departures.stem)) return written
  if (groups === 1 && widthPerGroup === 64) return kernelSize === 3 ? `resnet${depth}` : written
  const named = NAMED.find(
    (model) => model.depth === depth && model.groups === groups && model.widthPerGroup === widthPerGroup,
  )
  return named?.name ?? written
}

function isUsualStem({ kernelSize, maxPool, inner }: NonNullable<Nameable['departures']>['stem'] & object): boolean {
  return kernelSize === 7 && maxPool && inner.length === 0
}
