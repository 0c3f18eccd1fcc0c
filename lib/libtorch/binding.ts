import type { DType } from '../util/dtype.js'
import { TorchError } from '../util/errors.js'
import type { TensorHandle, GeneratorHandle, EngineHandle, PlanHandle, WeightsHandle } from './handles.js'
import { openLibtorch } from './libtorch.js'
import type { PlanSpec } from './plan_spec.js'
import { isThreadCountSet } from '../util/environment.js'
import { addonPath, openAddon } from './addon.js'
import { cpuQuota } from './cpu_quota.js'

/** A row-major (H, W, C) image of bytes. */
export interface NativeImage {
  readonly data: Uint8Array
  readonly height: number
  readonly width: number
  /** 1, 3 or 4; to be prepared, 1 or 3. */
  readonly channels: number
}

/** What {@link NativeBinding.resize} does. */
export interface NativeResize {
  readonly image: NativeImage
  /** (H, W) of the result. */
  readonly size: Pair
  readonly filter: ImageFilter
  /** The part of the image that is resampled, in its pixels: left, top, right, bottom. */
  readonly box: readonly [number, number, number, number]
  /** One of {@link NativeBinding.kernelSets}. Default: the best. */
  readonly kernels?: string | undefined
}

/** What {@link NativeBinding.gatherPixels} does. */
export interface NativeGather {
  readonly image: NativeImage
  /** Row and column of the image for each of the result, -1 for one of `fill`. */
  readonly rows: Int32Array
  readonly columns: Int32Array
  /** A byte for each channel. */
  readonly fill: readonly number[]
}

/** What {@link NativeBinding.prepareImage} does. */
export interface NativePreparation {
  readonly image: NativeImage
  /** (H, W) to which the whole image is resized. */
  readonly resized: Pair
  readonly filter: ImageFilter
  /** Top and left of the crop in the resized image, outside of which all is black. */
  readonly corner: Pair
  /** (H, W) of the crop. */
  readonly crop: Pair
  readonly grayscale: boolean
  /** Channels of the result. */
  readonly channels: number
  /** One number, or one for each channel of the result. */
  readonly mean: readonly number[]
  /** One number, or one for each channel of the result. */
  readonly std: readonly number[]
  /** One of {@link NativeBinding.kernelSets}. Default: the best. */
  readonly kernels?: string | undefined
  readonly output: Float32Array
  /** Where in `output` the result begins, in elements. */
  readonly offset: number
}

/** How the pixels of a file lie in memory, and what makes RGB of them: native/image/decode/layout.h. */
export interface NativeLayout {
  readonly kind: 'index' | 'pick' | 'cmyk' | 'associated' | 'clip' | 'scale' | 'rgb555' | 'rgb565'
  /** Of an index. */
  readonly bits?: number | undefined
  /** Bytes of a pixel. */
  readonly stride?: number | undefined
  /** Where in a pixel red, green, blue and alpha lie, or the four inks. */
  readonly offsets?: readonly number[] | undefined
  /** RGB of 256 indices. */
  readonly table?: Uint8Array | undefined
  readonly type?: 'uint8' | 'uint12' | 'uint16' | 'int16' | 'int32' | 'uint32' | 'float32' | undefined
  readonly bigEndian?: boolean | undefined
  readonly channels?: number | undefined
  readonly maxValue?: number | undefined
}

/** An image file of (H, W) pixels. */
interface NativeFile {
  readonly data: Uint8Array
  readonly size: Pair
}

/** What {@link NativeBinding.decodeRows} reads. */
export interface NativeRows extends NativeFile {
  readonly offset: number
  /** Bytes from the start of a row to that of the next. */
  readonly step: number
  readonly bottomUp: boolean
  readonly layout: NativeLayout
}

/** What {@link NativeBinding.decodeTiff} reads. */
export interface NativeTiff extends NativeFile {
  /** (H, W) of a strip or tile. */
  readonly block: Pair
  readonly tiled: boolean
  readonly compression: 'none' | 'packbits' | 'lzw' | 'deflate'
  /** Bytes of the numbers of which differences are stored, or 0. */
  readonly predictorBytes: number
  /** Of a pixel in a block. */
  readonly samples: number
  /** Colors that lie in blocks of their own: 1 where all lie side by side. */
  readonly separate: number
  readonly reversedBits: boolean
  readonly bigEndian: boolean
  readonly layout: NativeLayout
  readonly offsets: Float64Array
  readonly counts: Float64Array
}

