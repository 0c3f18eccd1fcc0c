import type { Command } from '../../lib/cli/command.js'
import { isGroup } from '../../lib/cli/command.js'
import { COMMANDS } from '../../lib/cli/commands.js'
import { flagOf, paragraphsOf } from '../../lib/cli/help.js'
import { ERROR_CODES } from '../../lib/util/errors.js'

/** Path of the page in the package. */
export const MAN_PAGE = 'man/napi-torch.1'

type Entries = typeof COMMANDS

/** Makes the manual page of the command line, in the language of man(7), from the data of the commands. */
export async function manPage(version: string): Promise<string> {
  const lines = [
    `.TH NAPI\\-TORCH 1 "" "napi\\-torch ${escaped(version)}" "User Commands"`,
    '.SH NAME',
    'napi\\-torch \\- run PyTorch image classifiers in Node.js, without Python',
    '.SH SYNOPSIS',
    '.B napi\\-torch',
    '.I command',
    '[\\fIoptions\\fR]',
    '.SH COMMANDS',
    ...(await commandLines(COMMANDS, [])),
    '.SH EXIT STATUS',
    ...EXIT_STATUS.flatMap(([code, meaning]) => ['.TP', `.B ${code}`, escaped(meaning)]),
    '.SH ERRORS',
    'An error is one line on standard error: a message, and one of these codes.',
    ...Object.entries(ERROR_CODES).flatMap(([code, meaning]) => ['.TP', `.B ${code}`, escaped(meaning)]),
  ]
  return `${lines.join('\n')}\n`
}

const EXIT_STATUS = [
  ['0', 'Everything was done.'],
  ['1', 'The command failed, a part of its input could not be used, or a comparison found a difference.'],
  ['2', 'The command line was not understood; nothing was done.'],
  ['3', 'libtorch or the native addon is missing or cannot be opened, or Node.js is too old.'],
  ['130, 143', 'Interrupted by SIGINT or SIGTERM.'],
] as const

async function commandLines(entries: Entries, before: readonly string[]): Promise<string[]> {
  const lines: string[] = []
  for (const entry of entries) {
    const path = [...before, entry.name]
    const { command } = await entry.load()
    if (isGroup(command)) lines.push(...(await commandLines(command.commands, path)))
    else lines.push(...sectionOf(path, command))
  }
  return lines
}

function sectionOf(path: readonly string[], command: Command): string[] {
  const { description, arguments: args = {}, options = {}, notes, examples = [] } = command
  const terms = Object.entries(args).map(([name, { kind }]) => {
    if (kind === 'optional') return `[\\fI${escaped(name)}\\fR]`
    return `\\fI${escaped(name)}\\fR${kind === 'variadic' ? ' ...' : ''}`
  })
  const items = Object.entries(options).flatMap(([key, option]) => {
    const value = option.value === undefined ? '' : ` \\fI${escaped(option.value.replace(/^<|>$/g, ''))}\\fR`
    const choices = option.choices === undefined ? '' : `; one of ${option.choices.join(', ')}`
    const usual = option.default === undefined ? '' : ` (default: ${option.default})`
    const texts: string[] = []
    if (option.description !== undefined) {
      texts.push('.TP', `\\fB\\-\\-${escaped(flagOf(key))}\\fR${value}`, escaped(option.description + choices + usual))
    }
    if (option.negation !== undefined) {
      texts.push('.TP', `\\fB\\-\\-no\\-${escaped(flagOf(key))}\\fR`, escaped(option.negation))
    }
    return texts
  })
  return [
    `.SS napi\\-torch ${escaped(path.join(' '))} ${terms.join(' ')}`.trimEnd(),
    escaped(description),
    ...Object.entries(args).flatMap(([name, { description: text }]) => [
      '.TP',
      `\\fI${escaped(name)}\\fR`,
      escaped(text),
    ]),
    ...items,
    ...paragraphsOf(notes).flatMap((paragraph) => ['.PP', escaped(paragraph)]),
    ...(examples.length === 0 ? [] : ['.PP', '.EX', ...examples.map(escaped), '.EE']),
  ]
}

/** A backslash, a hyphen, and a dot or quote at the beginning of a line have a meaning in the language of the page. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/, '\\&$1')
}
