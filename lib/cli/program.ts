import { Command as Parser, CommanderError, InvalidArgumentError, Option as ParsedOption } from 'commander'

import { TorchError } from '../util/errors.js'
import { packageFacts } from '../util/package.js'
import type { Argument, Command, CommandEntry, CommandGroup, Context, Option } from './command.js'
import { EXIT } from './exit_codes.js'
import { loadPackageCommand } from './package_command.js'

/** All commands. The module of a command is imported when it is called, so that no command pays for the others. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'demo',
    summary: 'classify 10,000 images with the sample model',
    load: () => import('./demo.js'),
  },
  {
    name: 'inspect',
    summary: 'list the contents of a checkpoint',
    load: () => import('./inspect/inspect.js'),
  },
  {
    name: 'convert',
    summary: 'write a checkpoint in another format',
    load: () => import('./convert/convert.js'),
  },
  {
    name: 'classify',
    summary: 'classify images',
    load: () => import('./classify.js'),
  },
  {
    name: 'evaluate',
    summary: 'measure accuracy on a labeled dataset',
    load: () => import('./evaluate/evaluate.js'),
  },
  {
    name: 'verify',
    summary: 'compare the output of every module with PyTorch',
    load: () => import('./verify/verify.js'),
  },
  {
    name: 'serve',
    summary: 'serve models over HTTP',
    load: () => loadPackageCommand('serve', '@napi-torch/server'),
  },
  {
    name: 'jobs',
    summary: 'classify millions of images on many machines',
    load: () => loadPackageCommand('jobs', '@napi-torch/jobs'),
  },
  {
    name: 'doctor',
    summary: 'check whether this machine can run models',
    load: () => import('./doctor.js'),
  },
  {
    name: 'install-libtorch',
    summary: 'download libtorch, or take it from a file',
    load: () => import('./install_libtorch.js'),
  },
  {
    name: 'build',
    summary: 'build the addon for your own libtorch',
    load: () => import('./build.js'),
  },
]

const HELP = 'help'

/**
 * Runs the command that `args` name and gives its exit code.
 *
 * @throws {TorchError} `TORCH_USAGE` for arguments that the command does not have, `TORCH_NOT_INSTALLED` for a command whose
 * package is missing, and what the command throws.
 */
export async function runProgram(args: readonly string[], context: Context): Promise<number> {
  let exitCode: number = EXIT.ok
  const program = createProgram(context)
  const isHelp = namesIn(args)[0] === HELP
  const names = isHelp ? namesIn(args).slice(1) : namesIn(args)
  const { path, unknown } = await addCommands(program, COMMANDS, names, async (command, parser) => {
    exitCode = await command.run(argumentsOf(command, parser), flagsOf(command, parser), context)
  })
  try {
    await program.parseAsync(argumentsFor(args, { isHelp, path, unknown }), { from: 'user' })
    return exitCode
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Help and version were asked for, and have been printed.
    if (error.exitCode === 0) return EXIT.ok
    // Where a command is missing, its help has been printed as an error.
    if (error.code === 'commander.help') return EXIT.usage
    throw usageError(error, path)
  }
}