/** What {@link NativeBinding.decodeGif} reads. */
export interface NativeGif extends NativeFile {
  /** Of the first block of data. */
  readonly offset: number
  readonly codeBits: number
  /** Top and left of the frame. */
  readonly corner: Pair
  /** (H, W) of the frame. */
  readonly frame: Pair
  readonly interlaced: boolean
  /** The index of what the frame does not cover. */
  readonly background: number
  readonly table: Uint8Array
}

/** What {@link NativeBinding.decodeBmpRuns} reads. */
export interface NativeBmpRuns extends NativeFile {
  readonly offset: number
  readonly halfBytes: boolean
  readonly bottomUp: boolean
  readonly table: Uint8Array
}

/** What {@link NativeBinding.decodePnmText} reads. */
export interface NativePnmText extends NativeFile {
  readonly offset: number
  readonly channels: number
  /** 0 for a bitmap. */
  readonly maxValue: number
}

/** What a schema of libtorch's dispatcher says. */
export interface AtenSchema {
  /** All of it, as libtorch prints it. */
  readonly text: string
  readonly arguments: readonly {
    readonly name: string
    /** Such as `Tensor`, `int[]` or `float?`. */
    readonly type: string
    /** Of a list for which one number may stand. */
    readonly length: number | null
    readonly hasDefault: boolean
    readonly isKeyword: boolean
    /** Whether the operator changes it. */
    readonly isWritten: boolean
  }[]
  readonly results: readonly { readonly type: string; readonly isWritten: boolean }[]
  /** Whether it may draw random numbers. */
  readonly draws: boolean
  /** Whether it changes the shape of an argument. */
  readonly changesShape: boolean
  /** Whether the elements decide on the shape of its result, or on a number that it gives. */
  readonly readsElements: boolean
}

/** What an operator of libtorch's dispatcher gives; an integer is a bigint. */
export type AtenResult = TensorHandle | TensorHandle[] | bigint | number | boolean | string | null

/**
 * Whether operations are recorded for gradients: `enabled` as by PyTorch's default, `disabled` as in `torch.no_grad`, or
 * `inference` as in `torch.inference_mode`.
 */
export type GradMode = 'enabled' | 'disabled' | 'inference'

/** The dtypes in which operations can compute under autocast. */
export type HalfDType = 'bfloat16' | 'float16'

/** Autocast for one kind of device. */
interface DeviceAutocast {
  readonly isOn: boolean
  /** What it is on with, or what it would be on with. */
  readonly dtype: HalfDType
}

/** Which operations compute in which dtype. */
export interface AutocastState {
  readonly cpu: DeviceAutocast
  readonly cuda: DeviceAutocast
  /** Whether weights that require gradients are converted once for all operations. */
  readonly cache: boolean
}

/** How every thread begins, as in PyTorch. */
export const AUTOCAST_OFF: AutocastState = {
  cpu: { isOn: false, dtype: 'bfloat16' },
  cuda: { isOn: false, dtype: 'float16' },
  cache: true,
}

/** Whether operations that are not deterministic are refused, warned of, or run. */
export type DeterministicMode = 'on' | 'warn' | 'off'

/** The parameters of one group that an optimizer changes in a step; each has a gradient. */
interface NativeGroup {
  readonly params: readonly TensorHandle[]
  readonly lr: number
  readonly weightDecay: number
  readonly maximize: boolean
}

/** What {@link NativeBinding.sgdStep} does. */
export interface NativeSgd extends NativeGroup {
  /** Empty without momentum. */
  readonly momentumBuffers: readonly TensorHandle[]
  /** False in the first step, which fills the buffers. */
  readonly hasBuffers: boolean
  readonly momentum: number
  readonly dampening: number
  readonly nesterov: boolean
  readonly fused: boolean
}

/** What {@link NativeBinding.adamStep} does. */
export interface NativeAdam extends NativeGroup {
  /** Steps done before this one, each (): it counts them. */
  readonly steps: readonly TensorHandle[]
  readonly expAvgs: readonly TensorHandle[]
  readonly expAvgSqs: readonly TensorHandle[]
  /** Empty without `amsgrad`. */
  readonly maxExpAvgSqs: readonly TensorHandle[]
  readonly beta1: number
  readonly beta2: number
  readonly eps: number
  readonly decoupledWeightDecay: boolean
  readonly amsgrad: boolean
  readonly fused: boolean
}

