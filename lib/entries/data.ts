// What `napi-torch/data` exports: loaders, samplers and splits of datasets.

export { DataLoader } from '../data/data_loader.js'
export type { CollatedBatch, DataLoaderOptions, LoadedBatch, LoadedSample } from '../data/data_loader.js'
export type { TransformedSample } from '../vision/transformed.js'
export type { IndexedDataset } from '../data/indexed_dataset.js'
export {
  BatchSampler,
  RandomSampler,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
} from '../data/sampler.js'
export type {
  BatchSamplerOptions,
  GeneratorOption,
  RandomSamplerOptions,
  Sampler,
  Sized,
  WeightedRandomSamplerOptions,
} from '../data/sampler.js'
export { ConcatDataset, Subset } from '../data/subset.js'
export { randomSplit, stratifiedSplit } from '../data/split.js'
export type { DatasetParts } from '../data/split.js'
export { TensorDataset } from '../data/tensor_dataset.js'
