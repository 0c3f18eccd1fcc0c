import assert from 'node:assert/strict'

import { fromArray, scope } from 'napi-torch'

import { quantizeWeight } from '../../../lib/engine/quantization/weights.js'
import { itWithPython, python } from '../../support/python.js'

const TORCH = `
import json, sys, torch
values, shape = json.loads(sys.argv[1]), json.loads(sys.argv[2])
weight = torch.tensor(values, dtype=torch.float32).view(shape)
scale = weight.abs().flatten(1).amax(1) / 127
zeros = torch.zeros(shape[0], dtype=torch.int64)
integers = torch.quantize_per_channel(weight, scale, zeros, 0, torch.qint8).int_repr()
print(json.dumps([integers.flatten().tolist(), scale.double().tolist()]))
`

describe('quantizeWeight()', () => {
  itWithPython('rounds as torch.quantize_per_channel does, halves included', () => {
    const shape = [5, 3, 3, 3]
    // Quarters of the scale 1/127, many of them halfway, and others.
    const values = Array.from({ length: 135 }, (_, index) => {
      const isEven = Math.floor(index / 27) % 2 === 0
      if (index % 27 === 0) return 1
      return Math.fround(isEven ? (((index * 37) % 255) - 127) / 2 / 127 : Math.sin(index * index))
    })
    const wanted = JSON.parse(python(TORCH, [JSON.stringify(values), JSON.stringify(shape)])) as [number[], number[]]

    const [integers, scales] = scope(() => {
      const { weight, scale } = quantizeWeight(fromArray(Float32Array.from(values), shape))
      assert.deepEqual([weight.dtype, weight.shape, scale.shape], ['int8', shape, [5]])
      return [[...weight.toFloat32Array()], [...scale.toFloat32Array()]]
    })

    assert.deepEqual([integers, scales], wanted)
  })

  it('uses -127 to 127 in each channel, and 1 as the scale of a channel of zeros', () =>
    scope(() => {
      const weights = Float32Array.of(-2, 1, 0, 0, 0, 0, 0.001, 0.0005, -0.001)

      const { weight, scale } = quantizeWeight(fromArray(weights, [3, 3]))

      assert.deepEqual([...weight.toFloat32Array()], [-127, 64, 0, 0, 0, 0, 127, 64, -127])
      assert.deepEqual([...scale.toFloat32Array()], [2 / 127, 1, 0.001 / 127].map(Math.fround))
    }))
})
