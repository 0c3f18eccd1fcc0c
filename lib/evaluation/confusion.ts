import { checkPositiveInteger, expected } from '../util/check.js'

/** Counts, for each class, which classes its images were predicted as. */
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

  /** Number of images whose prediction is right. */
  get correct(): number {
    return this.#correct
  }

  /**
   * Counts an image of class `label` whose prediction is `prediction`.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless both are class indices.
   */
  add(label: number, prediction: number): void {
    const index = this.#indexOf(label, prediction)
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#total++
    if (label === prediction) this.#correct++
  }

  /** Gives the number of images of class `label` whose prediction is `prediction`. */
  at(label: number, prediction: number): number {
    return this.#counts[this.#indexOf(label, prediction)] ?? 0
  }

  /** Gives the number of images of a class. */
  support(label: number): number {
    let sum = 0
    for (let prediction = 0; prediction < this.numClasses; prediction++) sum += this.at(label, prediction)
    return sum
  }

  /** Gives the share of the images of a class that were predicted right, 0 to 1. NaN for a class without images. */
  recall(label: number): number {
    return this.at(label, label) / this.support(label)
  }

  /** Gives the share of the predictions of a class that were right, 0 to 1. NaN if it was never predicted. */
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