/** What {@link NativeBinding.adagradStep} does. */
export interface NativeAdagrad extends NativeGroup {
  /** Steps done before this one, each (): it counts them. */
  readonly steps: readonly TensorHandle[]
  readonly sums: readonly TensorHandle[]
  readonly lrDecay: number
  readonly eps: number
  readonly fused: boolean
}

/** What {@link NativeBinding.rmspropStep} does. */
export interface NativeRmsprop extends NativeGroup {
  /** Steps done before this one, each (): it counts them. */
  readonly steps: readonly TensorHandle[]
  readonly squareAvgs: readonly TensorHandle[]
  /** Empty unless `centered`. */
  readonly gradAvgs: readonly TensorHandle[]
  /** Empty without momentum. */
  readonly momentumBuffers: readonly TensorHandle[]
  readonly alpha: number
  readonly eps: number
  readonly momentum: number
  readonly centered: boolean
}

type Pair = readonly [number, number]
type Shape = readonly number[]
type Bytes = ArrayBufferView
type ImageFilter = 'nearest' | 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos'

/**
 * What the addon exports. Each function makes exactly one call of libtorch, on the calling thread.
 *
 * Arguments have been checked for meaning in TypeScript; the addon checks their types again, so that none can crash it.
 * Functions whose name ends in `_` change their first argument and give nothing back.
 */
export interface NativeBinding {
  /** Hands over the class of which native errors are made. Called once for each environment, by this file. */
  initialize(errorClass: typeof TorchError, globals: typeof globalThis): void

  // native/tensor.cc: creation, lifetime, metadata, data out.
  empty(shape: Shape, dtype: DType, device: string): TensorHandle
  zeros(shape: Shape, dtype: DType, device: string): TensorHandle
  full(shape: Shape, value: number | bigint | boolean, dtype: DType, device: string): TensorHandle
  arange(start: number, end: number, step: number, dtype: DType, device: string): TensorHandle
  /** Copies the bytes of `data`, which are row-major elements of `dtype`. */
  fromBytes(data: Bytes, shape: Shape, dtype: DType, device: string): TensorHandle
  /** Shares the memory of `data`, which must be aligned for `dtype`, and keeps it alive. CPU only. */
  viewOfBytes(data: Bytes, shape: Shape, dtype: DType): TensorHandle
  /** Whether the memory can be taken away from its buffer: not that of WebAssembly. */
  isDetachable(data: Bytes): boolean
  /** Takes the memory away from its buffer, if `data` is all of it. */
  freeBytes(data: Bytes): void
  /** A second handle of the same tensor: shares the memory, is disposed by itself. */
  alias(tensor: TensorHandle): TensorHandle
  dispose(tensor: TensorHandle): void
  isDisposed(tensor: TensorHandle): boolean
  shape(tensor: TensorHandle): number[]
  strides(tensor: TensorHandle): number[]
  storageOffset(tensor: TensorHandle): number
  dtype(tensor: TensorHandle): DType
  /** `cpu` or `cuda:N`. */
  device(tensor: TensorHandle): string
  isContiguous(tensor: TensorHandle, channelsLast: boolean): boolean
  /** Copies the elements out, row-major, as raw bytes. */
  toBytes(tensor: TensorHandle): ArrayBuffer
  item(tensor: TensorHandle): number | bigint | boolean
  /** Live handles and the bytes of the distinct storages that they keep alive, in this environment. */
  memory(): { tensors: number; bytes: number }
  releaseFreeMemory(): Promise<void>

