import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'

import { onAbort } from '../util/abort.js'
import { PACKAGE_ROOT } from '../util/package.js'
import type { Context } from './context.js'
import { EXIT, EXIT_SIGNAL } from './exit_codes.js'

/**
 * Builds the addon from the sources in this package against the libtorch that is found, or that `NAPI_TORCH_LIBTORCH`
 * names; fetches one where there is none. The setup of a checkout does the same steps, and prints them.
 */
export async function build({ signal }: Context): Promise<number> {
  const setup = join(PACKAGE_ROOT, 'scripts', 'setup.mjs')
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [setup], { stdio: 'inherit' })
    // It is in the same group, and so hears of Ctrl-C itself.
    onAbort(signal, () => child.kill('SIGTERM'))
    child.on('error', reject)
    child.on('close', (code, ended) => {
      if (ended !== null) resolve(EXIT_SIGNAL + constants.signals[ended])
      else resolve(code === 0 ? EXIT.ok : EXIT.installation)
    })
  })
}
