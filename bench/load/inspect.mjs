// Reads all that `napi-torch inspect` says of a checkpoint from its headers, without libtorch, in a process of its own;
// bench/load.ts starts it and reads the JSON it prints.
//
// node bench/load/inspect.mjs STARTED FILE

import { readFileSync } from 'node:fs'

import { findStateDict } from '../../dist/checkpoint/state_dict/find.js'
import { readCheckpoint } from '../../dist/checkpoint/read.js'
import { detectArchitecture } from '../../dist/models/detect.js'

const [started, file] = process.argv.slice(2)
const startup = Date.now() - Number(started)

/** Bytes that this process has asked the system to read. */
function bytesRead() {
  return Number(/^rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))[1])
}

const before = bytesRead()
const start = performance.now()
const { tensors } = findStateDict(await readCheckpoint(file))
const { name } = detectArchitecture(tensors)
const lines = Array.from(tensors, ([key, { dtype, shape, nbytes }]) => `${key} ${dtype} ${shape.join('x')} ${nbytes}`)
const inspect = performance.now() - start

console.log(JSON.stringify({ startup, inspect, read: bytesRead() - before, name, tensors: lines.length }))