  // native/storage.cc: raw storages, for checkpoint readers and writers.
  /** Reads stretches of a file into new uint8 tensors (length,), one after the other, on a pool thread. */
  readStorages(path: string, offsets: Shape, lengths: Shape): Promise<TensorHandle[]>
  /**
   * Maps stretches of a file, copy on write, as uint8 tensors (length,). The page-in is lazy. They share one mapping of
   * the file, which ends with the last of them.
   */
  mapStorages(path: string, offsets: Shape, lengths: Shape): TensorHandle[]
  /** A view of the memory of `storage`, whose offset and strides count elements of `dtype`. Refuses what lies outside. */
  viewOfStorage(storage: TensorHandle, dtype: DType, offset: number, shape: Shape, strides: Shape): TensorHandle
  /** Identifies the storage: equal for tensors that share memory. */
  storageId(tensor: TensorHandle): bigint
  /** Bytes of the whole storage behind the tensor. */
  storageBytes(tensor: TensorHandle): number
  /** Copies `length` bytes at `offset` of the storage behind the tensor out, from whichever device. */
  copyStorage(tensor: TensorHandle, offset: number, length: number): ArrayBuffer
  /** Swaps the bytes of each element of `itemSize` bytes, in place: for files of the other endianness. */
  swapBytes_(storage: TensorHandle, itemSize: number): void

  // native/random.cc
  createGenerator(device: string, seed: bigint | null): GeneratorHandle
  generatorSeed_(generator: GeneratorHandle, seed: bigint): void
  generatorInitialSeed(generator: GeneratorHandle): bigint
  /** From where the sequence goes on, uint8 (n,); of the default generator of the CPU for null. */
  generatorState(generator: GeneratorHandle | null): TensorHandle
  setGeneratorState(state: TensorHandle, generator: GeneratorHandle | null): void
  /** Seeds the default generator of every device, as torch.manual_seed. */
  manualSeed(seed: bigint): void
  rand(shape: Shape, dtype: DType, device: string, generator: GeneratorHandle | null): TensorHandle
  randn(shape: Shape, dtype: DType, device: string, generator: GeneratorHandle | null): TensorHandle
  randint(
    low: number,
    high: number,
    shape: Shape,
    dtype: DType,
    device: string,
    generator: GeneratorHandle | null,
  ): TensorHandle
  uniform_(tensor: TensorHandle, low: number, high: number, generator: GeneratorHandle | null): void
  normal_(tensor: TensorHandle, mean: number, std: number, generator: GeneratorHandle | null): void
  /** Draws over the whole range of an integer dtype, negative numbers excluded. */
  random_(tensor: TensorHandle, generator: GeneratorHandle | null): void
  randperm(n: number, generator: GeneratorHandle | null): TensorHandle
  multinomial(
    weights: TensorHandle,
    count: number,
    replacement: boolean,
    generator: GeneratorHandle | null,
  ): TensorHandle
  /** Dropout in training mode: zeroes with probability `p` and scales the rest. */
  dropout(input: TensorHandle, p: number): TensorHandle
  dropout_(input: TensorHandle, p: number): void

  // native/ops/shape.cc: views and copies.
  to(
    tensor: TensorHandle,
    dtype: DType | null,
    device: string | null,
    copy: boolean,
    channelsLast: boolean | null,
  ): TensorHandle
  /** `channelsLast` needs four dimensions. Gives an alias where the layout is already right. */
  contiguous(tensor: TensorHandle, channelsLast: boolean): TensorHandle
  clone(tensor: TensorHandle): TensorHandle
  view(tensor: TensorHandle, shape: Shape): TensorHandle
  reshape(tensor: TensorHandle, shape: Shape): TensorHandle
  flatten(tensor: TensorHandle, startDim: number, endDim: number): TensorHandle
  permute(tensor: TensorHandle, dims: Shape): TensorHandle
  transpose(tensor: TensorHandle, dim0: number, dim1: number): TensorHandle
  squeeze(tensor: TensorHandle, dims: readonly number[] | null): TensorHandle
  unsqueeze(tensor: TensorHandle, dim: number): TensorHandle
  expand(tensor: TensorHandle, shape: Shape): TensorHandle
  select(tensor: TensorHandle, dim: number, index: number): TensorHandle
  /** `end` null means to the end. */
  slice(tensor: TensorHandle, dim: number, start: number, end: number | null, step: number): TensorHandle
  indexSelect(tensor: TensorHandle, dim: number, index: TensorHandle): TensorHandle
  flip(tensor: TensorHandle, dims: Shape): TensorHandle
  cat(tensors: readonly TensorHandle[], dim: number): TensorHandle
  stack(tensors: readonly TensorHandle[], dim: number): TensorHandle
  split(tensor: TensorHandle, size: number, dim: number): TensorHandle[]
  /** `value` is for `constant` only. */
  pad(
    tensor: TensorHandle,
    pad: Shape,
    mode: 'constant' | 'reflect' | 'replicate' | 'circular',
    value: number | null,
  ): TensorHandle
  copy_(tensor: TensorHandle, source: TensorHandle): void
  fill_(tensor: TensorHandle, value: number | bigint | boolean): void

