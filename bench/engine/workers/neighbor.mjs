// Another program on the machine: keeps one core busy half of the time, 2 ms at once, until it is ended.
//
// node bench/engine/workers/neighbor.mjs

const HALF_MS = 2
const nothing = new Int32Array(new SharedArrayBuffer(4))

for (;;) {
  const start = performance.now()
  while (performance.now() - start < HALF_MS);
  // Waits for what never comes.
  Atomics.wait(nothing, 0, 0, HALF_MS)
}
