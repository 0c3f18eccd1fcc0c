import assert from 'node:assert/strict'

import {
  Compose,
  Dataset,
  memory,
  scope,
  ToTensor,
  type Image,
  type Sample,
  type Tensor,
  type Transform,
} from 'napi-torch'

/** Gray images of one pixel whose value is their index. */
class Counting extends Dataset {
  readonly classes = ['even', 'odd']
  readonly length: number
  reads = 0
  running = 0
  mostRunning = 0

  constructor(length: number) {
    super()
    this.length = length
  }

  protected override async read(index: number): Promise<Sample> {
    this.reads++
    this.running++
    this.mostRunning = Math.max(this.mostRunning, this.running)
    // The later ones are done first.
    await new Promise((resolve) => setTimeout(resolve, index % 2 === 0 ? 3 : 1))
    this.running--
    return { image: { data: Uint8Array.of(index), height: 1, width: 1, channels: 1 }, label: index % 2 }
  }
}

const transform = new ToTensor()

describe('Dataset', () => {
  describe('batches()', () => {
    it('gives tensors, labels and indices in order, the last batch smaller', async () => {
      const batches: unknown[] = []

      for await (const { images, labels, indices } of new Counting(7).batches({ batchSize: 3, transform })) {
        batches.push([images.shape, Array.from(images.toFloat32Array(), (x) => Math.round(x * 255)), labels, indices])
        images.dispose()
      }

      assert.deepEqual(batches, [
        [
          [3, 1, 1, 1],
          [0, 1, 2],
          [0, 1, 0],
          [0, 1, 2],
        ],
        [
          [3, 1, 1, 1],
          [3, 4, 5],
          [1, 0, 1],
          [3, 4, 5],
        ],
        [[1, 1, 1, 1], [6], [0], [6]],
      ])
    })

    it('gives the images as they are without a transform', async () => {
      const values: number[] = []

      for await (const { images } of new Counting(5).batches({ batchSize: 2 })) {
        values.push(...images.map((image: Image) => image.data[0] ?? -1))
      }

      assert.deepEqual(values, [0, 1, 2, 3, 4])
    })

    it('reads no more than `concurrency` at a time, and a batch ahead', async () => {
      const dataset = new Counting(50)

      const batches = dataset.batches({ batchSize: 5, concurrency: 3 })
      await batches.next()
      await new Promise((resolve) => setTimeout(resolve, 50))

      assert.deepEqual([dataset.mostRunning, dataset.reads], [3, 10])
      await batches.return()
    })

    it('reads nothing before the first step', async () => {
      const dataset = new Counting(5)
      dataset.batches()
      await new Promise((resolve) => setTimeout(resolve, 10))

      assert.equal(dataset.reads, 0)
    })

    it('leaves no tensor behind when the consumer stops early', async () => {
      const before = memory().tensors

      for await (const { images } of new Counting(20).batches({ batchSize: 4, transform })) {
        images.dispose()
        break
      }

      assert.equal(memory().tensors, before)
    })

    it('leaves no tensor behind when a transform fails', async () => {
      const before = memory().tensors
      const failing: Transform<Image, Tensor> = {
        apply: async (image) => {
          if (image.data[0] === 9) throw new RangeError('nine')
          return transform.apply(image)
        },
      }
      const dataset = new Counting(20)
      const batches = dataset.batches({ batchSize: 8, transform: failing })
      const first = await batches.next()
      if (first.done !== true) first.value.images.dispose()

      await assert.rejects(batches.next(), /nine/)

      assert.ok(dataset.reads < 20)
      assert.equal(memory().tensors, before)
    })

    it('gives tensors that outlive the scope of the step in which they were begun', async () => {
      const values: number[] = []
      const batches = new Counting(9).batches({ batchSize: 2, transform })

      for (let done = false; !done;) {
        done = await scope(async () => {
          const step = await batches.next()
          if (step.done !== true) values.push(...step.value.images.toFloat32Array().map((x) => Math.round(x * 255)))
          await new Promise((resolve) => setTimeout(resolve, 15)) // The next ones are made meanwhile.
          return step.done === true
        })
      }

      assert.deepEqual(values, [0, 1, 2, 3, 4, 5, 6, 7, 8])
    })

    it('ends with the reason of its signal', async () => {
      const controller = new AbortController()
      const reason = new Error('enough')
      const seen: number[] = []

      await assert.rejects(
        async () => {
          for await (const { indices } of new Counting(50).batches({ batchSize: 2, signal: controller.signal })) {
            seen.push(...indices)
            controller.abort(reason)
          }
        },
        (error) => error === reason,
      )
      assert.ok(seen.length < 10)
    })

    it('refuses tensors of different shapes', async () => {
      const before = memory().tensors
      const growing = new Compose([
        {
          apply: async (image: Image) =>
            Promise.resolve({
              ...image,
              data: new Uint8Array((image.data[0] ?? 0) + 1),
              width: (image.data[0] ?? 0) + 1,
            }),
        },
        new ToTensor(),
      ])

      await assert.rejects(new Counting(3).batches({ transform: growing }).next(), {
        code: 'TORCH_DATASET',
        message: 'The transform gave tensors of shapes (1, 1, 1) and (1, 1, 2): a batch needs one shape',
      })
      assert.equal(memory().tensors, before)
    })

    it('refuses a batch size of 0', () => {
      assert.throws(() => new Counting(3).batches({ batchSize: 0 }), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a positive integer for batchSize, received 0',
      })
    })
  })

  describe('label()', () => {
    it('reads the sample where the dataset does not know better', async () => {
      const dataset = new Counting(3)

      assert.deepEqual([await dataset.label(1), dataset.reads], [1, 1])
    })
  })

  describe('get()', () => {
    it('refuses an index past the end', async () => {
      await assert.rejects(new Counting(3).get(3), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected an index below 3 for index, received 3',
      })
    })
  })
})
