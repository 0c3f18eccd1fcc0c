import assert from 'node:assert/strict'

import { JsonWriter } from '../../../../packages/server/lib/oip/json_writer.js'
import { Turns } from '../../../../packages/server/lib/turns.js'

async function written(parts: readonly (Float32Array | readonly string[])[]): Promise<string> {
  const writer = new JsonWriter(new Turns())
  writer.add('{"data":')
  await writer.addArray(parts)
  writer.add('}')
  return Buffer.concat(writer.end()).toString()
}

describe('JsonWriter', () => {
  // Around the number of elements that are written at a time.
  for (const length of [0, 1, 4095, 4096, 4097, 100_000]) {
    it(`writes ${length} numbers as JSON.stringify does`, async () => {
      const numbers = Float32Array.from({ length }, (_, index) => Math.sin(index) * 10 ** ((index % 30) - 15))

      assert.equal(await written([numbers]), JSON.stringify({ data: [...numbers] }))
    })
  }

  it('writes the elements of all parts into one array', async () => {
    const text = await written([Float32Array.of(1, 2), new Float32Array(), Float32Array.of(3.5)])

    assert.equal(text, '{"data":[1,2,3.5]}')
  })

  it('writes texts with all their signs', async () => {
    const texts = Array.from({ length: 5000 }, (_, index) => `né "${index}"\n😀`)

    assert.equal(await written([texts]), JSON.stringify({ data: texts }))
  })
})
