// What `napi-torch/vision` exports: images, transforms, presets, labels, datasets.

export { decodeImage, MAX_IMAGE_BYTES } from '../vision/decode/decode.js'
export type { DatasetDecodeOptions, DecodeOptions } from '../vision/decode/decode.js'
export type { ImageSource, NodeByteStream, Pixels, SharpLike, SharpOutput } from '../vision/image_source.js'
export { MAX_PIXELS } from '../vision/image.js'
export type { Image } from '../vision/image.js'
export { Compose } from '../vision/compose.js'
export type { InputOf, OutputOf } from '../vision/compose.js'
export { CenterCrop, Grayscale, Normalize, Pad, Resize, ToTensor } from '../vision/transforms.js'
export type { Drawn, ImageSize, Transform } from '../vision/transforms.js'
export { RandomTransform } from '../vision/random_transform.js'
export { RandomCrop, RandomResizedCrop } from '../vision/random_crop.js'
export type { RandomCropOptions, RandomResizedCropOptions } from '../vision/random_crop.js'
export {
  RandomAdjustSharpness,
  RandomApply,
  RandomAutocontrast,
  RandomEqualize,
  RandomGrayscale,
  RandomHorizontalFlip,
  RandomInvert,
  RandomPosterize,
  RandomSolarize,
  RandomVerticalFlip,
} from '../vision/random_by_chance.js'
export type { ChanceOptions, RandomGrayscaleOptions } from '../vision/random_by_chance.js'
export { RandomAffine, RandomRotation } from '../vision/random_affine.js'
export type { RandomAffineOptions, RandomRotationOptions, Spread } from '../vision/random_affine.js'
export { ColorJitter } from '../vision/color_jitter.js'
export type { ColorJitterOptions } from '../vision/color_jitter.js'
export { GaussianBlur } from '../vision/gaussian_blur.js'
export type { GaussianBlurOptions, GaussianBlurSigma } from '../vision/gaussian_blur.js'
export { AutoAugment, RandAugment, TrivialAugmentWide } from '../vision/auto_augment.js'
export type {
  AugmentOptions,
  AutoAugmentOptions,
  RandAugmentOptions,
  TrivialAugmentWideOptions,
} from '../vision/auto_augment.js'
export { RandomErasing } from '../vision/random_erasing.js'
export type { RandomErasingOptions } from '../vision/random_erasing.js'
export { CutMix, MixUp } from '../vision/mix.js'
export type { MixedBatch, MixOptions } from '../vision/mix.js'
export * as functional from '../vision/transforms_functional.js'
export { AFFINE_INTERPOLATION_MODES } from '../vision/geometry.js'
export type { AffineInterpolationMode } from '../vision/geometry.js'
export type { AffineOptions, RotateOptions } from '../vision/functional_geometry.js'
export { INTERPOLATION_MODES } from '../vision/functional.js'
export type {
  ImagePadding,
  ImagePaddingMode,
  InterpolationMode,
  ImagePadOptions,
  ResizeOptions,
  ResizeSize,
} from '../vision/functional.js'
export { ACTIVATIONS } from '../vision/activations.js'
export type { OutputActivation } from '../vision/activations.js'
export { ImagePreset, PRESET_METADATA_KEY } from '../vision/preset.js'
export type { PresetSettings } from '../vision/preset.js'
export * as presets from '../vision/presets.js'
export type { ImagenetOptions, Preset } from '../vision/presets.js'
export { checkLabels, LABEL_LISTS, loadLabels } from '../vision/labels.js'
export type { LabelList } from '../vision/labels.js'
export { Dataset } from '../vision/dataset.js'
export type { Batch, BatchOptions, Sample, TransformedBatchOptions } from '../vision/dataset.js'
export { MAX_IDX_BYTES, readIdx } from '../vision/idx.js'
export type { IdxArray } from '../vision/idx.js'
export { IdxDataset } from '../vision/idx_dataset.js'
export type { IdxDatasetOptions } from '../vision/idx_dataset.js'
export { CsvDataset } from '../vision/csv_dataset.js'
export { IMAGE_EXTENSIONS, ImageFolder } from '../vision/image_folder.js'
export type { ImageFile, ImageFolderOptions } from '../vision/image_folder.js'
