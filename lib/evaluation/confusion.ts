import { checkPositiveInteger, expected } from '../util/check.js'

/** Counts which class a classifier took for which. */
export class ConfusionMatrix {
  readonly numClasses: number
  readonly #counts: Float64Array
  #total = 0
  #correct = 0

  /** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `numClasses` is a positive integer. */
  constructor(numClasses: number) {
    this.numClasses = checkPositiveInteger('numClasses', numClasses)
    this.#counts = new Float64Array(numClasses * numClasses)
  }

  /** Number of images. */
  get total(): number {
    return this.#total
  }

  /** Images whose class was found. */
  get correct(): number {
    return this.#correct
  }

  /**
   * Counts an image of class `label` that was taken for `prediction`.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless both are class indices.
   */
  add(label: number, prediction: number): void {
    const index = this.#indexOf(label, prediction)
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#total++
    if (label === prediction) this.#correct++
  }

  /** Images of class `label` that were taken for `prediction`. */
  at(label: number, prediction: number): number {
    return this.#counts[this.#indexOf(label, prediction)] ?? 0
  }

  /** Images of a class. */
  support(label: number): number {
    let sum = 0
    for (let prediction = 0; prediction < this.numClasses; prediction++) sum += this.at(label, prediction)
    return sum
  }

  /** Share of the images of a class that were found, 0 to 1: its accuracy. NaN if there was none. */
  recall(label: number): number {
    return this.at(label, label) / this.support(label)
  }

  /** Share of right answers among those that named a class, 0 to 1. NaN if none did. */
  precision(prediction: number): number {
    let named = 0
    for (let label = 0; label < this.numClasses; label++) named += this.at(label, prediction)
    return this.at(prediction, prediction) / named
  }

  #indexOf(label: number, prediction: number): number {
    return this.#check('label', label) * this.numClasses + this.#check('prediction', prediction)
  }

  #check(name: string, index: number): number {
    if (Number.isInteger(index) && index >= 0 && index < this.numClasses) return index
    throw expected(`a class index below ${this.numClasses}`, name, index)
  }
}
