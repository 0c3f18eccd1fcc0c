import assert from 'node:assert/strict'
import { readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { skip } from '../../../support/skip.js'
import { CHECKPOINT } from '../../../support/fashion_mnist.js'
import { ESCAPE, HAS_TERMINAL, napiTorch, napiTorchOnTerminal, type Ended } from '../../../support/cli.js'
import { useJobs } from '../support/setup.js'

/** Makes the import of a package fail. */
const WITHOUT = (name: string): string => {
  const resolve = `export async function resolve(name, context, next) {
    if (name === '${name}') throw Object.assign(new Error("Cannot find package '${name}'"), { code: 'ERR_MODULE_NOT_FOUND' })
    return next(name, context)
  }`
  const hooks = `data:text/javascript,${encodeURIComponent(resolve)}`
  const register = `import { register } from 'node:module'; register(${JSON.stringify(hooks)})`
  return `--import=data:text/javascript,${encodeURIComponent(register)}`
}

describe('napi-torch jobs', function () {
  this.timeout(60_000)
  const jobs = useJobs()

  function run(...args: readonly string[]): Promise<Ended> {
    return napiTorch(['jobs', ...args], { env: { NAPI_TORCH_REDIS_URL: jobs().redis.url } })
  }

  async function done(...args: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await run(...args)
    assert.equal(status, 0, stderr)
    return stdout
  }

  it('submits, computes, reports and merges', async () => {
    const { source, out, redis } = jobs()

    const submitted = await done('submit', source, '--model', CHECKPOINT, '--out', out, '--chunk-size', '10')
    const before = await done('status', out)
    const worked = await run('work', '--until-done', '--threads', '1')
    const after = await done('status')
    const merged = await done('merge', out)

    const [id = ''] = /[0-9a-f]{32}/.exec(submitted) ?? []
    assert.equal(
      submitted,
      `Run ${id}\n25 images in 3 chunks, 3 of them added to the queue\nnapi-torch jobs status ${out}\n`,
    )
    assert.match(before, /0 %\s+0 of 25 images\nchunks: 0 done, 0 active, 3 waiting, 0 failed\n/)
    assert.match(worked.stdout, /^3 chunks, 25 images in /)
    assert.match(worked.stderr, new RegExp(`^Worker \\S+ takes chunks of queue images from ${redis.url}\n`))
    assert.match(worked.stderr, new RegExp(`^${id.slice(0, 8)} chunk 2 5 images in .*/s\\)$`, 'm'))
    assert.match(after, new RegExp(`${id} finished`))
    assert.match(after, /100 %\s+25 of 25 images\nchunks: 3 done, 0 active, 0 waiting, 0 failed\n/)
    assert.equal(merged, `25 images, each exactly once: ${join(out, 'results.jsonl')}\n`)
    assert.equal((await readFile(join(out, 'results.jsonl'), 'utf8')).split('\n').length, 26)
  })

  it('prints JSON', async () => {
    const { source, out } = jobs()

    const submission = JSON.parse(await done('submit', source, '--model', CHECKPOINT, '--out', out, '--json')) as object
    const work = await run('work', '--until-done', '--json')
    const status = JSON.parse(await done('status', '--json')) as { runs: readonly object[] }
    const merged = JSON.parse(await done('merge', out, '--json')) as object
    const retried = JSON.parse(await done('retry', out, '--json')) as object
    const cancelled = JSON.parse(await done('cancel', out, '--json')) as object

    const { run: id } = submission as { run: string }
    assert.deepEqual(submission, { run: id, images: 25, chunks: 1, added: 1, isKnown: false, warnings: [] })
    const events = work.stderr.trimEnd().split('\n')
    assert.deepEqual(
      events.map((line) => (JSON.parse(line) as { type: string }).type),
      ['ready', 'chunk'],
    )
    assert.equal((JSON.parse(work.stdout) as { images: number }).images, 25)
    assert.equal(status.runs.length, 1)
    const results = join(out, 'results.jsonl')
    assert.deepEqual(merged, { run: id, results, features: null, images: 25, errors: {} })
    assert.deepEqual(retried, { run: id, failed: 0, reopened: 0, added: 0 })
    assert.deepEqual(cancelled, { run: id, removed: 0 })
  })

  it('tells a run that was submitted before', async () => {
    const { source, out } = jobs()
    const args = ['submit', source, '--model', CHECKPOINT, '--out', out]
    await done(...args)

    assert.match(await done(...args), /^Run [0-9a-f]{32}, submitted before\n25 images in 1 chunk, 0 of them added/)
  })

  it('ends status with 1 if chunks have failed, and tells how to retry them', async () => {
    const { source, out } = jobs()
    await done('submit', source, '--model', CHECKPOINT, '--out', out, '--attempts', '1')
    await rename(source, `${source}-elsewhere`)

    const worked = await run('work', '--until-done')
    const told = await run('status')
    await rename(`${source}-elsewhere`, source)
    const retried = await done('retry', out)

    assert.equal(worked.status, 1)
    assert.match(worked.stderr, new RegExp(`napi-torch: ${source}: No such folder \\(TORCH_SOURCE_UNAVAILABLE\\)\n$`))
    assert.equal(told.status, 1)
    assert.match(told.stdout, new RegExp(`failed chunks: 1 × TORCH_SOURCE_UNAVAILABLE; napi-torch jobs retry ${out}\n`))
    assert.equal(retried, '1 chunk added to the queue: 1 had failed, 0 will be computed again\n')
  })

  it('counts failed images by code, and retries them on request', async () => {
    const { source, out, paths } = jobs()
    await done('submit', source, '--model', CHECKPOINT, '--out', out)
    await rm(paths[0] ?? '')
    const { stdout } = await run('work', '--until-done')

    assert.match(stdout, /, 1 image failed\n$/)
    assert.match(await done('status'), /failed images: 1 × TORCH_FILE\n/)
    assert.match(await done('merge', out), /\n1 image failed: TORCH_FILE\n$/)
    assert.match(await done('retry', out, '--errors', 'TORCH_FILE'), /^1 chunk added/)
  })

  it('finishes its chunk at SIGTERM, and ends with 0', async () => {
    const { source, out, redis } = jobs()
    await done('submit', source, '--model', CHECKPOINT, '--out', out, '--chunk-size', '1')

    const { status, stderr } = await napiTorch(['jobs', 'work', '--redis', redis.url, '--concurrency', '1'], {
      onStart: (child) => child.stderr?.on('data', (text: string) => text.includes('chunk 0') && child.kill('SIGTERM')),
    })

    assert.equal(status, 0, stderr)
    const told = await done('status')
    assert.match(told, /0 active/)
    assert.doesNotMatch(told, /25 done/)
  })

  it('cancels a run', async () => {
    const { source, out } = jobs()
    await done('submit', source, '--model', CHECKPOINT, '--out', out, '--chunk-size', '5')

    assert.equal(await done('cancel', out), '5 chunks removed from the queue\n')
    assert.match(await done('status'), /cancelled/)
  })

  it('watches a run with a bar until it is finished', async function () {
    if (!HAS_TERMINAL) skip(this, 'there is no script of util-linux, which gives a command a terminal')
    const { source, out, redis } = jobs()
    await done('submit', source, '--model', CHECKPOINT, '--out', out, '--chunk-size', '5')
    const env = { NAPI_TORCH_REDIS_URL: redis.url }

    const watching = napiTorchOnTerminal(['jobs', 'status', out, '--watch'], { env })
    await done('work', '--until-done')
    const { status, output } = await watching

    assert.equal(status, 0, output)
    assert.match(output, /of 25 images · .* images\/s · \d worker/)
    assert.ok(output.includes(`${ESCAPE}?25h`), 'the cursor is not shown again')
    assert.match(output, /finished/)
  })

  it('merges without loading BullMQ', async () => {
    const { source, out } = jobs()
    await done('submit', source, '--model', CHECKPOINT, '--out', out)
    await done('work', '--until-done')

    const { status, stderr } = await napiTorch(['jobs', 'merge', out], { env: { NODE_OPTIONS: WITHOUT('bullmq') } })

    assert.equal(status, 0, stderr)
  })

  for (const [args, message] of [
    [['submit', '--model', 'm.pth', '--out', 'out'], /Missing required argument 'source'/],
    [['submit', 'images'], /Required option '--model <checkpoint>' not specified/],
    [['work', '--metrics', 'here'], /Expected a port, or host:port/],
    [['work', '--concurrency', '0'], /Expected a positive integer/],
    [['retry', 'out', '--errors', 'file'], /Expected codes such as TORCH_FILE/],
    [['cancel'], /Missing required argument 'run'/],
    [['finish'], /Unknown command 'finish'/],
  ] as const) {
    it(`refuses jobs ${args.join(' ')}`, async () => {
      const { status, stdout, stderr } = await run(...args)

      assert.deepEqual([status, stdout], [2, ''])
      assert.match(stderr, message)
      const help = args[0] === 'finish' ? 'jobs' : `jobs ${args[0]}`
      assert.ok(stderr.endsWith(`see napi-torch ${help} --help (TORCH_USAGE)\n`), stderr)
    })
  }

  it('prints its commands where none is named', async () => {
    const { status, stderr } = await run()

    assert.equal(status, 2)
    for (const name of ['submit', 'work', 'status', 'retry', 'cancel', 'merge'])
      assert.match(stderr, new RegExp(`^  ${name} `, 'm'))
  })
})
