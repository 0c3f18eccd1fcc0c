import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'

import { onAbort } from '../util/abort.js'
import { PACKAGE_ROOT } from '../util/package.js'
import { defineCommand, type Context } from './command.js'
import { EXIT, EXIT_SIGNAL } from './exit_codes.js'

export const command = defineCommand({
  name: 'build',
  description: 'Builds the addon from the sources in this package.',
  notes: `Needs a C++20 compiler, CMake, and make or ninja; and a libtorch with headers: version 2.11 to 2.14 where
NAPI_TORCH_LIBTORCH names one, else 2.13, which is downloaded if it is not found.`,
  examples: ['napi-torch build', 'NAPI_TORCH_LIBTORCH=/opt/libtorch napi-torch build'],
  run: (_args, _flags, context) => build(context),
})

/** Runs the setup of a checkout, which prints its steps. */
async function build({ signal }: Context): Promise<number> {
  const setup = join(PACKAGE_ROOT, 'scripts', 'setup.mjs')
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [setup], { stdio: 'inherit' })
    // Ctrl-C reaches it without our help, as it is in the same process group.
    onAbort(signal, () => child.kill('SIGTERM'))
    child.on('error', reject)
    child.on('close', (code, ended) => {
      if (ended !== null) resolve(EXIT_SIGNAL + constants.signals[ended])
      else resolve(code === 0 ? EXIT.ok : EXIT.installation)
    })
  })
}
