import type { Terminal } from './output/terminal.js'

// A command is data: the program makes a parser and a help page of it, and the compiler derives the types of its arguments and options.

/** What every command is given besides its arguments and options. */
export interface Context {
  readonly terminal: Terminal
  /** Aborted by Ctrl-C: a command that takes long checks it between two steps, and cleans up. */
  readonly signal: AbortSignal
}

/** An argument of a command. Its name is its key in {@link Command.arguments}. */
export interface Argument {
  readonly description: string
  /** Default: the argument is required. */
  readonly kind?: 'optional' | 'variadic' | undefined
  /** The strings that are accepted. Default: any. */
  readonly choices?: readonly string[] | undefined
}

/** The values that an option accepts, where not every string is one. */
export interface ValueType<T> {
  /** Completes `Expected …` where a value is refused: `a positive integer`. */
  readonly expected: string
  /** Gives undefined for a text that is no such value. */
  parse(text: string): T | undefined
}

/** An option of a command. Its flag is its key in {@link Command.options} in kebab case: `batchSize` is `--batch-size`. */
export interface Option {
  /** Help text. May be missing where there is only a {@link negation}. */
  readonly description?: string | undefined
  /** A letter that stands for the flag, such as `o` for `-o`. Default: none. */
  readonly short?: string | undefined
  /** Placeholder of the value in the help, such as `<file>`. Default: the option takes no value. */
  readonly value?: string | undefined
  /** Default: any string. */
  readonly type?: ValueType<unknown> | undefined
  /** The strings that are accepted. Default: any. */
  readonly choices?: readonly string[] | undefined
  /** Value where the option is not given. Default: undefined. */
  readonly default?: string | number | undefined
  /** The command line must have it. Default: `false`. */
  readonly isRequired?: true | undefined
  /** May be given several times; the value is an array. Default: `false`. */
  readonly isRepeatable?: true | undefined
  /** Help text of the flag `--no-…`, which sets the option to false. Default: there is none. */
  readonly negation?: string | undefined
  /** Key of an option that cannot be given with this one. */
  readonly conflictsWith?: string | undefined
  /** Heading of the help under which it stands, after the options that have none. Default: none. */
  readonly group?: string | undefined
}

type Arguments = Readonly<Record<string, Argument>>
type Options = Readonly<Record<string, Option>>

type ArgumentValue<A extends Argument> = A extends { readonly kind: 'variadic' }
  ? readonly string[]
  : A extends { readonly kind: 'optional' }
    ? string | undefined
    : A extends { readonly choices: readonly (infer Choice)[] }
      ? Choice
      : string

type OptionValue<O extends Option> = O extends { readonly type: ValueType<infer T> }
  ? T
  : O extends { readonly choices: readonly (infer Choice)[] }
    ? Choice
    : O extends { readonly value: string }
      ? string
      : O extends { readonly negation: string }
        ? boolean
        : true

type FlagValue<O extends Option> = O extends { readonly isRepeatable: true }
  ? readonly OptionValue<O>[] | undefined
  : O extends { readonly default: unknown } | { readonly isRequired: true }
    ? OptionValue<O>
    : OptionValue<O> | undefined

/** Values of the arguments of a command, by name. */
export type ArgumentValues<A extends Arguments> = { readonly [Name in keyof A]: ArgumentValue<A[Name]> }

/** Values of the options of a command, by key. */
export type Flags<O extends Options> = { readonly [Key in keyof O]: FlagValue<O[Key]> }

/** What is known of a command, apart from how it runs. */
interface CommandFacts<A extends Arguments, O extends Options> {
  readonly name: string
  /** Sentences at the head of its help. */
  readonly description: string
  /** In their order. Default: none. */
  readonly arguments?: A | undefined
  /** In the order of the help. Default: none. */
  readonly options?: O | undefined
  /** Paragraphs below the options in the help, which are wrapped there. */
  readonly notes?: string | undefined
  /** Command lines at the end of the help. */
  readonly examples?: readonly string[] | undefined
}

/** A command of the command line. */
export interface Command extends CommandFacts<Arguments, Options> {
  /** Does the work and gives the exit code. */
  run(
    args: Readonly<Record<string, unknown>>,
    flags: Readonly<Record<string, unknown>>,
    context: Context,
  ): Promise<number>
}

/** A command whose arguments and options have types. */
export interface TypedCommand<A extends Arguments, O extends Options> extends CommandFacts<A, O> {
  /** Does the work and gives the exit code. */
  run(args: ArgumentValues<A>, flags: Flags<O>, context: Context): Promise<number>
}

/** A command that has commands of its own, such as `jobs`. */
export interface CommandGroup {
  readonly name: string
  readonly description: string
  readonly commands: readonly CommandEntry[]
}

/** What is known of a command before its module is imported. */
export interface CommandEntry {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** Heading of the help under which it stands. Default: `Commands`. */
  readonly group?: string | undefined
  /** Whether it computes: then libtorch is opened while its module is imported. Default: false. */
  readonly computes?: boolean | undefined
  /** Imports the module of the command. */
  load(): Promise<CommandModule>
}

/** A module that exports a command. */
export interface CommandModule {
  readonly command: Command | CommandGroup
}

/** Gives a command back. The compiler derives the types of what {@link TypedCommand.run} is given. */
export function defineCommand<const A extends Arguments, const O extends Options>(
  command: TypedCommand<A, O>,
): TypedCommand<A, O> {
  return command
}

/** Tells whether a command has commands of its own. */
export function isGroup(command: Command | CommandGroup): command is CommandGroup {
  return 'commands' in command
}
