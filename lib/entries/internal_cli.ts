// What `napi-torch/internal/cli` exports: how the commands of this project's packages are declared, and how they print and
// end. Not part of the public interface.

export { defineCommand } from '../cli/command.js'
export type {
  Argument,
  Command,
  CommandEntry,
  CommandGroup,
  Context,
  Flags,
  Option,
  ValueType,
} from '../cli/command.js'
export { EXIT } from '../cli/exit_codes.js'
export * from '../cli/options.js'
export { errorLine, oneLine } from '../cli/output/errors.js'
export { Progress } from '../cli/output/progress.js'
export { bar, table } from '../cli/output/table.js'
export { Terminal } from '../cli/output/terminal.js'
export type { Colors } from '../cli/output/terminal.js'
export { count, duration, percent, plural, printable, rate } from '../cli/output/text.js'
export { SAMPLE_CHECKPOINT, sampleModelFolder } from '../cli/sample_model.js'
