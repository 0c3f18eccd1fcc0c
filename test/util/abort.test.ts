import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'

import { checkSignal, onAbort } from '../../lib/util/abort.js'

describe('abort', () => {
  describe('onAbort()', () => {
    it('calls the listener once with the reason when the signal is aborted', () => {
      const controller = new AbortController()
      const reasons: unknown[] = []
      onAbort(controller.signal, (reason) => reasons.push(reason))

      const before = [...reasons]
      controller.abort('stop')
      controller.abort('again')

      assert.deepEqual({ before, reasons }, { before: [], reasons: ['stop'] })
    })

    it('calls the listener at once if the signal is aborted already', () => {
      const reasons: unknown[] = []

      onAbort(AbortSignal.abort('stopped'), (reason) => reasons.push(reason))()

      assert.deepEqual(reasons, ['stopped'])
    })

    it('does not call a listener that has been removed', () => {
      const controller = new AbortController()
      const called: string[] = []
      const ignore = onAbort(controller.signal, () => called.push('removed'))
      onAbort(controller.signal, () => called.push('kept'))

      ignore()
      controller.abort()

      assert.deepEqual(called, ['kept'])
    })

    it('adds one listener to the signal for all calls, as Node warns of a leak from the eleventh on', () => {
      const { signal } = new AbortController()

      for (let i = 0; i < 20; i++) onAbort(signal, () => undefined)

      assert.equal(getEventListeners(signal, 'abort').length, 1)
    })

    it('does nothing without a signal', () => {
      const ignore = onAbort(undefined, () => {
        throw new Error('called')
      })

      assert.doesNotThrow(ignore)
    })
  })

  describe('checkSignal()', () => {
    it('gives a signal back, and undefined', () => {
      const { signal } = new AbortController()

      assert.deepEqual([checkSignal(signal), checkSignal(undefined)], [signal, undefined])
    })

    it('refuses anything else', () => {
      assert.throws(() => checkSignal(new AbortController()), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected an AbortSignal for signal, received an instance of AbortController',
      })
    })
  })
})
