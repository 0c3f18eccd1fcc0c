import { TorchError } from '../util/errors.js'

/** Exit codes of commands; `docs/cli.md` explains them. They are as stable as error codes. */
export const EXIT = {
  /** Everything was done. */
  ok: 0,
  /** The command failed, a part of its input could not be used, or a comparison found a difference. */
  failed: 1,
  /** The command line was not understood; nothing was done. */
  usage: 2,
  /** libtorch or the native addon is missing or cannot be opened, or Node.js is too old, which main.ts finds. */
  installation: 3,
} as const

/** Added to the number of the signal that ended a command, as shells do: Ctrl-C gives 130. */
export const EXIT_SIGNAL = 128

/** Gives the exit code for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof TorchError)) return EXIT.failed
  switch (error.code) {
    case 'TORCH_USAGE':
      return EXIT.usage
    case 'TORCH_LIBTORCH_NOT_FOUND':
    case 'TORCH_LIBTORCH_VERSION':
    case 'TORCH_LIBTORCH_LOAD':
    case 'TORCH_PLATFORM':
    case 'TORCH_ADDON_NOT_FOUND':
      return EXIT.installation
    default:
      return EXIT.failed
  }
}
