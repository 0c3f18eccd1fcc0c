import type { Terminal } from './terminal.js'

/** What every command is given beside its own arguments. */
export interface Context {
  readonly terminal: Terminal
  /** Aborted by Ctrl-C: a command that takes long looks at it between two steps, and tidies up. */
  readonly signal: AbortSignal
}