  // native/ops/arithmetic.cc. `other` is a tensor or a number.
  add(tensor: TensorHandle, other: TensorHandle | number | bigint, alpha: number): TensorHandle
  sub(tensor: TensorHandle, other: TensorHandle | number | bigint, alpha: number): TensorHandle
  mul(tensor: TensorHandle, other: TensorHandle | number | bigint): TensorHandle
  div(tensor: TensorHandle, other: TensorHandle | number | bigint, roundingMode: 'trunc' | 'floor' | null): TensorHandle
  add_(tensor: TensorHandle, other: TensorHandle | number | bigint, alpha: number): void
  sub_(tensor: TensorHandle, other: TensorHandle | number | bigint, alpha: number): void
  mul_(tensor: TensorHandle, other: TensorHandle | number | bigint): void
  div_(tensor: TensorHandle, other: TensorHandle | number | bigint, roundingMode: 'trunc' | 'floor' | null): void
  pow(tensor: TensorHandle, exponent: TensorHandle | number | bigint): TensorHandle
  matmul(tensor: TensorHandle, other: TensorHandle): TensorHandle
  neg(tensor: TensorHandle): TensorHandle
  abs(tensor: TensorHandle): TensorHandle
  sqrt(tensor: TensorHandle): TensorHandle
  exp(tensor: TensorHandle): TensorHandle
  log(tensor: TensorHandle): TensorHandle
  sigmoid(tensor: TensorHandle): TensorHandle
  tanh(tensor: TensorHandle): TensorHandle
  isnan(tensor: TensorHandle): TensorHandle
  isfinite(tensor: TensorHandle): TensorHandle
  clamp(tensor: TensorHandle, min: number | null, max: number | null): TensorHandle
  eq(tensor: TensorHandle, other: TensorHandle | number | bigint): TensorHandle
  ne(tensor: TensorHandle, other: TensorHandle | number | bigint): TensorHandle
  lt(tensor: TensorHandle, other: TensorHandle | number | bigint): TensorHandle
  le(tensor: TensorHandle, other: TensorHandle | number | bigint): TensorHandle
  gt(tensor: TensorHandle, other: TensorHandle | number | bigint): TensorHandle
  ge(tensor: TensorHandle, other: TensorHandle | number | bigint): TensorHandle
  /** Same shape and elements, as torch.equal. */
  equal(tensor: TensorHandle, other: TensorHandle): boolean
  allclose(tensor: TensorHandle, other: TensorHandle, rtol: number, atol: number, equalNan: boolean): boolean

  // native/ops/reduce.cc. `dims` null means over all.
  sum(tensor: TensorHandle, dims: Shape | null, keepdim: boolean, dtype: DType | null): TensorHandle
  mean(tensor: TensorHandle, dims: Shape | null, keepdim: boolean, dtype: DType | null): TensorHandle
  amax(tensor: TensorHandle, dims: Shape, keepdim: boolean): TensorHandle
  amin(tensor: TensorHandle, dims: Shape, keepdim: boolean): TensorHandle
  argmax(tensor: TensorHandle, dim: number | null, keepdim: boolean): TensorHandle
  topk(tensor: TensorHandle, k: number, dim: number, largest: boolean, sorted: boolean): [TensorHandle, TensorHandle]

  // native/ops/nn.cc
  conv2d(
    input: TensorHandle,
    weight: TensorHandle,
    bias: TensorHandle | null,
    stride: Pair,
    padding: Pair | 'same' | 'valid',
    dilation: Pair,
    groups: number,
  ): TensorHandle
  batchNorm(
    input: TensorHandle,
    runningMean: TensorHandle | null,
    runningVar: TensorHandle | null,
    weight: TensorHandle | null,
    bias: TensorHandle | null,
    training: boolean,
    momentum: number,
    eps: number,
  ): TensorHandle
  linear(input: TensorHandle, weight: TensorHandle, bias: TensorHandle | null): TensorHandle
  relu(input: TensorHandle): TensorHandle
  relu_(input: TensorHandle): void
  maxPool2d(
    input: TensorHandle,
    kernelSize: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    ceilMode: boolean,
  ): TensorHandle
  avgPool2d(
    input: TensorHandle,
    kernelSize: Pair,
    stride: Pair,
    padding: Pair,
    ceilMode: boolean,
    countIncludePad: boolean,
    divisorOverride: number | null,
  ): TensorHandle
  adaptiveAvgPool2d(input: TensorHandle, outputSize: Pair): TensorHandle
  softmax(input: TensorHandle, dim: number, dtype: DType | null): TensorHandle
  logSoftmax(input: TensorHandle, dim: number, dtype: DType | null): TensorHandle

