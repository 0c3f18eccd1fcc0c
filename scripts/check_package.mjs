// Packs the package, installs it into an empty folder as a user would, and runs the README's example there.

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const root = path.join(import.meta.dirname, '..')
const folder = mkdtempSync(path.join(tmpdir(), 'napi-torch-package-'))

/** The first block of TypeScript under the given heading of the README, which is what users copy. */
function exampleOf(heading) {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8')
  const section = readme.slice(readme.indexOf(`## ${heading}`))
  const block = /```(?:js|ts)\n([\s\S]*?)```/.exec(section)
  if (block === null) throw new Error(`README.md has no example under "${heading}"`)
  return block[1]
}

function run(command, args, cwd) {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${result.error ?? result.stdout}`)
  return result.stdout.trim()
}

try {
  const tarball = run('npm', ['pack', '--silent', '--pack-destination', folder], root).split('\n').at(-1)
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }))
  run('npm', ['install', '--silent', '--no-audit', '--no-fund', `./${tarball}`], folder)

  // The published package brings its addon in prebuilds/; here the checkout's own build stands in for it.
  const target = path.join(folder, 'node_modules/napi-torch/prebuilds', `${process.platform}-${process.arch}`)
  mkdirSync(path.join(target, 'preload'), { recursive: true })
  copyFileSync(path.join(root, 'build/Release/napi_torch.node'), path.join(target, 'napi-torch.node'))
  const preload = 'preload/napi_torch_preload.node'
  copyFileSync(path.join(root, 'build', preload), path.join(target, preload))

  // What the example reads: a checkpoint and a picture of the user's.
  copyFileSync(path.join(root, 'test/fixtures/vision/420.jpg'), path.join(folder, 'dog.jpg'))
  const save = `import { resnet18, saveCheckpoint } from 'napi-torch'
    await saveCheckpoint('resnet18.pth', resnet18().stateDict())`
  run(process.execPath, ['--input-type=module', '--eval', save], folder)
  writeFileSync(path.join(folder, 'example.mjs'), exampleOf('In your program'))
  console.log(run(process.execPath, ['example.mjs'], folder))
  console.log(run('npx', ['napi-torch', 'doctor'], folder))
  console.log('✓ The packed package installs into an empty folder and runs the example of the README')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
