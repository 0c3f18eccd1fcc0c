import assert from 'node:assert/strict'

import { amplified } from '../../../scripts/fuzz/amplify.js'
import { Random } from '../../../scripts/fuzz/random.js'
import { Supervisor } from '../../../scripts/fuzz/supervisor.js'
import { checkpointOf, zip } from '../../support/archive.js'

const uint32 = (value: number): string => Buffer.from(Uint32Array.of(value).buffer).toString('latin1')
const text = (value: string): string => `X${uint32(value.length)}${value}`
const key = (index: number): string => `U\x06${String(index).padStart(6, '0')}`
const repeat = (count: number, one: (index: number) => string): string => Array.from({ length: count }, (_, index) => one(index)).join('') // prettier-ignore

/** A tensor of one element, remembered as number 9. */
const TENSOR = `ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x01tQK\x00)\x29\x89NtRq\x090`
const numpyText = (characters: number): string =>
  `cnumpy\ndtype\nU\x07U${String(characters).padStart(6, '0')}\x85Rq\x010cnumpy._core.multiarray\nscalar\nh\x01B${uint32(4 * characters)}${'\0'.repeat(4 * characters)}\x86R`

const archive = (pickle: string): Uint8Array => checkpointOf(Buffer.from(`\x80\x02${TENSOR}${pickle}.`, 'latin1'), { 0: new Uint8Array(4) }) // prettier-ignore
const deflated = (pickle: string): Uint8Array =>
  zip([
    { name: 'a/data.pkl', data: Buffer.from(`\x80\x02${TENSOR}${pickle}.`, 'latin1'), deflate: true },
    { name: 'a/data/0', data: new Uint8Array(4) },
    { name: 'a/version', data: '3\n' },
  ])

/** Files below 1 MB that took seconds or gigabytes. */
const HOSTILE: readonly (readonly [name: string, bytes: Uint8Array])[] = [
  ['a text of numpy that is nothing but zeros', deflated(`}U\x01a${numpyText(200_000)}s`)],
  ['a name of 40,000 dots', archive(`${text('a.'.repeat(20_000))}${text('B')}\x93`)],
  ['a module of 4,000 dots, a hundred thousand times', archive(`${text('a.'.repeat(2_000))}q\x000${text('B')}q\x010](${'h\0h\x01\x93'.repeat(150_000)}e`)],
  ['12 million lone surrogates', deflated(text(repeat(60_000, (index) => `${'\xed\xa0\x80'.repeat(200)}${(index * 7919) % 9973}`)))],
  ['260,000 short texts that are no UTF-8', deflated(`(${'U\x02\xff\xff'.repeat(260_000)}t`)],
  ['dicts that hold a shared dict under usual keys', archive(`}q\0(${repeat(20_000, (index) => `${key(index)}N`)}u0}(${repeat(40_000, (index) => `${key(index)}}U\x05modelh\0s`)}u`)],
  ['a dict that holds itself 80,000 times', archive(`}q\0(${repeat(80_000, (index) => `${key(index)}h\0`)}u`)],
  ['20,000 integers that share one place of a Map', archive(`}(${repeat(20_000, (index) => `\x8a\x0a\x01${'\0'.repeat(7)}${String.fromCharCode(index & 255, index >> 8)}N`)}u`)],
  ['one long integer under 100,000 keys', archive(`\x8b${uint32(1024)}${'\x7f'.repeat(1024)}q\x000}(U\x01wh\x09${repeat(90_000, (index) => `${key(index)}h\0`)}u`)],
  ['one long text under 80,000 keys', archive(`${text('a'.repeat(200_000))}q\x000}(U\x01wh\x09${repeat(70_000, (index) => `${key(index)}h\0`)}u`)],
  ['one dict of facts for 40,000 modules', archive(`}(${repeat(40_000, (index) => `${key(index)}N`)}uq\x000ccollections\nOrderedDict\n)R(U\x01wh\x09u}U\x09_metadata}(${repeat(40_000, (index) => `${key(index)}h\0`)}usb`)],
  ['a key of 140,000 wrappers', archive(`}${text('module.'.repeat(140_000))}h\x09s`)],
  ['one tensor under 90,000 keys', archive(`}(${repeat(90_000, (index) => `${key(index)}h\x09`)}u`)],
  ['getattr of one long text', archive(`${text('a.'.repeat(2_000))}q\x000cbuiltins\ngetattr\nq\x01](${`h\x01ca\nB\nh\0\x86R`.repeat(50_000)}e`)],
  ['one tuple of 100,000 arguments', archive(`(${'N'.repeat(100_000)}tq\x000coperator\nattrgetter\nq\x01](${'h\x01h\0R'.repeat(100_000)}e`)],
  ['one long text beside a state dict, under 60,000 keys', archive(`${text('\xed\xa0\x80'.repeat(60_000))}q\x000}(U\x05model}U\x01wh\x09s${repeat(60_000, (index) => `${key(index)}h\0`)}u`)],
  ['75,000 entries that are no tensors, deflated', deflated(`${text('\xed\xa0\x80'.repeat(150_000))}q\x000}(U\x01wh\x09${repeat(75_000, (index) => `${key(index)}h\0`)}u`)],
  ['20,000 modules that hold the one before three times', archive(`}q\x010ctorch.nn.modules.container\nSequential\nq\x020U\x0b_parametersq\x030U\x08_buffersq\x040U\x08_modulesq\x050h\x02)\x81}(h\x03h\x01h\x04h\x01h\x05h\x01ubq\x000${'h\x02)\x81}(h\x03h\x01h\x04h\x01h\x05}(U\x01ah\0U\x01bh\0U\x01ch\0uubq\x000'.repeat(20_000)}h\0`)],
] // prettier-ignore

describe('a small file that asks for much', function () {
  this.timeout(60_000)

  // While others use the same cores, CPU time too is several times as long; what these files once took is more.
  const supervisor = new Supervisor({ maxCpuMs: 2_000 })
  after(() => supervisor.close())

  for (const [name, bytes] of HOSTILE) {
    it(`is read or refused in bounded time and memory: ${name}`, async () => {
      assert.ok(bytes.length < 1_000_000, `${bytes.length} bytes`)

      const { kind, detail } = await supervisor.run({ bytes, way: 'file' })
      assert.equal(kind, 'fine', detail)
    })
  }

  it('is read or refused in bounded time and memory: 20 of those that npm run fuzz makes', async () => {
    const random = new Random(20)
    for (let left = 20; left > 0; left--) {
      const { name, bytes } = amplified(random, 100_000)

      const { kind, detail } = await supervisor.run({ bytes, way: 'file' })
      assert.equal(kind, 'fine', `${name}: ${detail}`)
    }
  })
})
