import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, readdir, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { merge, retry, status } from '@napi-torch/jobs'

import { skip } from '../../../support/skip.js'
import { predictionsHere, countDifferences, readRows } from '../support/results.js'
import { useJobs } from '../support/setup.js'

/** Space for the list and some chunks, and for the file that fills the disk. */
const DISK = '512k'

describe('A full disk', function () {
  this.timeout(60_000)
  let out = ''
  // Before the folder that holds it goes.
  afterEach(() => {
    if (out !== '') spawnSync('umount', ['--lazy', out])
  })
  const jobs = useJobs()

  beforeEach(async function () {
    ;({ out } = jobs())
    await mkdir(out)
    const { status: code, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', out], {
      encoding: 'utf8',
    })
    if (code === 0) return
    out = ''
    skip(this, `a small disk cannot be mounted here: ${stderr.trim()}`)
  })

  /** Fills the disk. Returns a function that makes space again. */
  async function fill(): Promise<() => Promise<void>> {
    const { bavail, bsize } = await statfs(out)
    const ballast = join(out, 'ballast')
    await writeFile(ballast, Buffer.alloc(bavail * bsize))
    return () => rm(ballast)
  }

  it('makes a chunk fail with a code and leaves no partial file, until there is space', async () => {
    const { submit, work, redis, paths } = jobs()
    await submit({ attempts: 1 })
    const makeRoom = await fill()

    const { events } = await work()

    const failures = events.flatMap((event) => (event.type === 'failed' ? [event.message] : []))
    assert.equal(failures.length, 3)
    assert.match(failures[0] ?? '', /0000000\d\.jsonl: No space is left to write it \(TORCH_DISK_FULL\)$/)
    assert.deepEqual(await readdir(join(out, 'chunks')), [])
    const [run] = (await status({ redis: redis.url })).runs
    assert.deepEqual([run?.state, run?.failures], ['failed', { TORCH_DISK_FULL: 3 }])

    await makeRoom()
    await retry(out, { redis: redis.url })
    await work()
    assert.equal(countDifferences(readRows((await merge(out)).results), await predictionsHere(paths)), 0)
  })

  it('is retried after a while, up to the given number of attempts', async () => {
    const { submit, work } = jobs()
    await submit({ attempts: 2 })
    const makeRoom = await fill()
    let failed = 0

    const { events } = await work({
      onEvent: ({ type }) => {
        if (type === 'failed' && ++failed === 3) void makeRoom()
      },
    })

    assert.deepEqual([failed, events.length], [3, 0])
    assert.equal((await merge(out)).images, 25)
  })

  it('makes a submit fail that cannot write its list, and leaves no file', async () => {
    const { submit } = jobs()
    await mkdir(join(out, 'chunks'))
    await fill()

    await assert.rejects(submit(), { code: 'TORCH_DISK_FULL' })
    assert.deepEqual((await readdir(out)).sort(), ['ballast', 'chunks'])
  })

  it('makes a merge fail, and leaves no partial result', async () => {
    const { submit, work } = jobs()
    await submit()
    await work()
    await fill()

    await assert.rejects(merge(out), {
      code: 'TORCH_DISK_FULL',
      message: `${join(out, 'results.jsonl')}: No space is left to write it`,
    })
    assert.deepEqual(
      (await readdir(out)).filter((name) => name.includes('results')),
      [],
    )
  })
})
