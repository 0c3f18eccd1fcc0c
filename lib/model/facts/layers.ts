import type { FactValue, ModuleFacts } from '../../checkpoint/facts.js'
import { ReLU } from '../../nn/activation.js'
import { BatchNorm1d, BatchNorm2d } from '../../nn/batchnorm.js'
import { Conv2d, PADDING_MODES, type PaddingMode } from '../../nn/conv.js'
import { Identity, Linear } from '../../nn/linear.js'
import type { Module } from '../../nn/module.js'
import { AdaptiveAvgPool2d, AvgPool2d, MaxPool2d } from '../../nn/pooling.js'

/** What a layer does, as far as layers can stand for each other. */
export type LayerKind = 'activation' | 'pool' | 'norm' | 'conv' | 'linear' | 'none' | 'other'

const ACTIVATIONS =
  /^(?:ReLU6?|R?ReLU|LeakyReLU|PReLU|CELU|ELU|SELU|GELU|SiLU|Mish|GLU|Hard(?:tanh|swish|sigmoid|shrink)|Soft(?:plus|shrink|sign|max|max2d|min)|LogSoftmax|Tanh(?:shrink)?|Sigmoid|LogSigmoid|Threshold)$/

/** Layers that change nothing in eval mode, and containers, which do nothing by themselves. */
const NO_OPS =
  /^(?:Identity|(?:Feature)?(?:Alpha)?Dropout[123]?d?|Drop(?:Path|Block\w*|Connect)|StochasticDepth|Flatten|Quant(?:Stub|Wrapper)|DeQuantStub|Sequential|ModuleList|ModuleDict)$/

/** Averages over the whole map, as timm, mmpretrain and others call them. */
const GLOBAL_POOLS = /^(?:Fast|Global|Adaptive)+(?:Avg|Average)Pool(?:ing)?(?:2d)?$/

/** Gives the name of a class without its module. */
export function shortName({ className }: ModuleFacts): string {
  return className.slice(className.lastIndexOf('.') + 1)
}

/** Tells whether a class is PyTorch's, so that its name says what it computes. */
export function isKnownClass({ className }: ModuleFacts): boolean {
  return /^torch\.(?:nn|ao|quantization)\./.test(className)
}

/** Tells what a layer of the file does: `none` if nothing in eval mode, `other` if it cannot be told. */
export function kindOfFacts(facts: ModuleFacts): LayerKind {
  const name = shortName(facts)
  if (NO_OPS.test(name)) return 'none'
  if (!isKnownClass(facts)) return 'other'
  if (ACTIVATIONS.test(name)) return 'activation'
  if (/(?:Pool|Unpool)[123]d$/.test(name)) return 'pool'
  if (/Norm(?:[123]d)?$/.test(name)) return 'norm'
  if (/^(?:Lazy)?Conv/.test(name)) return 'conv'
  return name.endsWith('Linear') ? 'linear' : 'other'
}

/** Tells what a layer of ours does. */
export function kindOfModule(module: Module<unknown>): LayerKind {
  if (module instanceof ReLU) return 'activation'
  if (module.constructor.name.endsWith('Pool2d')) return 'pool'
  if (module instanceof Identity) return 'none'
  if (module instanceof BatchNorm1d || module instanceof BatchNorm2d) return 'norm'
  if (module instanceof Conv2d) return 'conv'
  return module instanceof Linear ? 'linear' : 'other'
}

/** Prints a layer of ours as Python does. */
export function describeModule(module: Module<unknown>): string {
  return `${module.constructor.name}(${module.extraRepr()})`
}

/** Prints a layer of the file: its class, and those settings that tell it from others. */
export function describeFacts(facts: ModuleFacts): string {
  const told = ['kernel_size', 'output_size', 'stride', 'padding', 'dilation', 'groups', 'padding_mode', 'eps', 'negative_slope', 'ceil_mode'] // prettier-ignore
  const settings = told.flatMap((name) => {
    const value = facts.attributes.get(name)
    return value === undefined ? [] : [`${name}=${describeValue(value)}`]
  })
  return `${shortName(facts)}(${settings.join(', ')})`.slice(0, MAX_DESCRIPTION)
}

/** Characters of the description of a layer: the file may call its class as it likes. */
const MAX_DESCRIPTION = 150