  // native/ops/aten.cc
  /** What the schema of an operator says; null where this libtorch has none of that name. */
  atenSchema(schema: string): AtenSchema | null
  /**
   * Calls an operator of libtorch's dispatcher. An argument that is undefined, or left out, has its default. Gives each result:
   * null for one that is an argument which the operator changed.
   */
  callAten(schema: string, ...args: readonly unknown[]): AtenResult[]

  // native/grad_mode.cc
  /** For all calls of this thread from here on. Called by this file alone: see {@link setGradMode}. */
  setGradMode(mode: GradMode): void

  // native/autocast.cc
  /** For all calls of this thread from here on; null is off. Called by this file alone: see {@link setAutocast}. */
  setAutocast(cpu: HalfDType | null, cuda: HalfDType | null, cache: boolean): void
  /** Forgets the converted weights of all threads, which convert them again. */
  clearAutocastCache(): void

  // native/autograd.cc. `gradients` and `gradOutputs` have an entry for each tensor, null where none is given; `retainGraph` null
  // means as `createGraph`.
  /** Accumulates gradients in `inputs`, or in all leaves if there are none. */
  backward(
    roots: readonly TensorHandle[],
    gradients: readonly (TensorHandle | null)[],
    retainGraph: boolean | null,
    createGraph: boolean,
    inputs: readonly TensorHandle[],
  ): void
  /** Does what {@link backward} does on a thread of its own. `id` is an integer that no other unfinished call has. */
  backwardAsync(
    roots: readonly TensorHandle[],
    gradients: readonly (TensorHandle | null)[],
    retainGraph: boolean | null,
    createGraph: boolean,
    inputs: readonly TensorHandle[],
    id: number,
  ): Promise<void>
  gradients(
    outputs: readonly TensorHandle[],
    inputs: readonly TensorHandle[],
    gradOutputs: readonly (TensorHandle | null)[],
    retainGraph: boolean | null,
    createGraph: boolean,
    allowUnused: boolean,
  ): (TensorHandle | null)[]
  requiresGrad(tensor: TensorHandle): boolean
  /** Of a leaf. */
  setRequiresGrad(tensor: TensorHandle, requiresGrad: boolean): void
  isLeaf(tensor: TensorHandle): boolean
  isInference(tensor: TensorHandle): boolean
  /** The name of the operation that made the tensor, null for a leaf. */
  gradFn(tensor: TensorHandle): string | null
  grad(tensor: TensorHandle): TensorHandle | null
  /** Whether `gradient` is what {@link grad} gives; null means that there is none. */
  isGrad(tensor: TensorHandle, gradient: TensorHandle | null): boolean
  setGrad(tensor: TensorHandle, gradient: TensorHandle | null): void
  zeroGrad(tensors: readonly TensorHandle[], setToNone: boolean): void
  retainGrad(tensor: TensorHandle): void
  retainsGrad(tensor: TensorHandle): boolean
  /** Shares the memory, and has no part in the graph. */
  detach(tensor: TensorHandle): TensorHandle
  detach_(tensor: TensorHandle): void

  // native/optim.cc: one step of an optimizer for one group of parameters.
  sgdStep(group: NativeSgd): void
  adamStep(group: NativeAdam): void
  adagradStep(group: NativeAdagrad): void
  rmspropStep(group: NativeRmsprop): void
  /** The norm of all gradients together, (); tensors without a gradient are skipped, in the two below too. */
  gradNorm(tensors: readonly TensorHandle[], ord: number): TensorHandle
  /** Multiplies the gradients by a tensor (). */
  scaleGrads(tensors: readonly TensorHandle[], factor: TensorHandle): void
  clampGrads(tensors: readonly TensorHandle[], limit: number): void

