import {
  InvalidArgumentError,
  Argument as ParsedArgument,
  type Command as Parser,
  Option as ParsedOption,
} from 'commander'

import type { Argument, Command, Option } from './command.js'
import { exampleLines, flagOf, paragraphsOf } from './help.js'

/** Gives a parser the arguments, options and help texts of a command. */
export function addParts(parser: Parser, command: Command, width: number): void {
  const { notes, examples = [] } = command
  for (const [name, argument] of Object.entries(command.arguments ?? {})) {
    parser.addArgument(parsedArgument(name, argument))
  }
  const options = Object.entries(command.options ?? {})
  // The parser prints groups in the order of their first options.
  const own = options.filter(([, { group }]) => group === undefined)
  const grouped = options.filter(([, { group }]) => group !== undefined)
  for (const [key, option] of [...own, ...grouped]) {
    for (const parsed of parsedOptions(key, option)) parser.addOption(parsed)
  }
  for (const paragraph of paragraphsOf(notes)) {
    parser.addHelpText('after', () => `\n${parser.createHelp().boxWrap(paragraph, width)}`)
  }
  if (examples.length > 0) addExamples(parser, examples, width)
}

/** Puts command lines at the end of the help. */
export function addExamples(parser: Parser, examples: readonly string[], width: number): void {
  const { styleTitle = String } = parser.configureHelp()
  parser.addHelpText('after', `\n${styleTitle('Examples:')}\n${exampleLines(examples, width).join('\n')}`)
}

function parsedArgument(name: string, { description, kind, choices }: Argument): ParsedArgument {
  const parsed = new ParsedArgument(termOf(name, kind), description)
  return choices === undefined ? parsed : parsed.choices(choices)
}

function termOf(name: string, kind: Argument['kind']): string {
  if (kind === 'optional') return `[${name}]`
  return kind === 'variadic' ? `<${name}...>` : `<${name}>`
}

/** Makes the flags of an option: one, or two where it can be negated. */
function parsedOptions(key: string, option: Option): readonly ParsedOption[] {
  const flag = flagOf(key)
  const { description, short, value, type, choices, negation, conflictsWith, isRepeatable, group } = option
  const options: ParsedOption[] = []
  if (description !== undefined) {
    const letter = short === undefined ? '' : `-${short}, `
    const parsed = new ParsedOption(`${letter}--${flag}${value === undefined ? '' : ` ${value}`}`, description)
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
  return group === undefined ? options : options.map((parsed) => parsed.helpGroup(`${group}:`))
}

function parseValue(text: string, type: Option['type']): unknown {
  if (type === undefined) return text
  const value = type.parse(text)
  if (value === undefined) throw new InvalidArgumentError(`Expected ${type.expected}.`)
  return value
}
