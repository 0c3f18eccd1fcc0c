// Prints what readCheckpoint() and loadCheckpoint() take for the files of files.py, each in a process of its own.
//
//     node bench/load/files.mjs FOLDER
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [folder, name, how] = process.argv.slice(2)
if (how === undefined) {
  for (const file of ['tiny.pth', 'tiny_legacy.pth', 'resnet18.pth', 'resnet18_legacy.pth']) {
    for (const verb of ['readCheckpoint', 'loadCheckpoint']) {
      const args = [...process.execArgv, fileURLToPath(import.meta.url), folder, file, verb]
      execFileSync(process.execPath, args, { stdio: 'inherit' })
    }
  }
} else {
  const library = await import('napi-torch')
  const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024
  await library[how](join(folder, 'warm.pth'))
  const before = peak()
  const start = performance.now()
  const kept = await library[how](join(folder, name))
  const took = (performance.now() - start).toFixed(0)
  console.log(`${how} ${name}: ${took} ms, ${(peak() - before).toFixed(0)} MiB more at the peak`, kept.format ?? '')
}
