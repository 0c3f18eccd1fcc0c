import { checkNumber, expected, isIntegerArray } from '../util/check.js'
import { Signature, type NoOptions } from '../util/signature.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkImages } from './checks.js'
import { pad, type PadMode } from './functional.js'
import { Module } from './module.js'
import { pythonFloat, pythonSize } from './repr.js'

/** Columns left and right and rows above and below that are added, or one number for all; negative ones take away. */
export type Padding2d = number | readonly [left: number, right: number, top: number, bottom: number]

type Sides = readonly [left: number, right: number, top: number, bottom: number]

/** What the paddings of images have in common. */
abstract class Pad2d extends Module {
  readonly padding: Sides

  constructor(padding: Padding2d) {
    super()
    new Signature<NoOptions>(`new ${new.target.name}`, ['padding'], {}).read([padding], [])
    this.padding = sidesOf(padding)
  }

  override extraRepr(): string {
    return pythonSize(this.padding)
  }

  /** Pads images (N, C, H, W), or one image (C, H, W). */
  protected padded(input: Tensor, mode: PadMode, value?: number): Tensor {
    checkImages(input)
    return pad(input, this.padding, { mode, value })
  }
}

/** Puts zeros around images. Follows `torch.nn.ZeroPad2d`. */
export class ZeroPad2d extends Pad2d {
  override forward(input: Tensor): Tensor {
    return this.padded(input, 'constant', 0)
  }
}

/** Puts one value around images. Follows `torch.nn.ConstantPad2d`. */
export class ConstantPad2d extends Pad2d {
  readonly value: number

  constructor(padding: Padding2d, value: number) {
    super(padding)
    this.value = checkNumber('value', value)
  }

  override forward(input: Tensor): Tensor {
    return this.padded(input, 'constant', this.value)
  }

  override extraRepr(): string {
    return `padding=${pythonSize(this.padding)}, value=${pythonFloat(this.value)}`
  }
}

/** Puts the mirrored image around images. Follows `torch.nn.ReflectionPad2d`. */
export class ReflectionPad2d extends Pad2d {
  override forward(input: Tensor): Tensor {
    return this.padded(input, 'reflect')
  }
}

/** Puts copies of the border around images. Follows `torch.nn.ReplicationPad2d`. */
export class ReplicationPad2d extends Pad2d {
  override forward(input: Tensor): Tensor {
    return this.padded(input, 'replicate')
  }
}

function sidesOf(padding: unknown): Sides {
  const sides: unknown = typeof padding === 'number' ? [padding, padding, padding, padding] : padding
  if (!isIntegerArray(sides) || sides.length !== 4) throw expected('an integer, or four of them,', 'padding', padding)
  const [left = 0, right = 0, top = 0, bottom = 0] = sides
  return [left, right, top, bottom]
}