  // native/image/image.cc: no libtorch in it.
  /** Resamples a box of an image, with the bytes that Pillow's `Image.resize` gives, on a pool thread. */
  resize(options: NativeResize): Promise<Uint8Array>
  /** Copies rows and columns of an image, on a pool thread. */
  gatherPixels(options: NativeGather): Promise<Uint8Array>
  /**
   * Resizes an image, cuts a part out, makes it gray where that is wanted, and writes (channels, H, W) as torchvision's
   * ToTensor and Normalize give it into `output`, which it gives back, on a pool thread.
   */
  prepareImage(options: NativePreparation): Promise<Float32Array>

  // native/image/decode/decode.cc: no libtorch in it. Each gives H * W * 3 bytes, and does its work on a pool thread.
  // They reject with `TORCH_IMAGE` for a damaged file.
  decodeRows(options: NativeRows): Promise<Uint8Array>
  decodeTiff(options: NativeTiff): Promise<Uint8Array>
  decodeGif(options: NativeGif): Promise<Uint8Array>
  decodeBmpRuns(options: NativeBmpRuns): Promise<Uint8Array>
  decodePnmText(options: NativePnmText): Promise<Uint8Array>
  /** Turns and mirrors RGB as EXIF's orientation, 1 to 8, says. */
  orientImage(options: NativeFile & { readonly orientation: number }): Promise<Uint8Array>
  /** Pillow's convert('L'). */
  rgbToGray(rgb: Uint8Array): Promise<Uint8Array>
  /** 255 minus each byte: Pillow's ImageOps.invert. */
  invertImage(data: Uint8Array): Promise<Uint8Array>

  // native/engine/engine.cc. `id` is an integer that no other unfinished job of the environment has.
  createEngine(threads: number, device: string): EngineHandle
  /** What its plans have in common goes as soon as no job uses it. */
  disposeEngine(engine: EngineHandle): void
  /** Bytes that the plans that have run in it hold beside their constants. */
  engineBytes(engine: EngineHandle): number
  createPlan(spec: PlanSpec): PlanHandle
  /** The memory goes as soon as no run uses it. */
  disposePlan(plan: PlanHandle): void
  /** Does what is to be done once: a plan that is not prepared does it in its first run. */
  preparePlan(engine: EngineHandle, id: number, plan: PlanHandle): Promise<boolean>
  /**
   * Runs a batch: each plan takes the samples that follow those of the one before it. The memory of `input` is read and
   * that of `output` written until the promise settles: with true, or with false where the job was cancelled.
   */
  runPlans(
    engine: EngineHandle,
    id: number,
    plans: readonly PlanHandle[],
    input: Bytes,
    output: Bytes,
  ): Promise<boolean>
  /** Runs a batch like {@link runPlans}, and blocks until it is done. */
  runPlansSync(engine: EngineHandle, plans: readonly PlanHandle[], input: Bytes, output: Bytes): void
  /** Tells how a prepared plan has another device do its work; empty for the CPU. */
  planNote(plan: PlanHandle): string
  /** Runs a plan that often and gives the median of each step in nanoseconds, or false where the job was cancelled. */
  measurePlan(engine: EngineHandle, id: number, plan: PlanHandle, runs: number): Promise<number[] | false>
  /** Ends a job early, at the latest after the step at which it is. */
  cancelJob(engine: EngineHandle, id: number): void

  // native/engine/plan/weights_handle.cc
  /** Names of the native kernels that this CPU can run, best first: `avx512`, `avx2`, `portable`. */
  kernelSets(): string[]
  /** Keeps the memory of `weight` (O, I, kH, kW) or (O, I) and `bias` (O), float32; packs them when a plan first needs that. */
  createConvWeights(
    kernels: string,
    weight: TensorHandle,
    bias: TensorHandle | null,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    /** Whether the packed forms are float16, with a scale for each output channel. */
    isHalf: boolean,
  ): WeightsHandle
  /** The memory goes as soon as no plan has them. */
  disposeConvWeights(weights: WeightsHandle): void
  /** Lets go of the tensor of which forms are packed: no others can be made then. */
  releaseConvSource(weights: WeightsHandle): void
  /** Bytes of the forms into which they have been packed. */
  convWeightsBytes(weights: WeightsHandle): number

