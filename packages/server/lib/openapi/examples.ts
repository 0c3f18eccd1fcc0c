/** A PNG image of 2 × 2 pixels, in base64. */
export const TINY_PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAE0lEQVQI12NgYGD4//8/GDMwAAAp5AX76gd7owAAAABJRU5ErkJggg=='

/** Requests to `…/infer` that work with any model. */
export const EXAMPLES = {
  pixels: {
    summary: 'An image of 2 × 2 pixels, prepared on the server',
    value: {
      id: 'example-1',
      inputs: [
        {
          name: 'input',
          datatype: 'UINT8',
          shape: [1, 2, 2, 3],
          data: [0, 0, 0, 255, 255, 255, 255, 255, 255, 0, 0, 0],
        },
      ],
      outputs: [{ name: 'logits' }],
    },
  },
  file: {
    summary: 'A PNG image in base64; returns the two best classes as text',
    value: {
      inputs: [{ name: 'input', datatype: 'BYTES', shape: [1], data: [TINY_PNG] }],
      outputs: [{ name: 'probabilities', parameters: { classification: 2 } }],
    },
  },
  deadline: {
    summary: 'An urgent request that may wait for ten seconds; the timeout is in microseconds',
    value: {
      parameters: { timeout: 10_000_000, priority: 1 },
      inputs: [{ name: 'input', datatype: 'BYTES', shape: [1], data: [TINY_PNG] }],
    },
  },
} as const

/** Requests to `…:predict` that work with any model. */
export const PREDICT_EXAMPLES = {
  image: { summary: 'A PNG image in base64', value: { instances: [{ b64: TINY_PNG }] } },
} as const

/** A response of `/v1/classify/{model}`. */
export const CLASSIFY_EXAMPLE = {
  model: 'fashion-mnist',
  version: '1',
  answers: [{ label: 'Ankle boot', index: 9, probability: 0.9989 }],
  timing: { queueMs: 0.2, preprocessMs: 1.5, inferMs: 2.1, batchSize: 1 },
} as const
