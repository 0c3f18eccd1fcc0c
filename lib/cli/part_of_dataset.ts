import { Dataset, type Sample } from '../vision/dataset.js'

/** The samples of a dataset from one index up to another, which is left out. */
export class PartOfDataset extends Dataset {
  readonly classes: readonly string[]
  readonly length: number
  readonly #all: Dataset
  readonly #start: number

  constructor(all: Dataset, start: number, end: number) {
    super()
    this.classes = all.classes
    this.length = Math.max(0, Math.min(end, all.length) - start)
    this.#all = all
    this.#start = start
  }

  protected override async read(index: number): Promise<Sample> {
    return this.#all.get(this.#start + index)
  }
}
