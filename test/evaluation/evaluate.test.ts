import assert from 'node:assert/strict'

import { compile, ConfusionMatrix, evaluate, memory, Module, tensor, type LabeledBatch, type Tensor } from 'napi-torch'

/** Gives its input, (N, C), back as logits. */
class Echo extends Module {
  override forward(input: Tensor): Tensor {
    return input.clone()
  }
}

/** Batches of logits that {@link Echo} gives back. */
function* batchesOf(...batches: readonly (readonly [number[][], number[]])[]): Generator<LabeledBatch> {
  for (const [logits, labels] of batches) yield { images: tensor(logits), labels }
}

describe('evaluate()', () => {
  it('counts right predictions, classes among the five most probable, and confusions', async () => {
    const wrong = [9, 8, 7, 6, 5, 4, 0]
    const batches = batchesOf(
      [
        [wrong, wrong],
        [0, 4],
      ],
      [[wrong], [5]],
    )

    const { images, correct, top1, top5, confusion } = await evaluate(new Echo(), batches)

    assert.deepEqual({ images, correct, top1, top5 }, { images: 3, correct: 1, top1: 1 / 3, top5: 2 / 3 })
    assert.deepEqual([confusion.at(0, 0), confusion.at(4, 0), confusion.at(5, 0)], [1, 1, 1])
  })

  it('gives equal logits the order of their classes', async () => {
    const { correct, top5 } = await evaluate(new Echo(), batchesOf([[Array<number>(6).fill(1)], [5]]))

    assert.deepEqual({ correct, top5 }, { correct: 0, top5: 0 })
  })

  it('does not take NaN for a right prediction', async () => {
    const { correct, confusion } = await evaluate(new Echo(), batchesOf([[[2, NaN]], [0]]))

    assert.equal(correct, 0)
    assert.equal(confusion.at(0, 1), 1)
  })

  it('takes batches that are read asynchronously, and reports after each', async () => {
    async function* slowly(): AsyncGenerator<LabeledBatch> {
      for (const batch of batchesOf([[[1, 0]], [0]], [[[1, 0]], [1]])) yield Promise.resolve(batch)
    }
    const seen: number[][] = []

    await evaluate(new Echo(), slowly(), { onProgress: ({ images, correct }) => seen.push([images, correct]) })

    assert.deepEqual(seen, [
      [1, 1],
      [2, 1],
    ])
  })

  it('tells the predictions of each batch, and how many classes were ahead of the right one', async () => {
    const seen: unknown[] = []

    await evaluate(new Echo(), batchesOf([[[1, 0, 3]], [0]], [[[1, 0, 3]], [2]]), {
      onProgress: ({ predictions }) => seen.push(...predictions),
    })

    assert.deepEqual(seen, [
      { label: 0, prediction: 2, rank: 1 },
      { label: 2, prediction: 2, rank: 0 },
    ])
  })

  it('counts the predictions of an earlier evaluation, and needs no batch beside them', async () => {
    const earlier = {
      numClasses: 7,
      predictions: [
        { label: 1, prediction: 1, rank: 0 },
        { label: 2, prediction: 6, rank: 5 },
      ],
    }

    const alone = await evaluate(new Echo(), batchesOf(), { earlier })
    const both = await evaluate(new Echo(), batchesOf([[[1, 0, 0, 0, 0, 0, 0]], [0]]), { earlier })

    assert.deepEqual([alone.images, alone.correct, alone.top5, alone.batches.length], [2, 1, 1 / 2, 0])
    assert.deepEqual([both.images, both.correct, both.top5, both.batches.length], [3, 2, 2 / 3, 1])
    assert.equal(both.confusion.at(2, 6), 1)
  })

  it('keeps no tensor from one batch to the next', async () => {
    const live: number[] = []
    const batch = [[[1, 0]], [0]] as const satisfies [number[][], number[]]

    await evaluate(new Echo(), batchesOf(batch, batch, batch), { onProgress: () => live.push(memory().tensors) })

    assert.equal(new Set(live).size, 1)
  })

  it('measures each batch', async () => {
    const { batches, elapsedMs } = await evaluate(new Echo(), batchesOf([[[1, 0]], [0]], [[[1, 0]], [1]]))

    assert.deepEqual(
      batches.map(({ images }) => images),
      [1, 1],
    )
    assert.ok(batches.every(({ ms }) => ms > 0 && ms < elapsedMs))
  })

  it('stops before the next batch when its signal is aborted, and closes the batches', async () => {
    const interruption = new AbortController()
    let closed = false
    function* endless(): Generator<LabeledBatch> {
      try {
        for (;;) yield { images: tensor([[1, 0]]), labels: [0] }
      } finally {
        closed = true
      }
    }
    const { signal } = interruption

    await assert.rejects(evaluate(new Echo(), endless(), { signal, onProgress: () => interruption.abort() }), {
      name: 'AbortError',
    })
    assert.ok(closed)
  })

  it('refuses a dataset without images', async () => {
    await assert.rejects(evaluate(new Echo(), []), { code: 'TORCH_DATASET', message: 'The dataset contains no images' })
  })

  it('refuses a class that the model does not have', async () => {
    await assert.rejects(evaluate(new Echo(), batchesOf([[[1, 0]], [2]])), {
      code: 'TORCH_DATASET',
      message: 'The dataset has a class 2, but the model has only 2 classes',
    })
  })

  it('refuses a batch with too few labels', async () => {
    await assert.rejects(
      evaluate(
        new Echo(),
        batchesOf([
          [
            [1, 0],
            [1, 0],
          ],
          [0],
        ]),
      ),
      {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected labels for 2 images for batches, received 1',
      },
    )
  })

  it('refuses a model whose output is not (N, classes)', async () => {
    const batches = [{ images: tensor([[[1, 0]]]), labels: [0] }]

    await assert.rejects(evaluate(new Echo(), batches), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected logits (1, classes) for the output of the model, received float32 (1, 1, 2)',
    })
  })

  it('refuses unknown options', async () => {
    await assert.rejects(evaluate(new Echo(), [], { onprogress: () => undefined } as object), {
      code: 'TORCH_INVALID_ARGUMENT',
      message:
        'Expected options among device, earlier, onProgress, signal for options, received "onprogress" (did you mean onProgress?)',
    })
  })
})

