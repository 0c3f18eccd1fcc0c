// Packs the main package as it is published, installs it into an empty folder as a user would, and runs the README's example
// there: `npm run check:package`.

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { npmPack, ROOT } from './package/files.js'
import { stageMainPackage } from './package/main_package.js'

const folder = mkdtempSync(join(tmpdir(), 'napi-torch-package-'))

try {
  const { filename } = npmPack(await stageMainPackage({ withLibtorch: false }), { destination: folder })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }))
  run('npm', ['install', '--silent', '--ignore-scripts', '--no-audit', '--no-fund', `./${filename}`])
  copyAddon(join(folder, 'node_modules', 'napi-torch', 'prebuilds', `${process.platform}-${process.arch}`))

  // What the example reads: a checkpoint and an image of the user's.
  copyFileSync(join(ROOT, 'test/fixtures/vision/420.jpg'), join(folder, 'dog.jpg'))
  const save = `import { resnet18, saveCheckpoint } from 'napi-torch'
    await saveCheckpoint('resnet18.pth', resnet18().stateDict())`
  run(process.execPath, ['--input-type=module', '--eval', save])
  writeFileSync(join(folder, 'example.mjs'), exampleOf('In your program'))
  console.log(run(process.execPath, ['example.mjs']))
  // A module of the user's own is of the same copy of the package as the command line.
  const own = `import { AdaptiveAvgPool2d, Conv2d, Flatten, Linear, Sequential } from 'napi-torch'
    export default () => new Sequential(new Conv2d(3, 4, 3), new AdaptiveAvgPool2d(1), new Flatten(), new Linear(4, 2))`
  writeFileSync(join(folder, 'own.mjs'), own)
  const saveOwn = `import build from './own.mjs'
    import { saveCheckpoint } from 'napi-torch'
    await saveCheckpoint('own.pth', build().stateDict())`
  run(process.execPath, ['--input-type=module', '--eval', saveOwn])
  console.log(
    run('npx', ['napi-torch', 'classify', 'own.pth', 'dog.jpg', '--module', './own.mjs', '--preset', 'cifar']),
  )
  console.log(run('npx', ['napi-torch', 'doctor']))
  console.log('✓ The packed package installs into an empty folder and runs the example of the README')
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** The published package brings its addon in prebuilds/; here the checkout's own build stands in for it. */
function copyAddon(target: string): void {
  for (const [from, to] of [
    ['Release/napi_torch.node', 'napi-torch.node'],
    ['preload/napi_torch_preload.node', 'preload/napi_torch_preload.node'],
  ] as const) {
    mkdirSync(dirname(join(target, to)), { recursive: true })
    copyFileSync(join(ROOT, 'build', from), join(target, to))
  }
}

/** The first block of JavaScript under the given heading of the README, which is what users copy. */
function exampleOf(heading: string): string {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const section = readme.slice(readme.indexOf(`## ${heading}`))
  const [, block] = /```(?:js|ts)\n([\s\S]*?)```/.exec(section) ?? []
  if (block === undefined) throw new Error(`README.md has no example under "${heading}"`)
  return block
}

function run(command: string, args: readonly string[]): string {
  const { status, error, stdout } = spawnSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    shell: process.platform === 'win32' && command !== process.execPath,
  })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? stdout}`)
  return stdout.trim()
}
