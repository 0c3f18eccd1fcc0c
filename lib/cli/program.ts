import { Command as Parser, CommanderError } from 'commander'

import { TorchError } from '../util/errors.js'
import { openLibtorchAside } from '../libtorch/libtorch.js'
import { packageFacts } from '../util/package.js'
import { isGroup, type Command, type CommandEntry, type Context } from './command.js'
import { COMMANDS, SHELL } from './commands.js'
import { EXIT } from './exit_codes.js'
import type { Terminal } from './output/terminal.js'
import { addExamples, addParts } from './parser.js'

const HELP = 'help'
const VERSION = 'napi-torch.version'

/** An option with which this process computes nothing: it only answers, or starts others that compute. */
const IDLE_OPTION = /^(?:-h|--help|--check|--print-.+|--workers(?:=.*)?)$/

const EXAMPLES = [
  'napi-torch doctor',
  'napi-torch classify resnet18.pth dog.jpg',
  'napi-torch help classify',
  'source <(napi-torch completion bash)',
]

/**
 * Runs the command that `args` name and gives its exit code.
 *
 * @throws {TorchError} `TORCH_USAGE` for arguments that the command does not have, `TORCH_NOT_INSTALLED` for a command whose
 * package is missing, and what the command throws.
 */
export async function runProgram(args: readonly string[], context: Context): Promise<number> {
  let exitCode: number = EXIT.ok
  const { terminal } = context
  const program = createProgram(terminal)
  const isHelp = namesIn(args)[0] === HELP
  const names = isHelp ? namesIn(args).slice(1) : namesIn(args)
  const isIdle = isHelp || args.some((arg) => IDLE_OPTION.test(arg))
  if (!isIdle && COMMANDS.some(({ name, computes }) => computes === true && name === names[0])) void openLibtorchAside()
  const { path, unknown } = await addCommands(program, COMMANDS, names, (command, parser) => {
    addParts(parser, command, terminal.width)
    parser.action(async () => {
      exitCode = await command.run(argumentsOf(command, parser), flagsOf(command, parser), context)
    })
  })
  program.command(HELP).summary('print the help of a command').helpGroup(`${SHELL}:`)
  try {
    await program.parseAsync(argumentsFor(args, { isHelp, path, unknown }), { from: 'user' })
    return exitCode
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.code === VERSION) {
      terminal.print(await versions())
      return EXIT.ok
    }
    // Help was asked for, and has been printed.
    if (error.exitCode === 0) return EXIT.ok
    // Where a command is missing, its help has been printed as an error.
    if (error.code === 'commander.help') return EXIT.usage
    throw usageError(error, path)
  }
}

function createProgram({ colors: { bold, cyan, dim }, width }: Terminal): Parser {
  const program = new Parser('napi-torch')
    .description('Runs PyTorch image classifiers in Node.js, without Python.')
    .option('-V, --version', 'print the versions of napi-torch and libtorch')
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
    .configureOutput({
      getOutHelpWidth: () => width,
      getErrHelpWidth: () => width,
      // The one line that says what is wrong is printed by start.ts.
      outputError: () => undefined,
    })
    .exitOverride()
    .on('option:version', () => {
      throw new CommanderError(EXIT.ok, VERSION, '')
    })
  addExamples(program, EXAMPLES, width)
  return program
}

/** What `--version` prints. libtorch is found, but not opened. */
async function versions(): Promise<string> {
  const { findLibtorch } = await import('../libtorch/libtorch.js')
  const lines = [`napi-torch ${packageFacts().version}`]
  try {
    const { version, flavor, folder } = findLibtorch()
    lines.push(`libtorch ${version} (${flavor}) in ${folder}`)
  } catch (error) {
    if (!(error instanceof TorchError)) throw error
    lines.push('libtorch not found; napi-torch doctor says why')
  }
  return lines.join('\n')
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

/** Gives a parser its commands. The one that is named is given to `add`; the others have a summary only. */
async function addCommands(
  parent: Parser,
  entries: readonly CommandEntry[],
  names: readonly string[],
  add: (command: Command, parser: Parser) => void,
): Promise<Named> {
  const parsers = new Map(
    entries.map(({ name, summary, group = 'Commands' }) => {
      return [name, parent.command(name).summary(summary).helpGroup(`${group}:`)]
    }),
  )
  const [name, ...others] = names
  const [parser, entry] = [parsers.get(name ?? ''), entries.find((candidate) => candidate.name === name)]
  if (parser === undefined || entry === undefined) return { path: [], unknown: name }
  const { command } = await entry.load()
  parser.description(command.description)
  if (isGroup(command)) {
    const inner = await addCommands(parser.helpCommand(false), command.commands, others, add)
    return { ...inner, path: [entry.name, ...inner.path] }
  }
  add(command, parser)
  return { path: [entry.name], unknown: undefined }
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