describe('evaluate() of an engine', () => {
  it('counts the same as of the module, and leaves no tensor', async () => {
    await using engine = await compile(new Echo().eval(), { input: [2] })
    const before = memory().tensors
    const batches = (): Generator<LabeledBatch> =>
      batchesOf(
        [
          [
            [2, 0],
            [0, 3],
          ],
          [0, 0],
        ],
        [[[1, 0]], [0]],
        [[[0, NaN]], [0]],
      )

    const ofEngine = await evaluate(engine, batches())
    const ofModule = await evaluate(new Echo().eval(), batches())

    assert.deepEqual([ofEngine.images, ofEngine.correct, ofEngine.top5], [4, 2, 1])
    assert.deepEqual([ofModule.images, ofModule.correct], [4, 2])
    assert.equal(memory().tensors, before)
  })

  it('reads the next batch while one is computed', async () => {
    await using engine = await compile(new Echo().eval(), { input: [2] })
    const log: string[] = []
    function* logged(): Generator<LabeledBatch> {
      for (const batch of batchesOf([[[1, 0]], [0]], [[[1, 0]], [0]], [[[1, 0]], [0]])) {
        log.push('read')
        yield batch
      }
    }

    await evaluate(engine, logged(), { onProgress: () => log.push('computed') })

    assert.deepEqual(log.slice(0, 2), ['read', 'read'])
    assert.equal(log.filter((entry) => entry === 'computed').length, 3)
  })

  it('disposes the images and fails as the run does where the engine is closed meanwhile', async () => {
    const engine = await compile(new Echo().eval(), { input: [2] })
    const before = memory().tensors
    const batches = batchesOf([[[1, 0]], [0]], [[[1, 0]], [0]], [[[1, 0]], [0]])

    const evaluation = evaluate(engine, batches, { onProgress: () => void engine.close() })

    await assert.rejects(evaluation, { code: 'TORCH_ENGINE_CLOSED' })
    assert.equal(memory().tensors, before)
  })

  it('refuses another device', async () => {
    await using engine = await compile(new Echo().eval(), { input: [2] })

    await assert.rejects(evaluate(engine, [], { device: 'cuda' }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: `Expected 'cpu' for an engine for device, received "cuda"`,
    })
  })
})

describe('ConfusionMatrix', () => {
  const matrix = new ConfusionMatrix(3)
  matrix.add(0, 0)
  matrix.add(0, 0)
  matrix.add(0, 1)
  matrix.add(1, 1)

  it('counts all, right ones, and those of a class', () => {
    assert.deepEqual([matrix.total, matrix.correct, matrix.support(0), matrix.at(0, 1)], [4, 3, 3, 1])
  })

  it('gives recall and precision of a class', () => {
    assert.deepEqual([matrix.recall(0), matrix.precision(0), matrix.precision(1)], [2 / 3, 1, 1 / 2])
  })

  it('gives NaN for a class that was neither there nor named', () => {
    assert.deepEqual([matrix.recall(2), matrix.precision(2)], [NaN, NaN])
  })

  it('refuses what is no class', () => {
    assert.throws(() => matrix.add(3, 0), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a class index below 3 for label, received 3',
    })
  })
})
