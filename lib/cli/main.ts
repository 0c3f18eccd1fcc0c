#!/usr/bin/env node
import { readFileSync } from 'node:fs'

// Run by every Node.js, so that one that is too old gets a sentence: it could not even parse the modules of the commands. Hence
// this file imports none of ours, has no function, which the bundler would mark by a helper in another file, and keeps to the
// syntax of old versions.

const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  engines: { node: string }
}
const oldest = engines.node.replace(/^[^\d]*/, '')
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const [oldestMajor = 0, oldestMinor = 0] = oldest.split('.').map(Number)

if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) {
  // A failure to import it ends the process with its stack.
  void import('./start.js')
} else {
  process.stderr.write(
    `napi-torch: Expected Node.js ${oldest} or newer, received ${process.versions.node}; install it from https://nodejs.org (TORCH_PLATFORM)\n`,
  )
  // That of a missing installation: see exit_codes.ts.
  process.exitCode = 3
}
