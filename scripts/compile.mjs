// Compiles the TypeScript of the packages: `npm run build`. The main package first, whose types the others import.

import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'

import { PROJECTS, ROOT } from './setup/root.mjs'

const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')

for (const folder of PROJECTS) {
  const args = [compiler, '-p', join(ROOT, folder, 'tsconfig.build.json')]
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}