  // native/runtime.cc
  /** `versionString` is libtorch's own, such as `2.13.0`; `builtFor` the one that the addon was compiled with. */
  version(): { libtorch: string; builtFor: string; config: string; cpuCapability: string }
  setNumThreads(count: number): void
  getNumThreads(): number
  /** How many of `count` threads the system lets this process have, its own included. */
  startableThreads(count: number): number
  /** For all threads of the process. */
  setDeterministic(mode: DeterministicMode): void
  deterministic(): DeterministicMode
  cudaIsAvailable(): boolean
  /** Why there is no device, as the end of a sentence; null if there is one. */
  cudaUnavailableReason(): string | null
  cudaDeviceCount(): number
  /** Bytes that tensors hold on a device. */
  cudaMemoryAllocated(index: number): number
  cudaSynchronize(index: number): void
}

/** Stands for the addon until something is called: importing this package costs milliseconds, opening libtorch hundreds. */
const unopened = new Proxy({} as NativeBinding, { get: (_, name): unknown => Reflect.get(addon(), name) })
let opened: NativeBinding | null = null
/** The addon with {@link preparation} before each call, made when it is first needed. */
let prepared: NativeBinding | null = null
let preparation: (() => void) | null = null
let gradMode: GradMode = 'enabled'
let autocast: AutocastState = AUTOCAST_OFF

/**
 * The addon, which is opened by the first call. What imports it sees what {@link withBinding} puts in its place: call its
 * functions, and keep none.
 */
export let native: NativeBinding = unopened

/**
 * Sends every call to `binding` instead of the addon while `body` runs, which must be synchronous: so can a model be traced.
 *
 * @throws {TorchError} `TORCH_TRACE` if that is under way already.
 */
export function withBinding<T>(binding: NativeBinding, body: () => T): T {
  if (native !== addon()) throw new TorchError('TORCH_TRACE', 'A model cannot be traced while a model is being traced')
  native = binding
  try {
    return body()
  } finally {
    native = addon()
  }
}

/** Sets the grad mode of the addon, which need not be open. `grad_mode.ts` decides on it. */
export function setGradMode(mode: GradMode): void {
  if (mode === gradMode) return
  gradMode = mode
  opened?.setGradMode(mode)
}

/** Sets the autocast state of the addon, which need not be open. `grad_mode.ts` decides on it. */
export function setAutocast(state: AutocastState): void {
  if (state === autocast) return
  autocast = state
  opened?.setAutocast(...autocastArguments(state))
}

/** Has weights converted again that may have changed since. */
export function clearAutocastCache(): void {
  opened?.clearAutocastCache()
}

function autocastArguments({ cpu, cuda, cache }: AutocastState): Parameters<NativeBinding['setAutocast']> {
  return [cpu.isOn ? cpu.dtype : null, cuda.isOn ? cuda.dtype : null, cache]
}

/** Calls `prepare` before each call of the addon from here on, until null is given. It must not call the addon itself. */
export function prepareCalls(prepare: (() => void) | null): void {
  const before = opened === null ? unopened : addon()
  preparation = prepare
  if (native === before && opened !== null) native = addon()
}

/** Opens the addon if it is not open. One that could not be opened is tried again by the next call. */
function addon(): NativeBinding {
  if (opened === null) {
    opened = open()
    if (gradMode !== 'enabled') opened.setGradMode(gradMode)
    if (autocast !== AUTOCAST_OFF) opened.setAutocast(...autocastArguments(autocast))
    native = preparation === null ? opened : withPreparation(opened)
  }
  return preparation === null ? opened : withPreparation(opened)
}

function withPreparation(binding: NativeBinding): NativeBinding {
  prepared ??= Object.fromEntries(
    Object.entries(binding).map(([name, call]: [string, (...args: readonly unknown[]) => unknown]) => [
      name,
      (...args: readonly unknown[]) => {
        preparation?.()
        return call(...args)
      },
    ]),
  ) as unknown as NativeBinding
  return prepared
}

/** Opening libtorch comes first, as the addon is linked to it without a search path. */
function open(): NativeBinding {
  openLibtorch()
  const binding = openAddon(addonPath()) as NativeBinding
  binding.initialize(TorchError, globalThis)
  const threads = binding.getNumThreads()
  const allowed = isThreadCountSet() ? threads : Math.min(threads, cpuQuota())
  // The system may refuse even these, and OpenMP ends the process where it gets none.
  const started = binding.startableThreads(allowed)
  if (started < threads) binding.setNumThreads(started)
  return binding
}
