import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import {
  compile,
  loadQuantized,
  manualSeed,
  quantize,
  randn,
  readCheckpoint,
  resnet18Cifar,
  saveQuantized,
  saveSafetensors,
  scope,
  tensor,
  zeros,
  type Module,
  type QuantizedModel,
  type Tensor,
} from 'napi-torch'

import { Branches, SAMPLE, smallModel } from '../../support/engines.js'
import { useTemporaryFolder } from '../../support/folder.js'
import { applied, conv, randomizeNorms } from '../../support/graphs.js'
import { assertTensorEqual } from '../../support/numeric.js'

const METADATA = 'napi-torch.quantized'

async function quantized(make: () => Module, input: readonly number[]): Promise<QuantizedModel> {
  manualSeed(2n)
  const model = randomizeNorms(make().eval())
  const made = await quantize(model, { input, calibrate: [randn([4, ...input])] })
  model.dispose()
  return made
}

async function run(model: QuantizedModel, batch: Tensor): Promise<Tensor> {
  const engine = await compile(model, { warmup: false })
  try {
    return await engine.run(batch)
  } finally {
    await engine.close()
  }
}

const NETS = [
  { name: 'a small model', make: smallModel, input: SAMPLE },
  { name: 'resnet18Cifar', make: () => resnet18Cifar(), input: [3, 32, 32] },
  { name: 'a model with other operators', make: () => new Branches(), input: SAMPLE },
  {
    name: 'a model with constants and infinite literals',
    make: () => {
      const [one, two] = [conv(3, 4), conv(4, 4)]
      const shift = tensor([0.5, 1, 2, 3]).view([4, 1, 1])
      return applied((x) => two.forward(one.forward(x).mul(shift).clamp({ min: -Infinity, max: 3 })), { one, two })
    },
    input: SAMPLE,
  },
]

