import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { ESCAPE, HAS_TERMINAL, LOGGING_IMPORTS, napiTorch, napiTorchOnTerminal } from '../support/cli.js'
import { CHECKPOINT } from '../support/fashion_mnist.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const OLD_NODE = fileURLToPath(new URL('../support/old_node.ts', import.meta.url))
const COMMANDS = ['demo', 'inspect', 'convert', 'classify', 'evaluate', 'doctor', 'install-libtorch']

const { version: VERSION } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }

/** A libtorch that cannot be opened: opening it fails. */
const NO_LIBTORCH = { NAPI_TORCH_LIBTORCH: join(ROOT, 'no-libtorch-here') }

describe('napi-torch', function () {
  this.timeout(20_000)

  it('prints its version and that of libtorch', async () => {
    const { status, stdout, stderr } = await napiTorch(['--version'])

    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
    const [own, libtorch, ...others] = stdout.split('\n')
    assert.equal(own, `napi-torch ${VERSION}`)
    assert.match(libtorch ?? '', /^libtorch 2\.13\.0 \(\w+\) in \S+$/)
    assert.deepEqual(others, [''])
  })

  it('prints its version where there is no libtorch', async () => {
    assert.deepEqual(await napiTorch(['classify', '--version'], { env: NO_LIBTORCH }), {
      status: 0,
      signal: null,
      stdout: `napi-torch ${VERSION}\nlibtorch not found; napi-torch doctor says why\n`,
      stderr: '',
    })
  })

  for (const [version, args] of [
    ['18.20.8', ['doctor']],
    ['20.18.3', ['serve', '--help']],
    ['16.20.2', ['--version']],
  ] as const) {
    it(`says in one sentence that Node.js ${version} is too old, and imports nothing`, async () => {
      const env = { NAPI_TORCH_TEST_NODE: version, NODE_OPTIONS: LOGGING_IMPORTS }
      const { status, stdout, stderr } = await napiTorch(args, { main: OLD_NODE, env })

      const message = `Expected Node.js 20.19 or newer, received ${version}; install it from https://nodejs.org`
      const imported = [...stderr.matchAll(/^imported .*\/lib\/(.*\.ts)\n/gm)].map(([, name]) => name)
      assert.deepEqual({ status, stdout }, { status: 3, stdout: '' })
      assert.deepEqual(imported, ['cli/main.ts'])
      assert.equal(stderr.replace(/^imported .*\n/gm, ''), `napi-torch: ${message} (TORCH_PLATFORM)\n`)
    })
  }

  for (const version of ['20.19.0', '21.0.0', '26.1.0']) {
    it(`runs on Node.js ${version}`, async () => {
      const env = { NAPI_TORCH_TEST_NODE: version }
      const { status, stderr } = await napiTorch(['--help'], { main: OLD_NODE, env })

      assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
    })
  }

  it('lists its commands in the help, without libtorch', async () => {
    const { status, stdout, stderr } = await napiTorch(['--help'], { env: NO_LIBTORCH })

    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
    for (const command of COMMANDS) assert.match(stdout, new RegExp(`^ {2}${command}\\b`, 'm'))
  })

  for (const command of COMMANDS) {
    it(`prints the help of ${command}, without libtorch`, async () => {
      const { status, stdout, stderr } = await napiTorch([command, '--help'], { env: NO_LIBTORCH })

      assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
      assert.match(stdout, new RegExp(`^Usage: napi-torch ${command}\\b`))
    })
  }

  it('prints its help as an error when no command is named', async () => {
    const { status, stdout, stderr } = await napiTorch([])

    assert.deepEqual({ status, stdout }, { status: 2, stdout: '' })
    assert.match(stderr, /^Usage: napi-torch <command> \[options\]\n/)
  })

  const misuses: readonly (readonly [string, readonly string[], string])[] = [
    ['an unknown command', ['frobnicate'], "Unknown command 'frobnicate'; see napi-torch --help"],
    [
      'a misspelled command',
      ['inspct', 'x'],
      "Unknown command 'inspct' (Did you mean inspect?); see napi-torch --help",
    ],
    [
      'an unknown option',
      ['inspect', 'x', '--jsn'],
      "Unknown option '--jsn' (Did you mean --json?); see napi-torch inspect --help",
    ],
    ['a missing argument', ['inspect'], "Missing required argument 'file'; see napi-torch inspect --help"],
    [
      'too many arguments',
      ['inspect', 'x', 'y'],
      "Too many arguments for 'inspect'. Expected 1 argument but got 2; see napi-torch inspect --help",
    ],
    [
      'a number that is none',
      ['classify', 'x', 'y', '--top', '0'],
      "Option '--top <k>' argument '0' is invalid. Expected a positive integer; see napi-torch classify --help",
    ],
    [
      'a device that is none',
      ['evaluate', 'x', 'y', '--device', 'gpu'],
      "Option '--device <device>' argument 'gpu' is invalid. Expected cpu, cuda or cuda:N; see napi-torch evaluate --help",
    ],
    [
      'a flavor that is not offered',
      ['install-libtorch', '--flavor', 'rocm'],
      "Option '--flavor <name>' argument 'rocm' is invalid. Allowed choices are cpu, cu130; see napi-torch install-libtorch --help",
    ],
  ]
  for (const [what, args, message] of misuses) {
    it(`refuses ${what} in one line`, async () => {
      assert.deepEqual(await napiTorch(args, { env: NO_LIBTORCH }), {
        status: 2,
        signal: null,
        stdout: '',
        stderr: `napi-torch: ${message} (TORCH_USAGE)\n`,
      })
    })
  }

  it('says in one line what is wrong with a file', async () => {
    assert.deepEqual(await napiTorch(['inspect', 'missing.pth']), {
      status: 1,
      signal: null,
      stdout: '',
      stderr: 'napi-torch: missing.pth: No such file (TORCH_FILE)\n',
    })
  })

  it('adds the stack and the cause with --verbose, wherever it stands', async () => {
    for (const args of [
      ['--verbose', 'inspect', 'missing.pth'],
      ['inspect', 'missing.pth', '--verbose'],
    ]) {
      const { stderr } = await napiTorch(args)

      assert.match(stderr, /^napi-torch: missing\.pth: No such file \(TORCH_FILE\)\nCheckpointError: .*\n {4}at /)
      assert.match(stderr, /\nCaused by: Error: ENOENT: .*\n {4}at /)
    }
  })

  it('ends with 3 and the command to run where libtorch is missing', async () => {
    const { status, stdout, stderr } = await napiTorch(['classify', CHECKPOINT, 'y.png'], { env: NO_LIBTORCH })

    assert.deepEqual({ status, stdout }, { status: 3, stdout: '' })
    assert.equal(
      stderr,
      `napi-torch: NAPI_TORCH_LIBTORCH names ${NO_LIBTORCH.NAPI_TORCH_LIBTORCH}, which does not exist; ` +
        'name a folder of libtorch, or unset it and run: npx napi-torch install-libtorch (TORCH_LIBTORCH_NOT_FOUND)\n',
    )
  })

  it('ends quietly when the reader of its output goes away', async () => {
    const { status, stderr } = await napiTorch(['--help'], { onStart: ({ stdout }) => stdout?.destroy() })

    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
  })

  const onTerminal = HAS_TERMINAL ? it : it.skip

  onTerminal('uses color on a terminal', async () => {
    const { output } = await napiTorchOnTerminal(['--help'])

    assert.ok(output.startsWith(`${ESCAPE}1mUsage:`))
  })

  onTerminal('uses no color where NO_COLOR is set', async () => {
    const { output } = await napiTorchOnTerminal(['--help'], { env: { NO_COLOR: '1' } })

    assert.match(output, /^Usage:/)
    assert.ok(!output.includes(ESCAPE))
  })

  it('uses no color in a file or pipe, in continuous integration as well', async () => {
    const { stdout } = await napiTorch(['--help'], { env: { CI: 'true' } })

    assert.ok(!stdout.includes(ESCAPE))
  })

  it('uses color in a pipe where FORCE_COLOR is set', async () => {
    const { stdout } = await napiTorch(['--help'], { env: { FORCE_COLOR: '1' } })

    assert.ok(stdout.startsWith(`${ESCAPE}1mUsage:`))
  })
})
