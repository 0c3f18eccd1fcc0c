import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

import { readCheckpoint, type TorchError } from 'napi-torch'

import { programPath } from '../../support/exported.js'

/** A file whose program says something else in as many bytes: entries are stored, and their CRCs are not looked at. */
function changed(name: string, from: string, to: string): Buffer {
  const bytes = readFileSync(programPath(name))
  const at = bytes.indexOf(from)
  assert.ok(at >= 0 && from.length === to.length, `${from} is not in ${name}`)
  bytes.write(to, at, 'latin1')
  return bytes
}

const HOSTILE: readonly (readonly [title: string, from: string, to: string, code: string, text: RegExp])[] = [
  [
    'a cycle of nodes',
    '"self","arg":{"as_tensor":{"name":"linear"}}',
    '"self","arg":{"as_tensor":{"name":"relu"  }}',
    'TORCH_CHECKPOINT_CORRUPT',
    /made before they are read, not "relu", for .*nodes\[1\]\.inputs\[0\]/,
  ],
  [
    'a tensor that is larger than its bytes',
    '"sizes": [{"as_int": 3}, {"as_int": 4}]',
    '"sizes": [{"as_int": 9}, {"as_int": 9}]',
    'TORCH_CHECKPOINT_CORRUPT',
    /reaches outside its storage/,
  ],
  [
    'another version of the schema',
    '"schema_version":{"major":8',
    '"schema_version":{"major":9',
    'TORCH_CHECKPOINT_UNSUPPORTED',
    /has version 9\.\d+ of the schema, expected 8/,
  ],
  [
    'a kind of argument that is not known',
    '{"as_tensor":{"name":"linear"}},"kind"',
    '{"as_tensoR":{"name":"linear"}},"kind"',
    'TORCH_CHECKPOINT_UNSUPPORTED',
    /an argument of the kind as_tensoR/,
  ],
]

describe('readCheckpoint() of a program', () => {
  it('gives its parameters as the state dict, and its graph', async () => {
    const { format, root, program } = await readCheckpoint(programPath('fixed'))

    assert.equal(format, 'pt2')
    assert.deepEqual([...(root as Map<string, unknown>).keys()], ['0.weight', '0.bias'])
    assert.deepEqual(
      program?.nodes.map(({ target }) => target),
      ['torch.ops.aten.linear.default', 'torch.ops.aten.relu.default'],
    )
  })

  for (const [title, from, to, code, text] of HOSTILE) {
    it(`refuses ${title}`, async () => {
      await assert.rejects(readCheckpoint(changed('fixed', from, to)), (error: TorchError) => {
        assert.equal(error.code, code)
        assert.match(error.message, text)
        return true
      })
    })
  }

  it('stops past the limit programNodes', async () => {
    const limits = { programNodes: 1 }

    await assert.rejects(readCheckpoint(programPath('fixed'), { limits }), {
      code: 'TORCH_CHECKPOINT_LIMIT',
      message: /has 2 nodes, more than the limit programNodes of 1/,
    })
  })
})
