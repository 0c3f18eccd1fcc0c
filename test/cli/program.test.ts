import assert from 'node:assert/strict'

import { COMMANDS } from '../../lib/cli/commands.js'
import { evaluateModule } from '../support/child.js'
import { LOGGING_IMPORTS, napiTorch } from '../support/cli.js'

/** What the child process below tells of a command. */
interface CommandFacts {
  /** Names of its group and itself. */
  readonly path: string
  readonly entry: { readonly name: string; readonly summary: string }
  readonly name: string
  readonly description: string
  /** What `--help` prints. */
  readonly help: string
  readonly options: readonly {
    readonly key: string
    /** Name of the export of options.ts that this very object is. */
    readonly shared: string | null
    /** Name of the export of options.ts whose text, placeholder and type these are. */
    readonly alike: string | null
    readonly hasDefault: boolean
  }[]
}

const module = (name: string): string => JSON.stringify(new URL(`../../lib/cli/${name}`, import.meta.url).href)

/** Loads all commands in a process of its own: mocha loads a second copy of the modules that packages import. */
const ALL_COMMANDS = `
  const { runProgram } = await import(${module('program.ts')})
  const { Terminal } = await import(${module('output/terminal.ts')})
  async function helpOf(path) {
    const { write } = process.stdout
    let help = ''
    process.stdout.write = (text) => (help += text)
    try {
      await runProgram([...path.split(' ').filter(Boolean), '--help'], { terminal: new Terminal(process.stdout, process.stderr) })
    } finally {
      process.stdout.write = write
    }
    return help
  }
  const { COMMANDS } = await import(${module('commands.ts')})
  const shared = Object.entries(await import(${module('options.ts')})).filter(([, value]) => 'description' in value)
  const isAlike = (one, other) => ['description', 'value', 'type', 'choices'].every((name) => one[name] === other[name])
  const facts = []
  async function collect(entries, before) {
    for (const entry of entries) {
      const { command } = await entry.load()
      const { name, description, options = {} } = command
      const path = [...before, entry.name].join(' ')
      facts.push({
        path, name, description, help: await helpOf(path),
        entry: { name: entry.name, summary: entry.summary },
        options: Object.entries(options).map(([key, option]) => ({
          key,
          shared: shared.find(([, value]) => value === option)?.[0] ?? null,
          alike: shared.find(([, value]) => isAlike(value, option))?.[0] ?? null,
          hasDefault: option.default !== undefined,
        })),
      })
      if ('commands' in command) await collect(command.commands, [...before, entry.name])
    }
  }
  await collect(COMMANDS, [])
  console.log(JSON.stringify(facts))`

/** Options that are one object wherever they are. */
const SHARED: Readonly<Record<string, string>> = {
  json: 'JSON_OUTPUT',
  key: 'KEY',
  wholeModule: 'WHOLE_MODULE',
  arch: 'ARCH',
  preset: 'PRESET',
  labels: 'LABELS',
  device: 'DEVICE',
}

