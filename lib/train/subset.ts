import { Dataset, type Sample } from '../vision/dataset.js'

/** Some samples of a dataset, in an order of their own. */
export class Subset extends Dataset {
  readonly classes: readonly string[]
  readonly length: number
  readonly #all: Dataset
  readonly #indices: readonly number[]

  constructor(all: Dataset, indices: readonly number[]) {
    super()
    this.classes = all.classes
    this.length = indices.length
    this.#all = all
    this.#indices = indices
  }

  protected override async read(index: number): Promise<Sample> {
    return this.#all.get(this.#indices[index] ?? 0)
  }
}
