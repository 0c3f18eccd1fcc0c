// One load of a checkpoint by this package, in a process of its own; bench/load.ts starts it and reads the JSON it prints.
//
// node bench/load/node.mjs STARTED FILE '{"mmap": true, "assign": true}'
//
// With `assign` the model is made with skipInit, as its own tensors are never used.

import { readFileSync, writeFileSync } from 'node:fs'

import { init, loadCheckpoint, resnet18, setNumThreads } from 'napi-torch'

const [started, file, options] = process.argv.slice(2)
const { mmap, assign } = JSON.parse(options)
const startup = Date.now() - Number(started)

/** Bytes of a line of /proc/self/status. */
function status(name) {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024
}

/** From now on the peak is that of what follows. */
function resetPeak() {
  writeFileSync('/proc/self/clear_refs', '5')
}

/** Watches how long the event loop is kept from running anything else. */
function watchEventLoop() {
  let last = performance.now()
  let longest = 0
  const look = () => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }
  const timer = setInterval(look, 1)
  return () => {
    clearInterval(timer)
    look()
    return longest
  }
}

async function timed(body) {
  const start = performance.now()
  const result = await body()
  return [performance.now() - start, result]
}

const before = status('VmRSS')
const [model, net] = await timed(() => (assign ? init.skipInit(() => resnet18()) : resnet18()))
const withModel = status('VmRSS')
resetPeak()
const stop = watchEventLoop()
const [load, state] = await timed(() => loadCheckpoint(file, { mmap }))
const gap = stop()
const [loadStateDict] = await timed(() => net.loadStateDict(state, { assign }))
const peak = status('VmHWM')

// What was only mapped is read now; and a contender that loaded something else is found out. One thread waits for no other.
setNumThreads(1)
const [touch, sum] = await timed(() => {
  let total = 0
  for (const [key, tensor] of net.stateDict()) {
    if (!key.endsWith('num_batches_tracked')) total += tensor.sum({ dtype: 'float64' }).item()
  }
  return total
})

const memory = { extra: peak - withModel, extraWithModel: peak - before }
console.log(JSON.stringify({ startup, model, load, loadStateDict, touch, gap, sum, ...memory }))