/**
 * Gives the layer that the file describes in the place of `ours`: `ours` itself where the two compute the same, a new one where
 * they differ and there is such a layer, null where there is none. New layers have parameters of the same shapes.
 */
export function layerOf(facts: ModuleFacts, ours: Module<unknown>): Module<unknown> | null {
  if (ours instanceof Conv2d) return convOf(facts, ours)
  if (ours instanceof BatchNorm1d || ours instanceof BatchNorm2d) return normOf(facts, ours)
  if (ours instanceof Linear) return isOfKind(facts, 'linear', /^Linear$/) ? ours : null
  if (isSameLayer(facts, ours)) return ours
  const kind = kindOfFacts(facts)
  if (kind === 'other') return isForeignCounterpart(facts, ours) ? ours : null
  if (kind === 'none') return kindOfModule(ours) === 'none' ? ours : new Identity()
  const made = kind === 'pool' ? poolOf(facts) : shortName(facts) === 'ReLU' ? new ReLU() : null
  if (made === null) return null
  return isSame(made, ours) ? ours : made
}

/**
 * Tells whether a layer of the file is of a kind: of PyTorch's classes the name says so. A class of someone else's has to be called
 * as PyTorch's is, since one that is derived from it may compute anything: timm's `StdConv2d` and `Conv2dSame` do.
 */
function isOfKind(facts: ModuleFacts, kind: LayerKind, foreign: RegExp): boolean {
  return isKnownClass(facts) ? kindOfFacts(facts) === kind : foreign.test(shortName(facts))
}

/** Settings that the layers of torchvision's models differ in, where they are of one class: PyTorch's name, and ours. */
const SETTINGS = [
  ['eps', 'eps'],
  ['approximate', 'approximate'],
  ['num_heads', 'numHeads'],
  ['batch_first', 'batchFirst'],
  ['negative_slope', 'negativeSlope'],
  ['min_val', 'minVal'],
  ['max_val', 'maxVal'],
] as const

/** Tells whether a layer of the file is ours: of the same class of PyTorch's, and with the same settings. Pools are compared elsewhere. */
function isSameLayer(facts: ModuleFacts, ours: Module<unknown>): boolean {
  if (!isKnownClass(facts) || kindOfFacts(facts) === 'pool' || shortName(facts) !== ours.constructor.name) return false
  const settings = new Map<string, unknown>(Object.entries(ours))
  return SETTINGS.every(([theirs, name]) => {
    const value = facts.attributes.get(theirs)
    return value === undefined || !settings.has(name) || value === settings.get(name)
  })
}

/** Tells whether someone else's class may stand for a layer of ours: a shortcut, a ReLU, or the average over the whole map. */
function isForeignCounterpart(facts: ModuleFacts, ours: Module<unknown>): boolean {
  if (isKnownClass(facts)) return false
  if (ours instanceof ReLU) return shortName(facts) === 'ReLU'
  if (ours instanceof AdaptiveAvgPool2d) return GLOBAL_POOLS.test(shortName(facts))
  return kindOfModule(ours) === 'other'
}

function isSame(made: Module<unknown>, ours: Module<unknown>): boolean {
  if (made instanceof ReLU) return ours instanceof ReLU
  return made.constructor === ours.constructor && settingsOf(made) === settingsOf(ours)
}

/** The settings of a pooling layer, sizes as pairs. */
function settingsOf(module: Module<unknown>): string {
  const fields = Object.entries(module as object).filter(([name]) => name !== 'training')
  return JSON.stringify(
    fields.map(([name, value]: [string, unknown]) => [name, typeof value === 'boolean' ? value : pairOf(value)]),
  )
}

function convOf(facts: ModuleFacts, ours: Conv2d): Module<unknown> | null {
  if (!isOfKind(facts, 'conv', /^Conv2d$/)) return null
  const { attributes } = facts
  const size = sizeAt(facts, 'kernel_size', ours.kernelSize)
  const stride = sizeAt(facts, 'stride', ours.stride)
  const dilation = sizeAt(facts, 'dilation', ours.dilation)
  const groups = attributes.get('groups') ?? ours.groups
  const paddingMode = attributes.get('padding_mode') ?? ours.paddingMode
  const isKnownMode = PADDING_MODES.some((mode) => mode === paddingMode)
  if (String(size) !== String(ours.kernelSize) || groups !== ours.groups || !isKnownMode) return null
  if ([...stride, ...dilation].includes(0)) return null
  const padding = paddingOf(attributes.get('padding'), { size: ours.kernelSize, dilation }) ?? ours.padding
  const isEqual = String([stride, padding, dilation]) === String([ours.stride, ours.padding, ours.dilation])
  if (isEqual && paddingMode === ours.paddingMode) return ours
  const { inChannels, outChannels, kernelSize, bias } = ours
  return new Conv2d(inChannels, outChannels, kernelSize, {
    stride,
    padding,
    dilation,
    groups: ours.groups,
    paddingMode: paddingMode as PaddingMode,
    bias: bias !== null,
  })
}

