import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  cat,
  Conv2d,
  Dropout,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
} from 'napi-torch'
import type { Tensor } from 'napi-torch'

/** Tells how (N, 1, 16, 16) images are striped. The fields are named as in make_checkpoint.py: they are the state keys. */
export class StripesNet extends Module {
  readonly stem = new Sequential(
    new Conv2d(1, 8, 3, { padding: 1, bias: false }),
    new BatchNorm2d(8),
    new ReLU(),
    new MaxPool2d(2),
  )
  readonly near = new Conv2d(8, 8, 3, { padding: 1 })
  readonly far = new Conv2d(8, 8, 3, { padding: 2, dilation: 2 })
  readonly norm = new BatchNorm2d(16)
  readonly relu = new ReLU()
  readonly pool = new AdaptiveAvgPool2d(1)
  readonly drop = new Dropout({ p: 0.1 })
  readonly head = new Linear(16, 3)

  override forward(images: Tensor): Tensor {
    let x = this.stem.forward(images)
    x = cat([this.near.forward(x), this.far.forward(x)], { dim: 1 })
    x = this.pool.forward(this.relu.forward(this.norm.forward(x))).flatten(1)
    return this.head.forward(this.drop.forward(x))
  }
}

/** For `--module`, the `module` setting of the server, and jobs: they call it without arguments. */
export default function build(): StripesNet {
  return new StripesNet()
}
