import { BatchNorm2d } from '../nn/batchnorm.js'
import { Conv2d } from '../nn/conv.js'
import { normal_, ones_, zeros_ } from '../nn/init.js'
import { Linear } from '../nn/linear.js'
import type { Module } from '../nn/module.js'
import type { Parameter } from '../nn/parameter.js'

/** How the weights of a network's layers are drawn. Biases beside them start at zero. */
export interface InitializeRules {
  /** Draws the weight of a convolution. Default: as the layer does by itself, its bias included. */
  readonly conv?: ((weight: Parameter, conv: Conv2d) => void) | undefined
  /** Leave the biases of convolutions as the layers draw them. Default: `false`. */
  readonly keepConvBias?: boolean | undefined
  /** Draws the weight of a linear layer. Default: as the layer does by itself, its bias included. */
  readonly linear?: ((weight: Parameter, linear: Linear) => void) | undefined
}

/**
 * Draws the weights of all layers below a module anew, in the order of its modules: the order in which torchvision draws, so
 * that one seed gives the same weights. Batch normalizations start at the identity.
 */
export function initialize(model: Module, { conv, linear, keepConvBias = false }: InitializeRules): void {
  for (const module of model.modules()) {
    if (module instanceof Conv2d && conv !== undefined) {
      conv(module.weight, module)
      if (module.bias !== null && !keepConvBias) zeros_(module.bias)
    } else if (module instanceof Linear && linear !== undefined) {
      linear(module.weight, module)
      if (module.bias !== null) zeros_(module.bias)
    } else if (module instanceof BatchNorm2d) {
      if (module.weight !== null) ones_(module.weight)
      if (module.bias !== null) zeros_(module.bias)
    }
  }
}

/** Draws from the normal distribution of deviation 0.01, as most heads are. */
export function drawHead(weight: Parameter): void {
  normal_(weight, 0, 0.01)
}
