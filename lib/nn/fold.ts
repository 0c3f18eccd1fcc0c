import { Signature } from '../util/signature.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkSize2d, type Size2d } from './checks.js'
import { unfold, type UnfoldFunctionOptions } from './functional.js'
import { Module } from './module.js'
import { pythonSize } from './repr.js'

const UNFOLD = new Signature<UnfoldFunctionOptions>('new Unfold', ['kernelSize'], {
  ...{ dilation: 'name', padding: 'name', stride: 'name' },
})

/** Puts the windows of images (N, C, H, W) into columns (N, C · kH · kW, L). Follows `torch.nn.Unfold`. */
export class Unfold extends Module {
  readonly kernelSize: Size2d
  readonly dilation: Size2d
  readonly padding: Size2d
  readonly stride: Size2d

  constructor(kernelSize: Size2d, options?: UnfoldFunctionOptions)
  constructor(kernelSize: Size2d, ...given: readonly unknown[]) {
    super()
    const { dilation = 1, padding = 0, stride = 1 } = UNFOLD.read([kernelSize], given)
    this.kernelSize = checkSize2d('kernelSize', kernelSize, 1)
    this.dilation = checkSize2d('dilation', dilation, 1)
    this.padding = checkSize2d('padding', padding, 0)
    this.stride = checkSize2d('stride', stride, 1)
  }

  override forward(input: Tensor): Tensor {
    const { kernelSize, dilation, padding, stride } = this
    return unfold(input, kernelSize, { dilation, padding, stride })
  }

  override extraRepr(): string {
    const { kernelSize, dilation, padding, stride } = this
    const window = `kernel_size=${pythonSize(kernelSize)}, dilation=${pythonSize(dilation)}`
    return `${window}, padding=${pythonSize(padding)}, stride=${pythonSize(stride)}`
  }
}