describe('The commands', function () {
  this.timeout(60_000)
  let commands: readonly CommandFacts[] = []
  before(async () => {
    commands = (await evaluateModule(ALL_COMMANDS)) as readonly CommandFacts[]
  })

  it('have the name and a summary of their entry, and a description in sentences', () => {
    for (const { path, entry, name, description } of commands) {
      assert.equal(name, entry.name, path)
      assert.match(entry.summary, /^[a-z].*[^.]$/, path)
      assert.match(description, /^[A-Z].*\.$/, path)
    }
    assert.ok(commands.some(({ path }) => path === 'jobs submit') && commands.some(({ path }) => path === 'serve'))
  })

  it('have a help of at most 80 columns', () => {
    for (const { path, help } of commands) {
      assert.match(help, new RegExp(`^Usage: napi-torch ${path} `), path)
      const long = help.split('\n').filter((line) => line.length > 80)
      assert.deepEqual(long, [], path)
    }
  })

  it('group the options of their help, those without a group first', () => {
    const classify = commands.find(({ path }) => path === 'classify')
    const headings = [...(classify?.help.matchAll(/^([A-Z].*):$/gm) ?? [])].map(([, heading]) => heading)

    const expected = [
      'Arguments',
      'Options',
      'Which model of the checkpoint',
      'Images and classes',
      'Global Options',
      'Examples',
    ]
    assert.deepEqual(headings, expected)
  })

  it('print examples that a shell takes as they are, broken before an option', () => {
    const { help = '' } = commands.find(({ path }) => path === 'evaluate') ?? {}

    assert.ok(
      help.endsWith(
        '  $ napi-torch evaluate best.pth test.csv --svg confusion.svg \\\n      --wrong wrong.png --resume state.json\n',
      ),
      help,
    )
  })

  it('share their options: one object for each meaning, in the packages too', () => {
    let compared = 0
    // Those of serve follow from its table of settings.
    for (const { path, options } of commands.filter(({ path }) => path !== 'serve')) {
      for (const { key, shared } of options) {
        const expected = SHARED[key]
        if (expected === undefined) continue
        assert.equal(shared, expected, `${path} --${key}`)
        compared++
      }
    }
    assert.ok(compared >= 25, `${compared} options were compared`)
  })

  it('give --top and --batch-size one text and type, with a default of their own', () => {
    for (const [name, expected, count] of [
      ['top', 'TOP', 2],
      ['batchSize', 'BATCH_SIZE', 3],
    ] as const) {
      const own = commands.flatMap(({ options }) => options.filter(({ key }) => key === name))
      assert.deepEqual(
        own.map(({ alike, hasDefault }) => [alike, hasDefault]),
        Array.from({ length: count }, () => [expected, true]),
        name,
      )
    }
  })

  it('are imported when they are called, and not before', async () => {
    const { stderr } = await napiTorch(['inspect', 'missing.pth'], { env: { NODE_OPTIONS: LOGGING_IMPORTS } })

    const imported = [...stderr.matchAll(/^imported .*\/(?:(?:lib|dist)\/cli|packages)\/(.*)\.[jt]s$/gm)].map(
      ([, name]) => name,
    )
    assert.ok(imported.includes('inspect/inspect'), stderr)
    const others = imported.filter((name = '') =>
      /^(demo|classify|doctor|build|install|convert|evaluate|verify|server|jobs)/.test(name),
    )
    assert.deepEqual(others, [])
  })
})

describe('napi-torch help', function () {
  this.timeout(60_000)

  it('prints the help of the program, with the summary of every command', async () => {
    const [help, flag] = await Promise.all([napiTorch(['help']), napiTorch(['--help'])])

    assert.deepEqual(help, flag)
    assert.equal(help.status, 0)
    for (const { name, summary } of COMMANDS) assert.match(help.stdout, new RegExp(`^ {2}${name} +${summary}$`, 'm'))
    assert.match(help.stdout, /^ {2}help +print the help of a command$/m)
  })

  for (const path of [['classify'], ['serve'], ['jobs'], ['jobs', 'submit']] as const) {
    it(`prints what napi-torch ${path.join(' ')} --help does`, async () => {
      const [help, flag] = await Promise.all([napiTorch(['help', ...path]), napiTorch([...path, '--help'])])

      assert.deepEqual(help, flag)
      assert.deepEqual([help.status, help.stderr], [0, ''])
      assert.ok(help.stdout.startsWith(`Usage: napi-torch ${path.join(' ')} `), help.stdout)
    })
  }

  for (const [args, message] of [
    [['help', 'frobnicate'], "Unknown command 'frobnicate'; see napi-torch --help"],
    [['help', 'inspct'], "Unknown command 'inspct' (Did you mean inspect?); see napi-torch --help"],
    [['help', 'jobs', 'finish'], "Unknown command 'finish'; see napi-torch jobs --help"],
    [['frobnicate', '--help'], "Unknown command 'frobnicate'; see napi-torch --help"],
  ] as const) {
    it(`refuses ${args.join(' ')} with exit code 2`, async () => {
      assert.deepEqual(await napiTorch(args), {
        status: 2,
        signal: null,
        stdout: '',
        stderr: `napi-torch: ${message} (TORCH_USAGE)\n`,
      })
    })
  }
})