describe('saveQuantized() and loadQuantized()', () => {
  const folder = useTemporaryFolder()

  for (const { name, make, input } of NETS) {
    it(`keep ${name}: every output is the same`, async () => {
      await scope(async () => {
        const path = join(folder(), 'model.safetensors')
        const model = await quantized(make, input)
        const batch = randn([3, ...input])
        const wanted = await run(model, batch)

        await saveQuantized(path, model)
        model.dispose()
        const loaded = await loadQuantized(path)

        assert.deepEqual([loaded.inputShape, loaded.outputShape], [input, wanted.shape.slice(1)])
        assertTensorEqual(await run(loaded, batch), wanted)
        loaded.dispose()
      })
    })
  }

  it('write the same bytes for a model that was loaded, also from bytes', async () => {
    await scope(async () => {
      const [first, second] = [join(folder(), 'first'), join(folder(), 'second')]
      await saveQuantized(first, await quantized(smallModel, SAMPLE))

      await saveQuantized(second, await loadQuantized(await readFile(first)))

      assert.deepEqual(await readFile(second), await readFile(first))
    })
  })

  it('name tensors after the layers, in a file that any reader of safetensors opens', async () => {
    await scope(async () => {
      const path = join(folder(), 'model.safetensors')
      const model = await quantized(smallModel, SAMPLE)

      await saveQuantized(path, model)

      const { root } = await readCheckpoint(path)
      assert.ok(root instanceof Map)
      const names = [...root.keys()].sort()
      assert.deepEqual(names, ['0.bias', '0.weight', '0.weight_scale', '5.bias', '5.weight'])
      assert.ok(model.nbytes < (await readFile(path)).length)
    })
  })

  it('refuse what is no quantized model', async () => {
    await scope(async () => {
      const path = join(folder(), 'plain.safetensors')
      await saveSafetensors(path, new Map([['weight', zeros([2])]]))

      await assert.rejects(loadQuantized(path), {
        code: 'TORCH_CHECKPOINT_FORMAT',
        message: `${path}: Is not a quantized model, as saveQuantized() writes it`,
      })
      await assert.rejects(saveQuantized(path, smallModel() as unknown as QuantizedModel), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a QuantizedModel for model, received an instance of Sequential',
      })
    })
  })

  it('refuse a file that was cut off anywhere, and leave nothing', async () => {
    await scope(async () => {
      const path = join(folder(), 'model.safetensors')
      await saveQuantized(path, await quantized(smallModel, SAMPLE))
      const bytes = await readFile(path)

      for (let length = 0; length < bytes.length; length += 97) {
        await assert.rejects(loadQuantized(bytes.subarray(0, length)), { name: 'CheckpointError' }, `${length} bytes`)
      }
    })
  })

  it('refuse a missing file', async () => {
    const path = join(folder(), 'missing')

    await assert.rejects(loadQuantized(path), { code: 'TORCH_FILE' })
  })

  describe('refuse a file', () => {
    interface Json {
      version: number
      values: { shape: number[]; dtype: string; bytes: { scale: number; zeroPoint: number } | null }[]
      input: unknown
      output: unknown
      nodes: Record<string, unknown>[]
    }
    interface Hostile {
      readonly what: string
      readonly change: (json: Json) => void
      readonly code?: string
      readonly message: string
    }

    const node = (json: Json, index: number): Record<string, unknown> => json.nodes[index] ?? {}
    const value = (json: Json, index: number): Json['values'][number] => {
      const found = json.values[index]
      assert.ok(found)
      return found
    }
    // Nodes of the small model: conv2d, maxPool2d, reshape, linear.
    const rows: readonly Hostile[] = [
      {
        what: 'of a newer version',
        change: (json) => (json.version = 2),
        code: 'TORCH_CHECKPOINT_UNSUPPORTED',
        message: 'The graph has version 2, and this package reads 1',
      },
      {
        what: 'without a version',
        change: (json) => (json.version = 0),
        message: 'Expected 1 for version of the graph, received 0',
      },
      {
        what: 'whose nodes are no list',
        change: (json) => Object.assign(json, { nodes: { length: 1e9 } }),
        message: 'Expected a list of at most 100000 items for nodes of the graph, received an object',
      },
      {
        what: 'with a shape of another batch',
        change: (json) => (value(json, 0).shape = [1, 3, 8, 8]),
        message:
          'Expected a shape (2, ...) of at most 2^32 elements for values[0].shape of the graph, received [1, 3, 8, 8]',
      },
      {
        what: 'with a shape that fills any memory',
        change: (json) => (value(json, 0).shape = [2, 2 ** 40, 2 ** 40]),
        message:
          'Expected a shape (2, ...) of at most 2^32 elements for values[0].shape of the graph, ' +
          'received [2, 1099511627776, 1099511627776]',
      },
      {
        what: 'with an unknown dtype',
        change: (json) => (value(json, 0).dtype = 'complex64'),
        message: 'Expected a dtype for values[0].dtype of the graph, received "complex64"',
      },
      {
        what: 'with a scale of 0',
        change: (json) => (value(json, 0).bytes = { scale: 0, zeroPoint: 0 }),
        message: 'Expected a number above 0 for values[0].bytes.scale of the graph, received 0',
      },
      {
        what: 'with a zero point that is no byte',
        change: (json) => (value(json, 0).bytes = { scale: 1, zeroPoint: 256 }),
        message: 'Expected an integer from 0 to 255 for values[0].bytes.zeroPoint of the graph, received 256',
      },
      {
        what: 'with an unknown node',
        change: (json) => (node(json, 0)['kind'] = 'constructor'),
        message: 'Expected a kind of node for nodes[0].kind of the graph, received "constructor"',
      },
      {
        what: 'whose node reads what is not made yet',
        change: (json) => (node(json, 0)['input'] = json.output),
        message: 'Expected a value that a node before has made for nodes[0].input of the graph, received 4',
      },
      {
        what: 'whose node makes what there is',
        change: (json) => (node(json, 0)['outputs'] = [0]),
        message: 'Expected a value that no node before has made for nodes[0].outputs of the graph, received 0',
      },
      {
        what: 'whose node makes nothing',
        change: (json) => (node(json, 0)['outputs'] = []),
        message: 'Expected one value for nodes[0].outputs of the graph, received []',
      },
      {
        what: 'with an index that is no number',
        change: (json) => (json.output = '__proto__'),
        message: 'Expected the index of a value for output of the graph, received "__proto__"',
      },
      {
        what: 'with the name of no tensor',
        change: (json) => (node(json, 0)['weight'] = '0.weights'),
        message: 'Expected the name of a tensor of the file for nodes[0].weight of the graph, received "0.weights"',
      },
      {
        what: 'with a step of 0',
        change: (json) => (node(json, 0)['stride'] = [0, 1]),
        message: 'Expected two integers of at least 1 for nodes[0].stride of the graph, received [0, 1]',
      },
      {
        what: 'with padding past any image',
        change: (json) => (node(json, 0)['padding'] = [1e9, 1]),
        message: 'Expected two integers of at least 0 for nodes[0].padding of the graph, received [1000000000, 1]',
      },
      {
        what: 'with groups that do not fit',
        change: (json) => (node(json, 0)['groups'] = 3),
        message: 'Expected inputs that fit each other and the constants for nodes[0] of the graph',
      },
      {
        what: 'with another weight',
        change: (json) => (node(json, 0)['weight'] = '5.weight'),
        message: 'Expected a bias for each output channel for nodes[0] of the graph',
      },
      {
        what: 'whose integers have no scale',
        change: (json) => delete node(json, 0)['weightScale'],
        message: 'Expected a weight of the dtype of the input for nodes[0] of the graph',
      },
      {
        what: 'whose layer reads no bytes',
        change: (json) => (value(json, 0).bytes = null),
        message: 'Expected values that have bytes for nodes[0] of the graph, received "values[0]"',
      },
      {
        what: 'whose pooling makes another size',
        change: (json) => (node(json, 1)['stride'] = [1, 1]),
        message: 'Expected an output float32 (2, 8, 7, 7) for nodes[1] of the graph',
      },
      {
        what: 'whose reshape makes elements',
        change: (json) => (value(json, 3).shape = [2, 1280]),
        message: 'Expected inputs that fit each other and the constants for nodes[2] of the graph',
      },
      {
        what: 'that asks for any operator',
        change: (json) => (json.nodes[2] = { ...node(json, 2), kind: 'aten', schema: 'aten::from_file', args: [] }),
        message: 'Expected an operator that graphs have for nodes[2].schema of the graph, received "aten::from_file"',
      },
      {
        what: 'with tensors that nothing uses',
        change: (json) => (node(json, 0)['bias'] = null),
        message: 'Expected tensors that the graph uses for the file of the graph, received "0.bias"',
      },
    ]
    for (const { what, change, code = 'TORCH_CHECKPOINT_CORRUPT', message } of rows) {
      it(what, async () => {
        await scope(async () => {
          const path = join(folder(), 'hostile.safetensors')
          await saveQuantized(path, await quantized(smallModel, SAMPLE))
          await rewrite(path, (text) => {
            const json = JSON.parse(text) as Json
            change(json)
            return JSON.stringify(json)
          })

          await assert.rejects(loadQuantized(path), { code, message: `${path}: ${message}` })
        })
      })
    }

    it('whose graph is no JSON', async () => {
      await scope(async () => {
        const path = join(folder(), 'hostile.safetensors')
        await saveQuantized(path, await quantized(smallModel, SAMPLE))
        await rewrite(path, () => '{"version":1,')

        await assert.rejects(loadQuantized(path), {
          code: 'TORCH_CHECKPOINT_CORRUPT',
          message: `${path}: Expected JSON for the graph`,
        })
      })
    })
  })

  it('survive every change of one byte: the file is refused, or a model that runs or says why not', async () => {
    await scope(async () => {
      const path = join(folder(), 'model.safetensors')
      await saveQuantized(path, await quantized(smallModel, SAMPLE))
      const bytes = await readFile(path)
      const batch = randn([2, ...SAMPLE])

      for (let at = 0; at < bytes.length; at += 23) {
        const changed = Buffer.from(bytes)
        changed.writeUInt8((changed.readUInt8(at) + 1 + (at % 7)) % 256, at)
        try {
          const model = await loadQuantized(changed)
          if (String(model.inputShape) === String(SAMPLE)) (await run(model, batch)).dispose()
          model.dispose()
        } catch (error) {
          assert.match((error as { code?: string }).code ?? '', /^TORCH_/, `byte ${at}: ${String(error)}`)
        }
      }
    })
  })
})

/** Changes the text of the graph in a file. */
async function rewrite(path: string, change: (text: string) => string): Promise<void> {
  const bytes = await readFile(path)
  const length = Number(bytes.readBigUInt64LE())
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as { __metadata__: Record<string, string> }
  header.__metadata__[METADATA] = change(header.__metadata__[METADATA] ?? '')
  const made = Buffer.from(JSON.stringify(header))
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(made.length))
  await writeFile(path, Buffer.concat([size, made, bytes.subarray(8 + length)]))
}
