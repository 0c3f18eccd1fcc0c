import {
  AvgPool2d,
  BatchNorm2d,
  cat,
  compile,
  Conv2d,
  Flatten,
  functional as F,
  Linear,
  manualSeed,
  MaxPool2d,
  Module,
  randn,
  ReLU,
  scope,
  Sequential,
  type CompileOptions,
  type Engine,
  type Tensor,
} from 'napi-torch'

/** Shape of a sample of {@link smallModel}. */
export const SAMPLE = [3, 8, 8] as const
/** Elements of a sample. */
export const SAMPLE_LENGTH = 192
/** Outputs of {@link smallModel} for a sample. */
export const OUTPUTS = 5

/** A model of a few layers, in eval mode, (N, 3, 8, 8) to (N, 5), with weights that are the same in each call. */
export function smallModel(): Module {
  manualSeed(7n)
  return new Sequential(
    new Conv2d(3, 8, 3, { padding: 1 }),
    new BatchNorm2d(8),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(128, OUTPUTS),
  ).eval()
}

/** A model of a user: operators without own nodes between layers, branches, groups and dilation. */
export class Branches extends Module {
  readonly stem = new Conv2d(3, 8, 3, { stride: 2, padding: 1 })
  readonly bn = new BatchNorm2d(8)
  readonly grouped = new Conv2d(8, 8, 3, { padding: 2, dilation: 2, groups: 4, bias: false })
  readonly pool = new AvgPool2d(2)
  readonly fc = new Linear(32, 6)

  override forward(input: Tensor): Tensor {
    const x = F.relu(this.bn.forward(this.stem.forward(input)))
    // The residual is read again below: the sum must not be made where it lies.
    const y = this.grouped.forward(x).add(x)
    const gate = x.mean({ dim: [2, 3], keepdim: true }).sigmoid()
    const z = this.pool.forward(cat([y.mul(gate), x.permute([0, 1, 3, 2])], { dim: 1 }))
    return this.fc.forward(z.mean({ dim: [3] }).reshape([-1, 32])).softmax(1)
  }
}

/** Calls `body` with an engine that is closed afterwards, and disposes all that is made meanwhile. */
export async function withEngine<T>(
  make: () => Module,
  options: CompileOptions,
  body: (engine: Engine, model: Module) => Promise<T>,
): Promise<T> {
  return scope(async () => {
    const model = make()
    const engine = await compile(model, options)
    try {
      return await body(engine, model)
    } finally {
      await engine.close()
      model.dispose()
    }
  })
}

/** Samples with normally distributed elements. */
export function samples(count: number, sample: readonly number[] = SAMPLE): Float32Array {
  return scope(() => randn([count, ...sample]).toArray())
}
