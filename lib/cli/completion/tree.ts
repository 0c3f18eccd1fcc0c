import { TorchError } from '../../util/errors.js'
import { isGroup, type Argument, type Command, type CommandEntry, type Option } from '../command.js'
import { flagOf } from '../help.js'

/** What may follow on a command line: names, files, or text that cannot be guessed. */
export type Values = readonly string[] | 'files' | 'text'

/** An option as it is typed. */
export interface Flag {
  /** With its dashes. */
  readonly name: string
  readonly description: string
  /** What follows it; null where nothing does. */
  readonly values: Values | null
}

/** A command, the program, or `help`: what can be typed behind it. */
export interface Level {
  /** Names of the commands that lead here; none for the program. */
  readonly path: readonly string[]
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  readonly flags: readonly Flag[]
  /** What its arguments are. Null where it has none. */
  readonly argumentValues: Values | null
}

/** Placeholders of the help that stand for files. */
const FILES = /^<(file|folder|path|checkpoint|program|other|name=checkpoint)>$/

const GLOBAL: readonly Flag[] = [
  { name: '--help', description: 'print this help', values: null },
  { name: '--version', description: 'print the versions of napi-torch and libtorch', values: null },
  { name: '--verbose', description: 'print the stack and the native trace of an error', values: null },
]

/** Loads all commands and lists what can be typed. Of a command whose package is not installed, the name is known only. */
export async function levelsOf(
  entries: readonly CommandEntry[],
  path: readonly string[] = [],
): Promise<readonly Level[]> {
  const levels: Level[] = []
  const named = [...entries, ...(path.length === 0 ? [{ name: 'help', summary: 'print the help of a command' }] : [])]
  const commands = named.map(({ name, summary }) => ({ name, description: summary }))
  levels.push({ path, commands, flags: GLOBAL, argumentValues: null })
  levels.push({
    path: ['help', ...path],
    commands: commands.filter(({ name }) => name !== 'help'),
    flags: [],
    argumentValues: null,
  })
  for (const entry of entries) {
    const below = [...path, entry.name]
    const command = await loaded(entry)
    if (command === null) continue
    if (isGroup(command)) levels.push(...(await levelsOf(command.commands, below)))
    else levels.push(levelOf(below, command))
  }
  return levels
}

async function loaded(entry: CommandEntry): Promise<Awaited<ReturnType<CommandEntry['load']>>['command'] | null> {
  try {
    return (await entry.load()).command
  } catch (error) {
    if (error instanceof TorchError && error.code === 'TORCH_NOT_INSTALLED') return null
    throw error
  }
}

function levelOf(path: readonly string[], { arguments: args = {}, options = {} }: Command): Level {
  const [first] = Object.values(args)
  const flags = Object.entries(options).flatMap(([key, option]) => flagsOf(key, option))
  return {
    path,
    commands: [],
    flags: [...flags, ...GLOBAL],
    argumentValues: first === undefined ? null : valuesOf(first),
  }
}

function flagsOf(key: string, { description, negation, value, choices }: Option): readonly Flag[] {
  const flags: Flag[] = []
  if (description !== undefined) {
    const values = value === undefined ? null : (choices ?? (FILES.test(value) ? 'files' : 'text'))
    flags.push({ name: `--${flagOf(key)}`, description, values })
  }
  if (negation !== undefined) flags.push({ name: `--no-${flagOf(key)}`, description: negation, values: null })
  return flags
}

function valuesOf({ choices }: Argument): Values {
  return choices ?? 'files'
}
