import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { Supervisor } from '../../../scripts/fuzz/supervisor.js'

const CORPUS = fileURLToPath(new URL('../../fixtures/fuzz/', import.meta.url))
const FILES = readdirSync(CORPUS).filter((name) => name.endsWith('.bin'))

describe('a file that fuzzing has found', function () {
  this.timeout(60_000)

  // In a process of its own, which such a file may end or hang. What these files once took is more than ten seconds; while
  // others use the same cores, CPU time too is several times as long.
  const supervisor = new Supervisor({ maxCpuMs: 8_000 })
  after(() => supervisor.close())

  for (const name of FILES) {
    for (const way of ['bytes', 'mmap'] as const) {
      it(`${name} is read or refused in bounded time and memory, by ${way}`, async () => {
        const { kind, detail } = await supervisor.run({ bytes: readFileSync(join(CORPUS, name)), way })

        assert.equal(kind, 'fine', detail)
      })
    }
  }
})
