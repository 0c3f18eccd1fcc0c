/** The kinds of ResNet that `detectArchitecture` knows: torchvision's, the one for small images, and the pre-activation one. */
export const RESNETS = ['resnet', 'resnet-cifar', 'preact-resnet'] as const

/** The kinds of model that `detectArchitecture` knows: ResNets, of any width and depth, and torchvision's other models. */
export const FAMILIES = [...RESNETS, 'torchvision'] as const

/** One of {@link FAMILIES}. */
export type Family = (typeof FAMILIES)[number]

/** Which model a state dict belongs to, and with which options. */
export type Architecture = ResNetArchitecture | NamedArchitecture

/** Which of torchvision's models a state dict belongs to, where it is no ResNet. */
export interface NamedArchitecture {
  readonly family: 'torchvision'
  /** The function of this package, and of torchvision, that builds it: `mobilenet_v3_small`. */
  readonly name: string
  /** Outputs of the head. */
  readonly numClasses: number
  readonly inputChannels: number
  /** What stands before every key because the model was wrapped when it was saved, such as `module.`, else `''`. */
  readonly prefix: string
  /** Element type of the weights, such as `float16`; null where only shapes were given. */
  readonly dtype: string | null
  /** What the function that builds it is given beside the sizes above. */
  readonly options: NamedOptions
}

/** Options of the function that builds a {@link NamedArchitecture}. */
export interface NamedOptions {
  /** Height and width of a Vision Transformer's images, which its positions show. */
  readonly imageSize?: number | undefined
  /** An Inception has heads in the middle. */
  readonly auxLogits?: boolean | undefined
  /** An Inception takes images as all other models do. No key shows it: `true`, as torchvision's published weights need it. */
  readonly transformInput?: boolean | undefined
}

/** Which ResNet a state dict belongs to, and with which options. */
export interface ResNetArchitecture {
  readonly family: (typeof RESNETS)[number]
  /** The function of this package that builds it (`resnet18`, `resnet18Cifar`), else as in `ResNet(BasicBlock, [1, 1, 1, 1])`. */
  readonly name: string
  readonly block: 'BasicBlock' | 'Bottleneck'
  /** Blocks of each stage: of four, or of three in the ResNets of the paper for small images. */
  readonly layers: readonly number[]
  /** Outputs of the head; 0 if there is no head. */
  readonly numClasses: number
  readonly inputChannels: number
  /** Channels of the first stage: of the stem's output. */
  readonly width: number
  /** Groups of each 3×3 convolution: more than one in a ResNeXt. */
  readonly groups: number
  /** Channels of each group in the first stage, for 64 planes: 64, or 128 in a wide ResNet-2. */
  readonly widthPerGroup: number
  /** Size of each block's first spatial convolution. */
  readonly kernelSize: number
  /** What stands before every key because the model was wrapped when it was saved, such as `module.`, else `''`. */
  readonly prefix: string
  /** Element type of the weights, such as `float16`; null where only shapes were given. */
  readonly dtype: string | null
  /** Where the model differs from the family's reference; absent where it does not. */
  readonly departures?: Departures | undefined
}

/** A model that its user built, as far as it is known. */
export interface OwnArchitecture {
  readonly family: 'own'
  /** Name of the model's class. */
  readonly name: string
  /** Outputs for each image. */
  readonly numClasses: number
  /** Channels of the image that the preset makes. */
  readonly inputChannels: number
}

/** Architecture of a model: recognized, or the user's own. */
export type ModelArchitecture = Architecture | OwnArchitecture

/** What a model has in another form than the reference of its family. Absent fields are as in the reference. */
export interface Departures {
  /** The stem, where it is not the family's. */
  readonly stem?: StemForm | undefined
  /** Output channels of the stem, where the first stage widens them: a wide pre-activation ResNet. */
  readonly stemWidth?: number | undefined
  /** Convolutions of the blocks have a bias. */
  readonly convBias?: boolean | undefined
  /** Convolutions of the shortcuts have a bias. */
  readonly shortcutBias?: boolean | undefined
  /** `none`: each convolution has taken its normalization in, and has a bias. */
  readonly norm?: 'none' | undefined
  /**
   * Shortcut where the shape changes: `pad` drops every second pixel and pads with channels of zeros (option A of the paper);
   * `avgpool` averages before a convolution of stride 1 (ResNet-D).
   */
  readonly shortcut?: 'pad' | 'avgpool' | undefined
  /** A pre-activation network normalizes once more before its head. */
  readonly finalNorm?: boolean | undefined
  /** `max-avg`: maxima and averages of the last feature map, one behind the other, as in fastai's head. */
  readonly pooling?: 'max-avg' | undefined
  /** The head, in order, where it is not one linear layer with a bias; empty where there is none. */
  readonly head?: readonly HeadLayer[] | undefined
}

/** A stem, and what its keys cannot show. */
export interface StemForm {
  /** Size of each convolution. */
  readonly kernelSize: number
  /** Stride of the first convolution. */
  readonly stride: number
  /** Output channels of the convolutions before the last, as `[32, 32]` in a ResNet-D; empty in most. */
  readonly inner: readonly number[]
  readonly maxPool: boolean
  readonly bias: boolean
}

/** A layer of a head. `Identity` stands for all that changes nothing in eval mode, such as Dropout. */
export type HeadLayer =
  | { readonly type: 'Linear'; readonly inFeatures: number; readonly outFeatures: number; readonly bias: boolean }
  | { readonly type: 'BatchNorm1d'; readonly numFeatures: number; readonly affine: boolean }
  | { readonly type: 'ReLU' | 'Identity' }

/** What `detectArchitecture` reads of a tensor: a `Tensor`, a tensor still in a file, or nothing but its shape. */
export interface TensorFacts {
  readonly shape: readonly number[]
  readonly dtype?: string | undefined
}
