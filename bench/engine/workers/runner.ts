/** A model that is ready to run in this process. */
export interface Runner {
  /** What has computed it, to be kept with the figures. */
  readonly versions: Readonly<Record<string, string>>
  /** ms that compile() took. */
  readonly compileMs?: number
  /** Computes a batch: samples one after the other, as are the logits. */
  run(batch: Float32Array): Promise<Float32Array> | Float32Array
  /** Tells what computes a batch of so many samples. */
  explain?(batch: number): Promise<Explained>
  /** Computes a sample together with others that come at the same time. */
  infer?(sample: Float32Array): Promise<Float32Array>
}

/** The steps of a compiled network. */
export interface Explained {
  readonly dtype: 'float32' | 'bfloat16' | 'float16' | 'int8'
  readonly steps: readonly {
    readonly kernel: string
    readonly operation: string
    readonly outputShape: readonly number[]
    readonly flop: number
  }[]
}

/** What all runners are made of; a kind of them has further options. */
export interface OpenOptions {
  /** Files of the network, from bench/engine/prepare.ts. */
  readonly files: { readonly weights: string; readonly inputs: string; readonly onnx: string }
  readonly model: 'imagenet' | 'cifar'
  /** (C, H, W) */
  readonly shape: readonly number[]
  readonly threads: number
  /** For the engine: what compile() takes besides, and whether to quantize. */
  readonly compile?: Readonly<Record<string, unknown>>
  readonly int8?: boolean
}
