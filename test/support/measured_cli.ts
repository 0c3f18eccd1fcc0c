import { existsSync, readFileSync } from 'node:fs'

// The command line, which says at its end how much memory it took at most.
process.on('exit', () => process.stderr.write(`peak ${peakBytes()}\n`))

function peakBytes(): number {
  const status = '/proc/self/status'
  // maxRSS is kept across execve(2), and so counts the process that started this one: https://man7.org/linux/man-pages/man2/getrusage.2.html
  if (!existsSync(status)) return process.resourceUsage().maxRSS * 1024
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(status, 'utf8'))?.[1]) * 1024
}

await import('../../lib/cli/main.js')
