import { Dataset, type Sample } from 'napi-torch'

/** Gray images of one pixel whose value is their index; the later ones of a pair are read first. */
export class Counting extends Dataset {
  readonly classes: readonly string[]
  readonly length: number
  reads = 0
  readonly labelOf: (index: number) => number

  constructor(length: number, labelOf: (index: number) => number = (index) => index % 2) {
    super()
    this.length = length
    this.labelOf = labelOf
    const count = Math.max(0, ...Array.from({ length }, (_, index) => labelOf(index))) + 1
    this.classes = Array.from({ length: count }, (_, label) => String(label))
  }

  override async label(index: number): Promise<number> {
    return Promise.resolve(this.labelOf(index))
  }

  protected override async read(index: number): Promise<Sample> {
    this.reads++
    await new Promise((resolve) => setTimeout(resolve, index % 2 === 0 ? 3 : 1))
    return { image: { data: Uint8Array.of(index), height: 1, width: 1, channels: 1 }, label: this.labelOf(index) }
  }
}
