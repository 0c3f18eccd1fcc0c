import type { ImageFolder, Tensor } from 'napi-torch'
import { ToTensor } from 'napi-torch'
import { DataLoader, randomSplit, type LoadedBatch, type Subset, type TensorDataset } from 'napi-torch/data'

declare const folder: ImageFolder
declare const tensors: TensorDataset

const transform = new ToTensor()

// Labeled images become one batch of images and labels, rows of tensors an array of tensors.
const images: AsyncIterable<LoadedBatch> = new DataLoader(folder, { transform })
const rows: AsyncIterable<Tensor[]> = new DataLoader(tensors, { batchSize: 2 })
const counts: AsyncIterable<number> = new DataLoader(folder, { transform, collateFn: (samples) => samples.length })

// There are as many parts as lengths.
const [training, validation]: [Subset, Subset] = randomSplit(folder, [0.8, 0.2])

// @ts-expect-error -- rows of tensors have no images to transform
new DataLoader(tensors, { transform })
// @ts-expect-error -- a transform must give tensors
new DataLoader(folder, { transform: { apply: async (image: object) => Promise.resolve(image) } })

export { counts, images, rows, training, validation }
