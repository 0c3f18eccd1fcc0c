import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'

import { TorchError } from 'napi-torch'

import { Channel, type ProcessLink } from '../../../../packages/server/lib/workers/channel.js'

interface Asked {
  readonly double: (value: number) => Promise<number>
  readonly fail: (error: Error | null) => Promise<never>
}

/** Two ports of which each gets what the other sends, as structured clones. */
function ports(): readonly [ProcessLink, ProcessLink] {
  const listeners: ((message: unknown) => void)[] = []
  const port = (own: number): ProcessLink => ({
    send: (message, onSent) => {
      const copy: unknown = structuredClone(message)
      void setImmediate().then(() => listeners[1 - own]?.(copy))
      onSent(null)
    },
    onMessage: (listener) => void (listeners[own] = listener),
  })
  return [port(0), port(1)]
}

function channel(answers: Partial<Asked>): Channel<Asked> {
  const [ours, theirs] = ports()
  new Channel(theirs, answers)
  return new Channel<Asked>(ours, {})
}

const answers: Asked = {
  double: (value) => Promise.resolve(2 * value),
  fail: () => Promise.reject(new Error('fails')),
}

describe('Channel', () => {
  it('gives each question its answer', async () => {
    const asked = channel(answers)

    assert.deepEqual(await Promise.all([1, 2, 3].map((value) => asked.ask('double', value))), [2, 4, 6])
  })

  it('rejects with the error of the other side, with its code', async () => {
    const asked = channel({
      ...answers,
      fail: () => Promise.reject(new TorchError('TORCH_FILE', 'a.pth: No such file')),
    })

    await assert.rejects(asked.ask('fail', null), (error) => {
      assert.ok(error instanceof TorchError)
      assert.deepEqual([error.code, error.message], ['TORCH_FILE', 'a.pth: No such file'])
      return true
    })
  })

  it('rejects with the text of an error that is none of this package, and of what is no error', async () => {
    const asked = channel({
      double: () => Promise.reject(new RangeError('too far')),
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
      fail: () => Promise.reject('a text'),
    })

    await assert.rejects(asked.ask('double', 1), { name: 'Error', message: 'too far' })
    await assert.rejects(asked.ask('fail', null), { name: 'Error', message: 'a text' })
  })

  it('rejects what the other side does not know', async () => {
    await assert.rejects(channel({}).ask('double', 1), { message: 'There is nothing to answer double' })
  })

  it('rejects what waits, and all that comes, when it is closed', async () => {
    const asked = channel({ double: () => new Promise(() => undefined) })
    const reason = new TorchError('TORCH_NOT_READY', 'Worker 1 ended (SIGKILL)')
    const waiting = assert.rejects(asked.ask('double', 1), reason)

    asked.close(reason)

    await waiting
    await assert.rejects(asked.ask('double', 1), reason)
  })

  it('rejects where a message cannot be sent', async () => {
    const broken: ProcessLink = {
      send: (_message, onSent) => onSent(new Error('write EPIPE')),
      onMessage: () => undefined,
    }

    await assert.rejects(new Channel<Asked>(broken, {}).ask('double', 1), { message: 'write EPIPE' })
  })

  it('leaves messages of others alone', async () => {
    const [ours, theirs] = ports()
    const asked = new Channel<Asked>(ours, {})
    for (const message of [{ cmd: 'NODE_X' }, { id: 'text' }]) theirs.send(message, () => undefined)
    new Channel(theirs, answers)

    assert.equal(await asked.ask('double', 1), 2)
  })
})
