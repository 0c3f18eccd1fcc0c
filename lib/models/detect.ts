// Imports no model: `napi-torch inspect` detects without opening libtorch.
import { describeShape, expected } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { wrapperPrefix } from '../tensor/state_dict.js'
import type { Architecture } from './architecture.js'
import { CIFAR_KERNEL_SIZES } from './resnet_cifar.js'

/** What {@link detectArchitecture} reads of a tensor: a `Tensor`, a tensor still in a file, or nothing but its shape. */
export interface TensorFacts {
  readonly shape: readonly number[]
  readonly dtype?: string | undefined
}

/** Stages, by the block and layers that the paper gives them. */
const DEPTHS = [
  { block: 'BasicBlock', layers: [2, 2, 2, 2], depth: 18 },
  { block: 'BasicBlock', layers: [3, 4, 6, 3], depth: 34 },
  { block: 'Bottleneck', layers: [3, 4, 6, 3], depth: 50 },
  { block: 'Bottleneck', layers: [3, 4, 23, 3], depth: 101 },
  { block: 'Bottleneck', layers: [3, 8, 36, 3], depth: 152 },
] as const

/** Models that have a name beside the plain one, by the numbers in it. */
const NAMED = [
  { depth: 50, groups: 32, widthPerGroup: 4, name: 'resnext50_32x4d' },
  { depth: 101, groups: 32, widthPerGroup: 8, name: 'resnext101_32x8d' },
  { depth: 101, groups: 64, widthPerGroup: 4, name: 'resnext101_64x4d' },
  { depth: 50, groups: 1, widthPerGroup: 128, name: 'wide_resnet50_2' },
  { depth: 101, groups: 1, widthPerGroup: 128, name: 'wide_resnet101_2' },
]

/**
 * Tells which model a state dict belongs to, from its keys and shapes alone.
 *
 * Takes a `StateDict`, or pairs of a key and a tensor or its shape. What keys and shapes do not show is taken as in the
 * reference: strides, padding, dilation. Keys that no ResNet has are left to `loadStateDict`, which names them all.
 *
 * @throws {TorchError} `TORCH_ARCHITECTURE` if it is none of the known models, with the nearest reason;
 * `TORCH_INVALID_ARGUMENT` if `state` is no iterable.
 */
export function detectArchitecture(state: Iterable<readonly [string, TensorFacts | readonly number[]]>): Architecture {
  if (typeof state !== 'object' || state === null || !(Symbol.iterator in state)) {
    throw expected('a StateDict, or pairs of a key and a shape,', 'state', state)
  }
  const evidence = new Evidence(state)
  const block = evidence.has('layer1.0.conv3.weight') ? 'Bottleneck' : 'BasicBlock'
  const found = evidence.has('linear.weight') ? detectCifar(evidence, block) : detectTorchvision(evidence, block)
  return { ...found, name: nameOf(found) }
}

type Unnamed = Omit<Architecture, 'name'>

function detectTorchvision(evidence: Evidence, block: Architecture['block']): Unnamed {
  const stem = evidence.shape('conv1.weight', 4)
  if (stem[2] !== 7 || stem[3] !== 7) evidence.refuse(`conv1 is ${stem[2]}×${stem[3]}, torchvision's is 7×7`)
  if (stem[0] !== 64) evidence.refuse(`conv1 makes ${stem[0]} channels, torchvision's makes 64`)
  const layers = countBlocks(evidence)
  const expansion = block === 'Bottleneck' ? 4 : 1
  checkStages(evidence, block === 'Bottleneck' ? 'conv3' : 'conv2', 64 * expansion)
  checkShortcut(evidence, 'downsample', 'shortcut')

  const spatial = evidence.shape(block === 'Bottleneck' ? 'layer1.0.conv2.weight' : 'layer1.0.conv1.weight', 4)
  if (spatial[2] !== 3) evidence.refuse(`its blocks begin with ${spatial[2]}×${spatial[3]}, torchvision's with 3×3`)
  const widthPerGroup = spatial[1] ?? 0
  const groups = (spatial[0] ?? 0) / widthPerGroup
  if (!Number.isInteger(groups)) evidence.refuse(`layer1.0.conv2.weight is ${describeShape(spatial)}`)
  return {
    family: 'resnet',
    block,
    layers,
    numClasses: countClasses(evidence, 'fc.weight', 512 * expansion),
    inputChannels: stem[1] ?? 0,
    width: 64,
    groups,
    widthPerGroup,
    kernelSize: 3,
    prefix: evidence.prefix,
    dtype: evidence.dtype,
  }
}

