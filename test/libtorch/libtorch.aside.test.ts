import assert from 'node:assert/strict'

import { evaluateModule } from '../support/child.js'
import { skip } from '../support/skip.js'

const ASIDE = JSON.stringify(new URL('../../lib/libtorch/libtorch.ts', import.meta.url).href)

/** Opens libtorch aside in a process of its own, looks at what it has open then, and uses it. */
const PROGRAM = `
  import { readFileSync } from 'node:fs'
  import { openLibtorchAside } from ${ASIDE}
  const isOpen = () => readFileSync('/proc/self/maps', 'utf8').includes('libtorch_cpu')
  const before = isOpen()
  await openLibtorchAside()
  const after = isOpen()
  const { ones } = await import('napi-torch')
  let sum
  try { sum = ones([3]).sum().item() } catch ({ code }) { sum = code }
  console.log(JSON.stringify([before, after, sum]))`

describe('openLibtorchAside()', () => {
  it('lets the main thread go on, and opens it once for two calls', async () => {
    const [ticks, isSame] = (await evaluateModule(`
      import { openLibtorchAside } from ${ASIDE}
      let ticks = 0
      const timer = setInterval(() => (ticks += 1), 5)
      const first = openLibtorchAside()
      const second = openLibtorchAside()
      await first
      clearInterval(timer)
      console.log(JSON.stringify([ticks, first === second]))`)) as [number, boolean]

    // It takes some 300 ms.
    assert.ok(ticks > 2, `the main thread did ${ticks} things meanwhile`)
    assert.equal(isSame, true)
  })

  it('opens libtorch for the whole process, where the main thread finds it', async function () {
    if (process.platform !== 'linux') skip(this, 'what is open is read from /proc')

    assert.deepEqual(await evaluateModule(PROGRAM), [false, true, 3])
  })

  it('leaves it to the first use to say why it cannot be opened', async function () {
    if (process.platform !== 'linux') skip(this, 'what is open is read from /proc')

    const env = { NAPI_TORCH_LIBTORCH: '/nowhere' }
    assert.deepEqual(await evaluateModule(PROGRAM, { env }), [false, false, 'TORCH_LIBTORCH_NOT_FOUND'])
  })
})
