import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

import type { DType } from '../../lib/util/dtype.js'
import { formatParameter, formatTensor, type FormatInput } from '../../lib/tensor/tensor_str.js'

/** A case of scripts/make_format_goldens.py. */
interface Golden {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: DType
  /** The elements, separated by blanks. */
  readonly values?: string
  /** Element i of the flattened tensor is i * step; stands in place of `values`. */
  readonly step?: number
  readonly parameter?: boolean
  readonly requiresGrad?: boolean
  readonly text: string
}

const goldens = JSON.parse(
  readFileSync(new URL('../goldens/format.json', import.meta.url), 'utf8'),
) as readonly Golden[]

describe('formatTensor()', () => {
  for (const golden of goldens.filter(({ parameter }) => parameter !== true)) {
    it(`prints ${golden.name} as PyTorch does`, () => {
      assert.equal(formatTensor(inputOf(golden)), golden.text)
    })
  }

  it('names the device unless it is the CPU', () => {
    const input = gridInput({ shape: [2], dtype: 'float16', device: 'cuda:1' }, (index) => index)

    assert.equal(formatTensor(input), "tensor([0., 1.], device='cuda:1', dtype=torch.float16)")
  })

  it('names the device of an empty tensor before its size', () => {
    const input = gridInput({ shape: [0, 3], dtype: 'int64', device: 'cuda:0' }, (index) => index)

    assert.equal(formatTensor(input), "tensor([], device='cuda:0', size=(0, 3), dtype=torch.int64)")
  })

  it('takes bools that are stored as 0 and 1', () => {
    const input = gridInput({ shape: [2], dtype: 'bool', device: 'cpu' }, (index) => index)

    assert.equal(formatTensor(input), 'tensor([False,  True])')
  })

  it('reads six elements per dimension of a tensor of 100 million', () => {
    const touched: number[] = []
    const input = gridInput({ shape: [10_000, 10_000], dtype: 'int64', device: 'cpu' }, (index) => {
      touched.push(index)
      return BigInt(index)
    })

    const text = formatTensor(input)

    assert.equal(touched.length, 36)
    assert.match(text, /99999997, 99999998, 99999999\]\]\)$/)
  })
})

describe('formatParameter()', () => {
  for (const golden of goldens.filter(({ parameter }) => parameter === true)) {
    it(`prints ${golden.name} as PyTorch does`, () => {
      assert.equal(formatParameter(inputOf(golden)), golden.text)
    })
  }
})

type Element = number | bigint | boolean

function inputOf({ shape, dtype, values, step = 1, requiresGrad }: Golden): FormatInput {
  const words = values?.split(' ')
  return gridInput({ shape, dtype, device: 'cpu', requiresGrad }, (index) => {
    if (words === undefined) return dtype === 'int64' ? BigInt(index * step) : index * step
    const word = words[index]
    assert.notEqual(word, undefined)
    if (dtype === 'bool') return word === 'True'
    return dtype === 'int64' ? BigInt(String(word)) : Number(word)
  })
}

/** A tensor whose element at a flat row-major index is computed when it is read. */
function gridInput(head: Omit<FormatInput, 'gather'>, elementAt: (index: number) => Element): FormatInput {
  return {
    ...head,
    gather(indices) {
      const flat = indices.reduce<number[]>(
        (starts, list, dim) => starts.flatMap((start) => list.map((index) => start * (head.shape[dim] ?? 0) + index)),
        [0],
      )
      return flat.map(elementAt)
    },
  }
}
