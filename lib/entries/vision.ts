// What `napi-torch/vision` exports: images, transforms, presets, labels, datasets.

export { decodeImage, MAX_IMAGE_BYTES } from '../vision/decode/decode.js'
export type { DatasetDecodeOptions, DecodeOptions } from '../vision/decode/decode.js'
export type { ImageSource, NodeByteStream, Pixels, SharpLike, SharpOutput } from '../vision/image_source.js'
export { MAX_PIXELS } from '../vision/image.js'
export type { Image } from '../vision/image.js'
export { Compose } from '../vision/compose.js'
export type { InputOf, OutputOf } from '../vision/compose.js'
export { CenterCrop, Grayscale, Normalize, Pad, Resize, ToTensor } from '../vision/transforms.js'
export type { Transform } from '../vision/transforms.js'
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
