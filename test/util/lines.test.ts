import assert from 'node:assert/strict'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'

import { linesOf, MAX_LINE_LENGTH, type Line } from '../../lib/util/lines.js'
import { useTemporaryFolder, writeFiles } from '../support/folder.js'

describe('linesOf()', () => {
  const folder = useTemporaryFolder()

  async function read(text: string): Promise<Line[]> {
    writeFiles(folder(), { 'list.txt': text })
    const lines: Line[] = []
    for await (const line of linesOf(join(folder(), 'list.txt'))) lines.push(line)
    return lines
  }

  it('ends lines at each kind of line break, and numbers them from 1', async () => {
    assert.deepEqual(await read('a\nb\r\nc\rd'), [
      { text: 'a', end: '\n', number: 1 },
      { text: 'b', end: '\r\n', number: 2 },
      { text: 'c', end: '\r', number: 3 },
      { text: 'd', end: '', number: 4 },
    ])
  })

  for (const [name, text, lines] of [
    ['nothing for an empty file', '', []],
    ['one line for a line break alone', '\n', [{ text: '', end: '\n', number: 1 }]],
    ['no line after the last line break', 'a\r', [{ text: 'a', end: '\r', number: 1 }]],
    [
      'no byte order mark',
      '\ufeffa\n\ufeffb',
      [
        { text: 'a', end: '\n', number: 1 },
        { text: '\ufeffb', end: '', number: 2 },
      ],
    ],
  ] as const) {
    it(`gives ${name}`, async () => {
      assert.deepEqual(await read(text), lines)
    })
  }

  it('takes a line break that lies across two pieces of the file as one', async () => {
    // A stream reads pieces of 64 KiB: the first ends between \r and \n.
    const first = 'x'.repeat(2 ** 16 - 1)

    assert.deepEqual(await read(`${first}\r\ny`), [
      { text: first, end: '\r\n', number: 1 },
      { text: 'y', end: '', number: 2 },
    ])
  })

  it('takes a character that lies across two pieces of the file as one', async () => {
    const first = 'x'.repeat(2 ** 16 - 2)

    assert.deepEqual((await read(`${first}😀`)).at(-1)?.text, `${first}😀`)
  })

  it(`takes a line of ${MAX_LINE_LENGTH} characters, and refuses a longer one`, async () => {
    const text = 'x'.repeat(MAX_LINE_LENGTH)

    assert.equal((await read(`a\n${text}\n`)).at(-1)?.text, text)
    await assert.rejects(read(`a\n${text}x\n`), {
      code: 'TORCH_DATASET',
      message: `${join(folder(), 'list.txt')}: Line 2: Is longer than 65536 characters`,
    })
  })

  it('does not read a long line to its end', async () => {
    const path = join(folder(), 'long.txt')
    const stream = createWriteStream(path)
    for (let piece = 0; piece < 64; piece++) stream.write('x'.repeat(2 ** 20))
    await finished(stream.end())
    const { heapUsed } = process.memoryUsage()

    await assert.rejects(linesOf(path).next(), { message: `${path}: Line 1: Is longer than 65536 characters` })

    assert.ok(process.memoryUsage().heapUsed - heapUsed < 2 ** 23)
  })

  it('refuses a file that is missing', async () => {
    await assert.rejects(linesOf('missing.txt').next(), { code: 'TORCH_DATASET', message: 'missing.txt: No such file' })
  })
})
