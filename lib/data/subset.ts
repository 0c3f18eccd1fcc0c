import { expected, isIntegerArray } from '../util/check.js'
import { Dataset, type Sample } from '../vision/dataset.js'

/**
 * Some samples of a dataset. Follows `torch.utils.data.Subset`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if an index lies outside of the dataset.
 */
export class Subset extends Dataset {
  readonly dataset: Dataset
  readonly indices: readonly number[]

  constructor(dataset: Dataset, indices: readonly number[]) {
    super()
    this.dataset = checkDataset('dataset', dataset)
    if (!isIntegerArray(indices)) throw expected('an array of integers', 'indices', indices)
    const outside = indices.find((index) => index < 0 || index >= dataset.length)
    if (outside !== undefined) throw expected(`indices from 0 to below ${dataset.length}`, 'indices', outside)
    this.indices = indices
  }

  get classes(): readonly string[] {
    return this.dataset.classes
  }

  get length(): number {
    return this.indices.length
  }

  override async label(index: number): Promise<number> {
    return this.dataset.label(this.#place(index))
  }

  protected override async read(index: number): Promise<Sample> {
    return this.dataset.get(this.#place(index))
  }

  #place(index: number): number {
    const place = this.indices[index]
    if (place === undefined) throw expected(`an index below ${this.length}`, 'index', index)
    return place
  }
}

/**
 * Datasets one behind the other. Follows `torch.utils.data.ConcatDataset`, **of datasets with the same classes**.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if there is no dataset, or the classes differ.
 */
export class ConcatDataset extends Dataset {
  readonly datasets: readonly Dataset[]
  readonly classes: readonly string[]

  constructor(datasets: readonly Dataset[]) {
    super()
    const isList: boolean = Array.isArray(datasets)
    if (!isList || datasets.length === 0) throw expected('an array of at least one dataset', 'datasets', datasets)
    datasets.forEach((dataset, index) => checkDataset(`datasets[${index}]`, dataset))
    this.datasets = datasets
    this.classes = datasets[0]?.classes ?? []
    const other = datasets.find(({ classes }) => classes.join('\n') !== this.classes.join('\n'))
    if (other !== undefined)
      throw expected(`datasets of the classes ${this.classes.join(', ')}`, 'datasets', other.classes)
  }

  get length(): number {
    return this.datasets.reduce((sum, { length }) => sum + length, 0)
  }

  override async label(index: number): Promise<number> {
    const [dataset, place] = this.#place(index)
    return dataset.label(place)
  }

  protected override async read(index: number): Promise<Sample> {
    const [dataset, place] = this.#place(index)
    return dataset.get(place)
  }

  #place(index: number): readonly [Dataset, number] {
    let place = index
    for (const dataset of this.datasets) {
      if (place < dataset.length) return [dataset, place]
      place -= dataset.length
    }
    throw expected(`an index below ${this.length}`, 'index', index)
  }
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is a {@link Dataset}. */
export function checkDataset(name: string, value: unknown): Dataset {
  if (!(value instanceof Dataset)) throw expected('a Dataset', name, value)
  return value
}