function detectCifar(evidence: Evidence, block: Architecture['block']): Unnamed {
  const stem = evidence.shape('conv1.weight', 4)
  const width = stem[0] ?? 0
  if (stem[2] !== 3 || stem[3] !== 3)
    evidence.refuse(`conv1 is ${stem[2]}×${stem[3]}, the one for small images has 3×3`)
  if (block === 'Bottleneck') evidence.refuse('its head is linear, as for small images, but its blocks are bottlenecks')
  const layers = countBlocks(evidence)
  checkStages(evidence, 'conv2', width)
  checkShortcut(evidence, 'shortcut', 'downsample')

  const kernels = layers.flatMap((blocks, stage) =>
    Array.from({ length: blocks }, (_, index) => evidence.shape(`layer${stage + 1}.${index}.conv1.weight`, 4)[2] ?? 0),
  )
  const [kernelSize = 0] = kernels
  if (kernels.some((size) => size !== kernelSize))
    evidence.refuse(`its blocks begin with different kernels: ${kernels.join(', ')}`)
  if (!CIFAR_KERNEL_SIZES.some((size) => size === kernelSize)) {
    evidence.refuse(`its blocks begin with ${kernelSize}×${kernelSize}, not 3×3, 5×5 or 7×7`)
  }
  return {
    family: 'resnet-cifar',
    block,
    layers,
    numClasses: countClasses(evidence, 'linear.weight', 8 * width),
    inputChannels: stem[1] ?? 0,
    width,
    groups: 1,
    widthPerGroup: 64,
    kernelSize,
    prefix: evidence.prefix,
    dtype: evidence.dtype,
  }
}

function countBlocks(evidence: Evidence): [number, number, number, number] {
  const [layer1, layer2, layer3, layer4] = [1, 2, 3, 4].map((stage) => {
    let blocks = 0
    while (evidence.has(`layer${stage}.${blocks}.conv1.weight`)) blocks++
    if (blocks === 0) evidence.refuse(`there is no layer${stage}.0.conv1.weight, but a ResNet has four stages`)
    return blocks
  }) as [number, number, number, number]
  if (evidence.has('layer5.0.conv1.weight')) evidence.refuse('there is a layer5, but a ResNet has four stages')
  return [layer1, layer2, layer3, layer4]
}

function checkStages(evidence: Evidence, last: string, width: number): void {
  for (const stage of [1, 2, 3, 4]) {
    const channels = evidence.shape(`layer${stage}.0.${last}.weight`, 4)[0]
    const usual = width * 2 ** (stage - 1)
    if (channels !== usual) evidence.refuse(`layer${stage} makes ${channels} channels, not ${usual}`)
  }
  // GroupNorm has the same two parameters as BatchNorm2d, but another meaning.
  if (!evidence.has('bn1.running_mean')) evidence.refuse('there is no bn1.running_mean, which BatchNorm2d has')
}

function checkShortcut(evidence: Evidence, own: string, other: string): void {
  if (!evidence.has(`layer2.0.${other}.0.weight`)) return
  evidence.refuse(`its shortcuts are called ${other}, but with this head they are called ${own}`)
}

function countClasses(evidence: Evidence, head: string, features: number): number {
  const [classes = 0, received] = evidence.shape(head, 2)
  if (received !== features) evidence.refuse(`${head} reads ${received} features, not ${features}`)
  return classes
}

function nameOf({ family, block, layers, width, groups, widthPerGroup, kernelSize }: Unnamed): string {
  const same = (known: readonly number[]): boolean => known.every((blocks, stage) => blocks === layers[stage])
  const depth = DEPTHS.find((known) => known.block === block && same(known.layers))?.depth
  const written = `ResNet(${block}, [${layers.join(', ')}])`
  if (family === 'resnet-cifar') {
    const plain = width === 64 && kernelSize === 3 && (depth === 18 || depth === 34)
    return plain ? `resnet${depth}Cifar` : written
  }
  if (depth !== undefined && groups === 1 && widthPerGroup === 64) return `resnet${depth}`
  const named = NAMED.find(
    (model) => model.depth === depth && model.groups === groups && model.widthPerGroup === widthPerGroup,
  )
  return named?.name ?? written
}

/** The shapes of a state dict by their plain keys, and the one way to refuse them. */
class Evidence {
  readonly prefix: string
  readonly #tensors: ReadonlyMap<string, TensorFacts>

  constructor(state: Iterable<readonly [string, TensorFacts | readonly number[]]>) {
    this.#tensors = new Map(Array.from(state, ([key, facts]) => [key, 'shape' in facts ? facts : { shape: facts }]))
    this.prefix = wrapperPrefix(this.#tensors.keys())
  }

  get dtype(): string | null {
    return this.#tensors.get(`${this.prefix}conv1.weight`)?.dtype ?? null
  }

  has(key: string): boolean {
    return this.#tensors.has(this.prefix + key)
  }

  shape(key: string, rank: number): readonly number[] {
    const facts = this.#tensors.get(this.prefix + key)
    if (facts === undefined) return this.refuse(`there is no ${key}`)
    const { shape } = facts
    if (shape.length !== rank || shape.includes(0)) this.refuse(`${key} is ${describeShape(shape)}`)
    return shape
  }

  /** @throws {TorchError} `TORCH_ARCHITECTURE`, always. */
  refuse(reason: string): never {
    const keys = [...this.#tensors.keys()]
    const shown = keys.slice(0, 4).join(', ') + (keys.length > 4 ? ', …' : '')
    const found = keys.length === 0 ? 'the state dict is empty' : `${reason} (${keys.length} tensors: ${shown})`
    throw new TorchError('TORCH_ARCHITECTURE', `No known ResNet: ${found}`)
  }
}
