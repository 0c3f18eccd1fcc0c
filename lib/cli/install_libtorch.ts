import { installLibtorch as install, type InstallProgress } from '../install/install.js'
import { FLAVORS } from '../install/official.js'
import { defineCommand, type Context, type Flags } from './command.js'
import { EXIT } from './exit_codes.js'
import { Progress } from './output/progress.js'
import { bytes } from './output/text.js'

const OPTIONS = {
  from: { value: '<path>', description: 'libtorch folder or zip, torch wheel, or folder of wheels' },
  flavor: { value: '<name>', description: 'build of libtorch: without CUDA, or for CUDA 13.0', choices: FLAVORS },
  force: { description: 'install even if it is installed already' },
} as const

export const command = defineCommand({
  name: 'install-libtorch',
  description: 'Installs libtorch into the cache of this package.',
  options: OPTIONS,
  notes: `Without --from, the official package of PyTorch is downloaded, and its checksum is verified.
NAPI_TORCH_LIBTORCH_URL sets another address for it, https_proxy a proxy.`,
  examples: ['napi-torch install-libtorch', 'napi-torch install-libtorch --from libtorch-shared-with-deps-2.13.0.zip'],
  run: (_args, flags, context) => installLibtorch(flags, context),
})

/** Installs libtorch, shows each step, and says where it lies. */
async function installLibtorch(flags: Flags<typeof OPTIONS>, { terminal, signal }: Context): Promise<number> {
  const { dim, green } = terminal.colors
  let progress: Progress | null = null
  let action: InstallProgress['action'] | null = null
  const stopProgress = (): void => {
    progress?.stop()
    progress = null
    action = null
  }
  try {
    const { version, flavor, folder } = await install({
      ...flags,
      signal,
      onStep: (text) => {
        stopProgress()
        terminal.print(`${dim('·')} ${text}`)
      },
      onProgress: (step) => {
        // A server that does not send the length of its file leaves nothing to draw.
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
    terminal.print(`${green('✓')} libtorch ${version} (${flavor}) is in ${folder}`)
    return EXIT.ok
  } finally {
    stopProgress()
  }
}
