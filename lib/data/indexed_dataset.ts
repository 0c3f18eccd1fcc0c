/** Samples in a fixed order. What `Dataset` is for labeled images, for samples of any kind. */
export interface IndexedDataset<S> {
  /** Number of samples. */
  readonly length: number
  /** Reads a sample. */
  get(index: number): S | Promise<S>
}
