import { Classifier, memory } from 'napi-torch'
import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
const n = +(process.argv[2] ?? 50), how = process.argv[3] ?? ''
const { trim } = { trim: how.includes('trim') ? createRequire(import.meta.url)('/tmp/c_repro/trim.node') : () => 0 }
const status = (k) => +/\d+/.exec(readFileSync('/proc/self/status', 'utf8').split('\n').find(l => l.startsWith(k)))[0]
const row = (s) => console.log(s, 'rss', (status('VmRSS') / 1024).toFixed(0), 'anon', (status('RssAnon')/1024).toFixed(0), 'MiB threads', status('Threads'), 'fds', readdirSync('/proc/self/fd').length, 'listeners', process.listenerCount('exit'))
const image = { data: new Uint8Array(300 * 400 * 3).fill(100), height: 300, width: 400, channels: 3 }
const times = []
async function cycle() {
  const a = performance.now()
  const c = await Classifier.load('/tmp/c_repro/r18.pth', { maxBatchSize: 8 })
  const b = performance.now()
  await Promise.all(Array.from({ length: 4 }, () => c.classify(image)))
  const d = performance.now()
  await c.close()
  times.push([b - a, d - b, performance.now() - d])
}
import { version } from 'napi-torch'
version(); row('start')
for (let i = 1; i <= n; i++) { await cycle(); if (how.includes('trim')) times.at(-1).push(trim()); if ([1, 2, 5, 10, 20, 50, 100, 150].includes(i)) row('after ' + i) }
globalThis.gc(); await new Promise(r => setTimeout(r, 100)); row('after gc')
const med = (k) => times.map(t => t[k] ?? 0).sort((a, b) => a - b)[times.length >> 1].toFixed(1)
console.log('median load', med(0), 'classify4', med(1), 'close', med(2), 'trim', med(3), 'live', JSON.stringify(memory()))
