import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'

import { flagOf, SETTING_NAMES, settingFacts, variableOf } from '../../../../packages/server/lib/setting_names.js'
import { inFolder } from '../../../support/checkpoints.js'
import { HAS_TERMINAL, napiTorch, napiTorchOnTerminal } from '../../../support/cli.js'
import { CHECKPOINT } from '../../../support/fashion_mnist.js'
import { testImages, writePng } from '../../../support/images.js'
import { ServeProcess } from '../../../support/serve_process.js'
import { skip } from '../../../support/skip.js'

async function bootOf(folder: string): Promise<string> {
  const [boot] = await testImages(1)
  assert.ok(boot)
  return writePng(join(folder, 'boot.png'), boot)
}

async function classify(url: string, model: string, file: string): Promise<Response> {
  const { readFile } = await import('node:fs/promises')
  return fetch(`${url}/v1/classify/${model}?top=1`, {
    method: 'POST',
    headers: { 'content-type': 'image/png' },
    body: await readFile(file),
  })
}

describe('napi-torch serve', function () {
  this.timeout(60_000)

  it('has a flag and a variable for every setting', async () => {
    const { stdout } = await napiTorch(['serve', '--help'])

    for (const name of SETTING_NAMES) {
      const flag = `--${settingFacts(name).default === true ? 'no-' : ''}${flagOf(name)}`
      assert.match(stdout, new RegExp(` ${flag}\\b`), flag)
      assert.equal(
        variableOf(name),
        `NAPI_TORCH_SERVE_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
      )
    }
  })

  it('prefers flags to variables, those to the file, and that to the defaults; secrets are not shown', async () => {
    await inFolder(async (folder) => {
      const config = join(folder, 'server.yaml')
      await writeFile(config, `port: 1\nmaxQueueSize: 111\ndeadlineMs: 1\nmodels: { a: ${CHECKPOINT} }\n`)
      const env = { NAPI_TORCH_SERVE_PORT: '2', NAPI_TORCH_SERVE_MAX_QUEUE_SIZE: '222', NAPI_TORCH_SERVE_TOKEN: 'hush' }

      const { stdout } = await napiTorch(['serve', '--config', config, '--port', '3', '--print-config'], { env })

      const { port, maxQueueSize, deadlineMs, maxSamples, token, models } = JSON.parse(stdout) as Record<
        string,
        unknown
      >
      assert.deepEqual([port, maxQueueSize, deadlineMs, maxSamples, token], [3, 222, 1, 64, '(hidden)'])
      assert.deepEqual(models, [{ name: 'a', checkpoint: CHECKPOINT }])
    })
  })

  it('takes models from flags, with versions or without names, and from a variable', async () => {
    const flags = ['--model', `a@7=${CHECKPOINT}`, '--model', CHECKPOINT]
    const env = { NAPI_TORCH_SERVE_MODELS: `x=${CHECKPOINT},y=${CHECKPOINT}` }

    const fromFlags = await napiTorch(['serve', ...flags, '--print-config'])
    const fromVariable = await napiTorch(['serve', '--print-config'], { env })

    const modelsOf = ({ stdout }: { readonly stdout: string }): unknown =>
      (JSON.parse(stdout) as { models: unknown }).models
    assert.deepEqual(modelsOf(fromFlags), [
      { name: 'a', version: '7', checkpoint: CHECKPOINT },
      { name: 'resnet18-fashion-mnist', checkpoint: CHECKPOINT },
    ])
    assert.deepEqual(
      modelsOf(fromVariable),
      ['x', 'y'].map((name) => ({ name, checkpoint: CHECKPOINT })),
    )
  })

  it('lets variables and the config file turn off what is on by default, as --no-page does', async () => {
    await inFolder(async (folder) => {
      const config = join(folder, 'server.yaml')
      await writeFile(config, `page: false\nmodels: { a: ${CHECKPOINT} }\n`)
      const model = ['--model', `a=${CHECKPOINT}`, '--print-config']
      const pageOf = async (args: readonly string[], env = {}): Promise<unknown> => {
        const { stdout } = await napiTorch(['serve', ...args], { env })
        return (JSON.parse(stdout) as { page: unknown }).page
      }

      assert.equal(await pageOf(model), true)
      assert.equal(await pageOf([...model, '--no-page']), false)
      assert.equal(await pageOf(model, { NAPI_TORCH_SERVE_PAGE: 'false' }), false)
      assert.equal(await pageOf(['--config', config, '--print-config']), false)
    })
  })

  it('refuses labels that do not fit with --check, without libtorch', async () => {
    await inFolder(async (folder) => {
      const [config, labels] = [join(folder, 'server.yaml'), join(folder, 'labels.txt')]
      await writeFile(labels, 'one\ntwo\n')
      await writeFile(config, `models: [{ name: a, checkpoint: ${CHECKPOINT}, labels: ${labels} }]\n`)

      const { status, stdout, stderr } = await napiTorch(['serve', '--config', config, '--check'], {
        env: { NAPI_TORCH_LIBTORCH: '/none' },
      })

      assert.deepEqual([status, stdout], [1, ''])
      assert.match(stderr, /Expected 10 labels, one a class of the model, received 2 \(TORCH_LABELS\)\n$/)
    })
  })

  it('looks at settings and checkpoints with --check, without libtorch', async () => {
    const { status, stdout } = await napiTorch(['serve', '--model', `a=${CHECKPOINT}`, '--check'], {
      env: { NAPI_TORCH_LIBTORCH: '/none' },
    })

    assert.equal(status, 0)
    assert.match(stdout, /^a +1 +resnet18Cifar, 10 classes/m)
    assert.match(stdout, /All settings and checkpoints are valid/)
  })

  const faults: readonly (readonly [string, readonly string[], Readonly<Record<string, string>>, number, RegExp])[] = [
    [
      'no model',
      [],
      {},
      2,
      /Expected a model: pass --model NAME=CHECKPOINT, --models-folder FOLDER, --config FILE with models \(default: server\.yaml\), or --demo \(TORCH_USAGE\)/,
    ],
    ['a checkpoint that is not there', ['--model', 'a=/none.pth', '--check'], {}, 1, /\/none\.pth: No such file/],
    ['a number that is none', ['--demo', '--port', 'x'], {}, 2, /Expected an integer for --port, received 'x'/],
    ['a number that is too large', ['--demo', '--port', '70000'], {}, 1, /port must be <= 65535, received 70000/],
    ['an unknown choice', ['--demo', '--dtype', 'int4'], {}, 2, /Allowed choices are float32, bfloat16/],
    [
      'a misspelled variable',
      ['--demo'],
      { NAPI_TORCH_SERVE_PROT: '1' },
      2,
      /There is no setting NAPI_TORCH_SERVE_PROT \(did you mean NAPI_TORCH_SERVE_PORT\?\) \(TORCH_USAGE\)/,
    ],
    [
      'a variable that is no number',
      ['--demo'],
      { NAPI_TORCH_SERVE_PORT: 'x' },
      2,
      /Expected an integer for NAPI_TORCH_SERVE_PORT/,
    ],
    [
      'two wrong variables',
      ['--demo'],
      { NAPI_TORCH_SERVE_PORT: 'x', NAPI_TORCH_SERVE_PAGE: 'maybe' },
      2,
      /Expected an integer for NAPI_TORCH_SERVE_PORT, received 'x'; Expected true or false for NAPI_TORCH_SERVE_PAGE, received 'maybe'/,
    ],
    [
      'an option and a variable that are wrong',
      ['--demo', '--port', '70000'],
      { NAPI_TORCH_SERVE_THREADS: '-1' },
      1,
      /Settings: 2 faults: --port: port must be <= 65535, received 70000; NAPI_TORCH_SERVE_THREADS: threads must be >= 0, received -1 \(/,
    ],
    [
      'two models of one name',
      ['--model', `a=${CHECKPOINT}`, '--model', `a=${CHECKPOINT}`],
      {},
      1,
      /received a version 1 twice/,
    ],
    ['models that everyone can unload', ['--demo', '--repository-control'], {}, 1, /Expected an adminToken/],
    ['a key without its certificate', ['--demo', '--tls-key', 'k.pem'], {}, 1, /Expected both tlsCert and tlsKey/],
    ['a config file that is not there', ['--config', '/none.yaml'], {}, 1, /\/none\.yaml: No such file/],
  ]
  for (const [what, args, env, code, message] of faults) {
    it(`refuses ${what} in one line`, async () => {
      const { status, stdout, stderr } = await napiTorch(['serve', ...args], { env })

      assert.deepEqual([status, stdout, stderr.split('\n').length], [code, '', 2], stderr)
      assert.match(stderr, message)
    })
  }

  it('names all that is wrong with a config file, each with its line', async () => {
    await inFolder(async (folder) => {
      const config = join(folder, 'server.yaml')
      await writeFile(
        config,
        `prot: 1\nmodels:\n  a: ${CHECKPOINT}\n  b: { checkpoint: b.pth, dtyp: x }\nport: 70000\n`,
      )

      const { status, stderr } = await napiTorch(['serve', '--config', 'server.yaml'], { cwd: folder })

      assert.equal(status, 1)
      assert.equal(
        stderr,
        'napi-torch: server.yaml: 3 faults: ' +
          'line 1: Expected the name of a setting, received "prot" (did you mean port?); ' +
          'line 4: Expected the name of a setting of a model under models.1, received "dtyp" (did you mean dtype?); ' +
          'line 5: port must be <= 65535, received 70000 (TORCH_INVALID_ARGUMENT)\n',
      )
    })
  })

  it('reads server.yaml of the current folder where no config is named, and says so', async () => {
    await inFolder(async (folder) => {
      await writeFile(join(folder, 'server.yaml'), `port: 4242\nmodels: { a: ${CHECKPOINT} }\n`)
      await writeFile(join(folder, 'other.yaml'), `port: 4243\nmodels: { a: ${CHECKPOINT} }\n`)

      const usual = await napiTorch(['serve', '--print-config'], { cwd: folder })
      const named = await napiTorch(['serve', '--print-config', '--config', 'other.yaml'], { cwd: folder })

      const portOf = ({ stdout }: { readonly stdout: string }): unknown =>
        (JSON.parse(stdout) as { port: unknown }).port
      assert.deepEqual([portOf(usual), usual.stderr], [4242, 'napi-torch: Reads the settings in server.yaml\n'])
      assert.deepEqual([portOf(named), named.stderr], [4243, ''])
    })
  })

  it('prints the schema of the config file, without a model', async () => {
    const { status, stdout, stderr } = await napiTorch(['serve', '--print-schema'])

    const { $schema, title } = JSON.parse(stdout) as Record<string, unknown>
    assert.deepEqual([status, stderr], [0, ''])
    assert.deepEqual([$schema, title], ['https://json-schema.org/draft/2020-12/schema', 'Settings of napi-torch serve'])
  })

  it('ends with the reason where the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { readonly port: number }

    const { status, stderr } = await napiTorch(['serve', '--demo', '--port', String(port)])

    other.close()
    assert.equal(status, 1)
    assert.match(
      stderr,
      /^napi-torch: Cannot listen on 127\.0\.0\.1, port \d+: the address is already in use \(TORCH_LISTEN\)$/m,
    )
  })

  it('ends with the reason where a model cannot be loaded', async () => {
    const { status, stderr } = await napiTorch(['serve', '--model', 'a=/none.pth', '--port', '0'])

    assert.equal(status, 1)
    assert.match(stderr, /\/none\.pth: No such file \(TORCH_FILE\)$/m)
  })

  it('answers, logs a request in one line of JSON without its contents, and ends with 0 when it is told to', async () => {
    await inFolder(async (folder) => {
      const server = await ServeProcess.start(['--demo'])

      const answer = await classify(server.url, 'fashion-mnist', await bootOf(folder))

      const { answers } = (await answer.json()) as { answers: readonly { label: string }[] }
      assert.equal(answers[0]?.label, 'Ankle boot')
      const { status, model, requestId, batch } = await server.line('request')
      assert.deepEqual([status, model, requestId, batch], [200, 'fashion-mnist', answer.headers.get('x-request-id'), 1])
      assert.equal(await server.end('SIGTERM'), 0)
    })
  })

  it('answers what is under way when SIGTERM comes', async () => {
    await inFolder(async (folder) => {
      const server = await ServeProcess.start(['--demo'])
      const boot = await bootOf(folder)
      const answers = Array.from({ length: 40 }, () => classify(server.url, 'fashion-mnist', boot))
      // The first was taken by the server; the others may be anywhere.
      await server.line('request')

      const began = performance.now()
      const ended = server.end('SIGTERM')

      const statuses = (await Promise.all(answers)).map(({ status }) => status)
      // Those that came after the signal are told so; no connection breaks.
      assert.ok(statuses.every((status) => status === 200 || status === 503) && statuses.includes(200), statuses.join())
      assert.equal(await ended, 0)
      assert.ok(performance.now() - began < 20_000, 'connections that are kept alive are not waited for')
    })
  })

  it('reloads models on SIGHUP, and keeps the old ones if that fails', async () => {
    await inFolder(async (folder) => {
      const [config, checkpoint, boot] = [join(folder, 'server.yaml'), join(folder, 'm.pth'), await bootOf(folder)]
      await copyFile(CHECKPOINT, checkpoint)
      await writeFile(config, `models: { old: m.pth }\n`)
      const server = await ServeProcess.start(['--config', config])

      await writeFile(config, `models: { old: m.pth, new: m.pth }\n`)
      server.signal('SIGHUP')
      await server.line('models reloaded')
      assert.equal((await classify(server.url, 'new', boot)).status, 200)

      await writeFile(checkpoint, 'no checkpoint')
      server.signal('SIGHUP')
      await server.line('reload failed, nothing has changed')
      assert.equal((await classify(server.url, 'old', boot)).status, 200)
      assert.equal(await server.end(), 0)
    })
  })

  it('counts and logs broken settings as JSON, and ignores SIGHUP while it shuts down', async () => {
    await inFolder(async (folder) => {
      const config = join(folder, 'server.yaml')
      await copyFile(CHECKPOINT, join(folder, 'm.pth'))
      await writeFile(config, 'models: { m: m.pth }\ndrainDelayMs: 1000\n')
      const server = await ServeProcess.start(['--config', config])

      await writeFile(config, 'models: { m: m.pth }\nprot: 1\n')
      server.signal('SIGHUP')
      await server.line('reload failed, nothing has changed')
      const metrics = await (await fetch(`${server.url}/metrics`)).text()
      assert.match(metrics, /^napi_torch_reloads_total\{result="failed"\} 1$/m)

      server.signal('SIGTERM')
      await server.line('shutting down')
      assert.equal(await server.end('SIGHUP'), 0)
    })
  })

  it('warns that everyone can use a server beyond the loopback without a token', async () => {
    const open = await ServeProcess.start(['--demo', '--host', '0.0.0.0'])
    await open.error(/Everyone who can reach 0\.0\.0\.0 can use this server; set a token to restrict access/)

    assert.equal(await open.end('SIGINT'), 0)
  })

  it('prints a log for people on a terminal', async function () {
    if (!HAS_TERMINAL) skip(this, 'there is no script of util-linux, which gives a command a terminal')
    let isInterrupted = false
    const { output } = await napiTorchOnTerminal(['serve', '--demo', '--port', '0'], {
      env: { NO_COLOR: '1' },
      onOutput: (all, type) => {
        if (isInterrupted || !all.includes('try: curl')) return
        isInterrupted = true
        type('\u0003')
      },
    })

    assert.match(output, /^\d\d:\d\d:\d\d info {2}Server listening at http:\/\/127\.0\.0\.1:\d+/m)
    assert.match(output, /ready after \d+/)
    assert.doesNotMatch(output, /"level":30/)
  })
})