/** `'same'` as the numbers that it stands for, if both sides get as much. */
function paddingOf(
  value: FactValue | undefined,
  { size, dilation }: { readonly size: readonly [number, number]; readonly dilation: readonly [number, number] },
): [number, number] | 'same' | null {
  if (value === 'valid') return [0, 0]
  if (value !== 'same') return pairOf(value)
  const total = [dilation[0] * (size[0] - 1), dilation[1] * (size[1] - 1)] as const
  return total.some((pixels) => pixels % 2 !== 0) ? 'same' : [total[0] / 2, total[1] / 2]
}

function normOf(facts: ModuleFacts, ours: BatchNorm1d | BatchNorm2d): Module<unknown> | null {
  const name = shortName(facts)
  if (!/BatchNorm(?:[12]d)?$|^BatchNormAct2d$/.test(name)) return null
  const { attributes } = facts
  const eps = attributes.get('eps') ?? ours.eps
  if (typeof eps !== 'number') return null
  const trackRunningStats = attributes.get('track_running_stats') ?? ours.trackRunningStats
  if (trackRunningStats !== ours.trackRunningStats) return null
  if (eps === ours.eps) return ours
  const options = { eps, momentum: ours.momentum, affine: ours.affine, trackRunningStats: ours.trackRunningStats }
  const made = { ...options, bias: ours.bias !== null }
  return ours instanceof BatchNorm1d ? new BatchNorm1d(ours.numFeatures, made) : new BatchNorm2d(ours.numFeatures, made)
}

function poolOf(facts: ModuleFacts): Module<unknown> | null {
  const { attributes } = facts
  const name = shortName(facts)
  const size = pairOf(attributes.get(name === 'AdaptiveAvgPool2d' ? 'output_size' : 'kernel_size'))
  if (size === null || size.includes(0)) return null
  if (name === 'AdaptiveAvgPool2d') return new AdaptiveAvgPool2d(size)
  const stride = pairOf(attributes.get('stride')) ?? size
  if (stride.includes(0)) return null
  const padding = pairOf(attributes.get('padding')) ?? ([0, 0] as const)
  // More padding than that is an error in PyTorch, too, but only of forward.
  if (padding.some((pixels, index) => pixels > (size[index] ?? 0) / 2)) return null
  const ceilMode = attributes.get('ceil_mode') === true
  if (name === 'MaxPool2d') {
    if (attributes.get('return_indices') === true) return null
    const dilation = pairOf(attributes.get('dilation')) ?? ([1, 1] as const)
    return new MaxPool2d(size, { stride, padding, dilation, ceilMode })
  }
  if (name !== 'AvgPool2d') return null
  const divisor = attributes.get('divisor_override')
  return new AvgPool2d(size, {
    stride,
    padding,
    ceilMode,
    countIncludePad: attributes.get('count_include_pad') !== false,
    divisorOverride: typeof divisor === 'number' ? divisor : null,
  })
}

function sizeAt(facts: ModuleFacts, name: string, otherwise: readonly [number, number]): [number, number] {
  return pairOf(facts.attributes.get(name)) ?? [otherwise[0], otherwise[1]]
}

/** One number stands for both directions. Null for what is no size. */
function pairOf(value: unknown): [number, number] | null {
  const sizes: unknown[] = typeof value === 'number' ? [value] : Array.isArray(value) ? value : []
  const [first, second = first, ...others] = sizes
  return isSize(first) && isSize(second) && others.length === 0 ? [first, second] : null
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31
}

function describeValue(value: FactValue): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return Array.isArray(value) ? `(${value.join(', ')})` : typeof value === 'string' ? `'${value}'` : String(value)
}
