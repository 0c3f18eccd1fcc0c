/** A network at one size of images. */
export interface Workload {
  readonly model: 'imagenet' | 'cifar'
  readonly title: string
  /** (C, H, W) */
  readonly shape: readonly [number, number, number]
  readonly classes: number
  readonly batches: readonly number[]
}

/** The networks that are measured, in the order of the tables. */
export const WORKLOADS: readonly Workload[] = [
  {
    model: 'imagenet',
    title: 'ImageNet ResNet-18, 224 × 224',
    shape: [3, 224, 224],
    classes: 1000,
    batches: [1, 8, 32],
  },
  { model: 'cifar', title: 'CIFAR ResNet-18, 32 × 32', shape: [3, 32, 32], classes: 10, batches: [1, 32, 256] },
]

/** Images on which contenders are compared with float64 at least. */
export const MIN_IMAGES = 32

/** Images that a workload needs. */
export function imagesOf({ batches }: Workload): number {
  return Math.max(MIN_IMAGES, ...batches)
}

/** Gives the workload of a network, for batches of these sizes. */
export function workloadOf(model: Workload['model'], batches: readonly number[]): Workload {
  const workload = WORKLOADS.find((each) => each.model === model)
  if (workload === undefined) throw new Error(`There is no workload ${model}`)
  return { ...workload, batches }
}
