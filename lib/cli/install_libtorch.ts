import { installLibtorch as install, type InstallProgress } from '../install/install.js'
import type { Context } from './context.js'
import { EXIT } from './exit_codes.js'
import { bytes } from './format.js'
import type { InstallFlags } from './program.js'
import { Progress } from './progress.js'

/** Puts libtorch into the cache, showing each step, and says where it lies. */
export async function installLibtorch(flags: InstallFlags, { terminal, signal }: Context): Promise<number> {
  const { dim, green } = terminal.colors
  let progress: Progress | null = null
  let action: InstallProgress['action'] | null = null
  const stopProgress = (): void => {
    progress?.stop()
    progress = null
    action = null
  }
  try {
    const { version, flavour, folder } = await install({
      ...flags,
      signal,
      onStep: (text) => {
        stopProgress()
        terminal.print(`${dim('·')} ${text}`)
      },
      onProgress: (step) => {
        // A server that does not tell how long its file is leaves nothing to draw.
        if (step.total === null) return
        if (action !== step.action) {
          stopProgress()
          progress = new Progress(terminal, step.total, (done, total) => `${bytes(done)} of ${bytes(total)}`)
          action = step.action
        }
        progress?.update(step.done)
      },
    })
    stopProgress()
    terminal.print(`${green('✓')} libtorch ${version} (${flavour}) lies in ${folder}`)
    return EXIT.ok
  } finally {
    stopProgress()
  }
}
