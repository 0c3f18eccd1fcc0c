// What `napi-torch/internal/cli` exports: how the commands of this project's packages print and end. Not part of the
// public interface.

export type { Context } from '../cli/context.js'
export { EXIT } from '../cli/exit_codes.js'
export { count, duration, percent, plural, printable, rate } from '../cli/format.js'
export { Progress } from '../cli/progress.js'
export { errorLine, oneLine } from '../cli/report.js'
export { sampleModelFolder } from '../cli/sample_model.js'
export { bar, table } from '../cli/table.js'
export { Terminal } from '../cli/terminal.js'
export type { Colors } from '../cli/terminal.js'
