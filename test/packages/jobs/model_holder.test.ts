import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'

import { ModelHolder } from '../../../packages/jobs/lib/model_holder.js'

describe('ModelHolder', () => {
  const settings = (digest: string): { path: string; digest: string; dtype: 'float32' } => {
    return { path: 'model.pth', digest, dtype: 'float32' }
  }

  /** Counts what is loaded and closed. */
  function createHolder(): { readonly holder: ModelHolder; readonly log: string[] } {
    const log: string[] = []
    const holder = new ModelHolder(({ digest }) => {
      log.push(`load ${digest}`)
      if (digest === 'bad') return Promise.reject(new Error('damaged'))
      return Promise.resolve({
        classify: () => Promise.resolve([]),
        features: () => Promise.resolve(new Float32Array()),
        close: () => Promise.resolve(void log.push(`close ${digest}`)),
      })
    })
    return { holder, log }
  }

  it('loads a model once for all its users', async () => {
    const { holder, log } = createHolder()

    await Promise.all([1, 2, 3].map(() => holder.use(settings('a'), () => Promise.resolve())))
    await holder.use(settings('a'), () => Promise.resolve())

    assert.deepEqual(log, ['load a'])
  })

  it('closes a model before it loads another, and never while it is used', async () => {
    const { holder, log } = createHolder()
    const use = (digest: string): Promise<void> =>
      holder.use(settings(digest), async () => {
        await setTimeout(10)
        log.push(`used ${digest}`)
      })

    await Promise.all([use('a'), use('a'), use('b'), use('a')])
    await holder.close()

    assert.deepEqual(log, [
      'load a',
      'used a',
      'used a',
      'close a',
      'load b',
      'used b',
      'close b',
      'load a',
      'used a',
      'close a',
    ])
  })

  it('tries again a model that could not be loaded', async () => {
    const { holder, log } = createHolder()

    for (let round = 0; round < 2; round++)
      await assert.rejects(
        holder.use(settings('bad'), () => Promise.resolve()),
        { message: 'damaged' },
      )
    await holder.use(settings('a'), () => Promise.resolve())

    assert.deepEqual(log, ['load bad', 'load bad', 'load a'])
  })

  it('closes a model after a use that failed', async () => {
    const { holder, log } = createHolder()

    await assert.rejects(
      holder.use(settings('a'), () => Promise.reject(new Error('no'))),
      { message: 'no' },
    )
    await holder.use(settings('b'), () => Promise.resolve())

    assert.deepEqual(log, ['load a', 'close a', 'load b'])
  })
})
