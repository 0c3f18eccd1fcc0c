import { ReLU } from '../nn/activation.js'
import { BatchNorm1d, BatchNorm2d } from '../nn/batchnorm.js'
import { Sequential } from '../nn/container.js'
import { Conv2d } from '../nn/conv.js'
import { Identity, Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { AvgPool2d, MaxPool2d } from '../nn/pooling.js'
import { cat } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import type { ResNetArchitecture, HeadLayer, StemForm } from './architecture.js'

/** Averages and maxima of the last feature map, maxima first: maps (N, C, H, W) to (N, 2 · C, 1, 1). fastai's AdaptiveConcatPool2d. */
export class MaxAvgPool2d extends Module {
  override forward(input: Tensor): Tensor {
    const pixels = input.flatten(2)
    const both = cat([pixels.max({ dim: 2 }), pixels.mean({ dim: 2 })], { dim: 1 })
    return both.unsqueeze(2).unsqueeze(3)
  }
}

/** Replaces in a reference model what an architecture has in another form. */
export function applyDepartures(model: Module, { family, departures, inputChannels, width }: ResNetArchitecture): void {
  if (departures === undefined) return
  const { stem, head, norm, convBias = false, shortcutBias = false, shortcut, pooling } = departures
  const isFused = norm === 'none'
  if (stem !== undefined) replaceStem(model, stem, { inputChannels, width, hasMaxPool: family === 'resnet' })
  if (shortcut === 'avgpool') for (const [path, each] of shortcutsOf(model)) replace(model, path, averaged(each))
  for (const [path, module] of model.namedModules()) {
    if (!(module instanceof Conv2d)) continue
    const isShortcut = /\.(downsample|shortcut)\./.test(path)
    const isStem = path.startsWith('conv1')
    const hasBias = isFused || (isStem ? stem?.bias === true : isShortcut ? shortcutBias : convBias)
    if (hasBias && module.bias === null) replace(model, path, withBias(module))
  }
  if (isFused) {
    for (const [path, module] of model.namedModules()) {
      if (module instanceof BatchNorm2d) replace(model, path, new Identity())
    }
  }
  if (pooling === 'max-avg') replace(model, 'avgpool', new MaxAvgPool2d())
  if (head !== undefined) replace(model, family === 'resnet' ? 'fc' : 'linear', makeHead(head))
}

/** The module that stood there is of no use to anyone else. */
function replace(model: Module, path: string, module: Module): void {
  const old = model.getSubmodule(path)
  model.setSubmodule(path, module)
  old.dispose()
}

/** Builds the layers of a head: one layer alone, none as an Identity, else a Sequential. */
export function makeHead(head: readonly HeadLayer[]): Module {
  const layers = head.map((layer) => {
    switch (layer.type) {
      case 'Linear':
        return new Linear(layer.inFeatures, layer.outFeatures, { bias: layer.bias })
      case 'BatchNorm1d':
        return new BatchNorm1d(layer.numFeatures, { affine: layer.affine })
      case 'ReLU':
        return new ReLU()
      case 'Identity':
        return new Identity()
    }
  })
  const [only = new Identity()] = layers
  return layers.length > 1 ? new Sequential(...layers) : only
}

interface StemPlace {
  readonly inputChannels: number
  readonly width: number
  readonly hasMaxPool: boolean
}

function replaceStem(model: Module, stem: StemForm, { inputChannels, width, hasMaxPool }: StemPlace): void {
  const { kernelSize, stride, inner, maxPool, bias } = stem
  const channels = [inputChannels, ...inner, width]
  const layers = channels.slice(1).flatMap((out, index) => {
    const options = { stride: index === 0 ? stride : 1, padding: (kernelSize - 1) / 2, bias }
    const conv = new Conv2d(channels[index] ?? 0, out, kernelSize, options)
    return index < inner.length ? [conv, new BatchNorm2d(out), new ReLU({ inplace: true })] : [conv]
  })
  const [only] = layers
  replace(model, 'conv1', layers.length === 1 && only !== undefined ? only : new Sequential(...layers))
  if (hasMaxPool) {
    replace(model, 'maxpool', maxPool ? new MaxPool2d(3, { stride: 2, padding: 1 }) : new Identity())
  }
}

function shortcutsOf(model: Module): [string, Sequential][] {
  return model
    .namedModules()
    .filter(
      (named): named is [string, Sequential] => named[0].endsWith('.downsample') && named[1] instanceof Sequential,
    )
}

/** Averages before a convolution of stride 1: https://arxiv.org/abs/1812.01187, as timm has it. */
function averaged(shortcut: Sequential): Sequential {
  const [conv, ...rest] = shortcut
  if (!(conv instanceof Conv2d)) return shortcut
  const stride = conv.stride[0]
  const pool = stride === 1 ? new Identity() : new AvgPool2d(stride, { stride, ceilMode: true, countIncludePad: false })
  const { inChannels, outChannels } = conv
  return new Sequential(pool, new Conv2d(inChannels, outChannels, 1, { bias: false }), ...rest.map(copyOfNorm))
}

/** The old shortcut is disposed with all that is in it. */
function copyOfNorm(module: Module): Module {
  return module instanceof BatchNorm2d ? new BatchNorm2d(module.numFeatures) : new Identity()
}

function withBias(conv: Conv2d): Conv2d {
  const { inChannels, outChannels, kernelSize, stride, padding, dilation, groups } = conv
  return new Conv2d(inChannels, outChannels, kernelSize, { stride, padding, dilation, groups, bias: true })
}