function createProgram({ terminal }: Context): Parser {
  const { bold, cyan, dim } = terminal.colors
  const program = new Parser('napi-torch')
    .description('Runs PyTorch image classifiers in Node.js, without Python.')
    .version(packageFacts().version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    // Commander's own prints the help of the program for a command that does not exist.
    .helpCommand(false)
    .usage('<command> [options]')
    .option('--verbose', 'print the stack and the native trace of an error')
    .configureHelp({
      showGlobalOptions: true,
      // The arguments of a command are known only when its module is imported.
      subcommandTerm: (command) => command.name(),
      styleTitle: bold,
      styleCommandText: cyan,
      styleOptionText: dim,
    })
    // The one line that says what is wrong is printed by main.
    .configureOutput({ outputError: () => undefined })
    .exitOverride()
  return program
}

/** What stands on the command line apart from options: the names of commands, and arguments behind them. */
function namesIn(args: readonly string[]): readonly string[] {
  return args.filter((arg) => !arg.startsWith('-'))
}

/** The commands that a command line names, the outermost first, and a name among them that is no command. */
interface Named {
  readonly path: readonly string[]
  readonly unknown: string | undefined
}

/** Gives a parser its commands. Only the one that is named gets more than its summary. */
async function addCommands(
  parent: Parser,
  entries: readonly CommandEntry[],
  names: readonly string[],
  run: (command: Command, parser: Parser) => Promise<void>,
): Promise<Named> {
  const parsers = new Map(entries.map(({ name, summary }) => [name, parent.command(name).summary(summary)]))
  if (parent.parent === null) parent.command(HELP).summary('print the help of a command')
  const [name, ...others] = names
  const [parser, entry] = [parsers.get(name ?? ''), entries.find((candidate) => candidate.name === name)]
  if (parser === undefined || entry === undefined) return { path: [], unknown: name }
  const { command } = await entry.load()
  parser.description(command.description)
  if (isGroup(command)) {
    const inner = await addCommands(parser.helpCommand(false), command.commands, others, run)
    return { ...inner, path: [entry.name, ...inner.path] }
  }
  addParts(parser, command)
  parser.action(() => run(command, parser))
  return { path: [entry.name], unknown: undefined }
}

function isGroup(command: Command | CommandGroup): command is CommandGroup {
  return 'commands' in command
}

/** Gives a parser the arguments, options and help texts of a command. */
function addParts(parser: Parser, command: Command): void {
  const { notes, examples = [] } = command
  for (const [name, argument] of Object.entries(command.arguments ?? {})) {
    parser.argument(termOf(name, argument), argument.description)
  }
  for (const [key, option] of Object.entries(command.options ?? {})) {
    for (const parsed of parsedOptions(key, option)) parser.addOption(parsed)
  }
  if (notes !== undefined) parser.addHelpText('after', `\n${notes}`)
  if (examples.length > 0)
    parser.addHelpText('after', `\nExamples:\n${examples.map((line) => `  $ ${line}`).join('\n')}`)
}

function termOf(name: string, { kind }: Argument): string {
  if (kind === 'optional') return `[${name}]`
  return kind === 'variadic' ? `<${name}...>` : `<${name}>`
}

/** Makes the flags of an option: one, or two where it can be negated. */
function parsedOptions(key: string, option: Option): readonly ParsedOption[] {
  const flag = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  const { description, value, type, choices, negation, conflictsWith, isRepeatable } = option
  const options: ParsedOption[] = []
  if (description !== undefined) {
    const parsed = new ParsedOption(`--${flag}${value === undefined ? '' : ` ${value}`}`, description)
    if (choices !== undefined) parsed.choices(choices)
    else if (type !== undefined || isRepeatable === true) {
      parsed.argParser<unknown>((text, before) => {
        const parsedValue = parseValue(text, type)
        if (isRepeatable !== true) return parsedValue
        const values: readonly unknown[] = Array.isArray(before) ? before : []
        return [...values, parsedValue]
      })
    }
    if (option.default !== undefined) parsed.default(option.default, String(option.default))
    if (conflictsWith !== undefined) parsed.conflicts(conflictsWith)
    options.push(parsed.makeOptionMandatory(option.isRequired ?? false))
  }
  if (negation !== undefined) options.push(new ParsedOption(`--no-${flag}`, negation))
  return options
}

function parseValue(text: string, type: Option['type']): unknown {
  if (type === undefined) return text
  const value = type.parse(text)
  if (value === undefined) throw new InvalidArgumentError(`Expected ${type.expected}.`)
  return value
}

function argumentsOf(command: Command, parser: Parser): Readonly<Record<string, unknown>> {
  const values: readonly unknown[] = parser.processedArgs
  return Object.fromEntries(Object.keys(command.arguments ?? {}).map((name, index) => [name, values[index]]))
}

/** The options of a command line by their keys: an option that is not given has its default, or is undefined. */
function flagsOf(command: Command, parser: Parser): Readonly<Record<string, unknown>> {
  const entries = Object.entries(command.options ?? {}).map(([key, option]): readonly [string, unknown] => {
    // Commander has true for a flag of which only `--no-…` exists.
    const isGiven = parser.getOptionValueSource(key) === 'cli'
    return [key, isGiven ? parser.getOptionValue(key) : option.default]
  })
  return Object.fromEntries(entries)
}

/** The arguments to parse: `help jobs submit` is `jobs submit --help`, and an unknown command is refused even with `--help`. */
function argumentsFor(
  args: readonly string[],
  { isHelp, path, unknown }: Named & { readonly isHelp: boolean },
): readonly string[] {
  if (unknown !== undefined) return [...path, unknown]
  return isHelp ? [...path, '--help'] : args
}

/** Makes a sentence of commander's text, such as `error: unknown option '--jsom'\n(Did you mean --json?)`. */
function usageError(error: CommanderError, path: readonly string[]): TorchError {
  const text = error.message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '')
  const help = ['napi-torch', ...path, '--help'].join(' ')
  return new TorchError('TORCH_USAGE', `${text.charAt(0).toUpperCase()}${text.slice(1)}; see ${help}`)
}
