import assert from 'node:assert/strict'

import { checkSettings } from '@napi-torch/server'

const MODELS = [{ name: 'a', checkpoint: 'a.pth' }]

function refused(given: object, message: string): void {
  assert.throws(() => checkSettings({ models: MODELS, ...given }), { code: 'TORCH_INVALID_ARGUMENT', message })
}

describe('checkSettings()', () => {
  it('fills in defaults, and takes undefined for what is left out', () => {
    const { port, maxSamples, models } = checkSettings({ models: MODELS, port: undefined, maxSamples: 3 })

    assert.deepEqual([port, maxSamples, models], [8000, 3, MODELS])
  })

  for (const [what, given, message] of [
    ['a number out of its range', { port: 70_000 }, 'settings: port must be <= 65535, received 70000'],
    ['no worker', { workers: 0 }, 'settings: workers must be >= 1, received 0'],
    ['more workers than it starts', { workers: 129 }, 'settings: workers must be <= 128, received 129'],
    [
      'a request that is larger than the queue of a worker',
      { workers: 4, maxQueueSize: 200 },
      'settings: Expected maxSamples of at most maxQueueSize (50 for a in each of 4 workers), received 64',
    ],
    ['a value of another type', { threads: 'all' }, 'settings: threads must be integer, received "all"'],
    [
      'a choice that there is not',
      { logLevel: 'loud' },
      'settings: logLevel must be one of fatal, error, warn, info, debug, trace, silent, received "loud"',
    ],
    ['a token of another type, which it does not print', { token: 5 }, 'settings: token must be string'],
    [
      'a name that there is not, with the one that was meant',
      { max_batch_size: 8 },
      'settings: Expected the name of a setting, received "max_batch_size" (did you mean maxBatchSize?)',
    ],
    ['a name that is like none', { xyz: 8 }, 'settings: Expected the name of a setting, received "xyz"'],
    [
      'an unknown name of a model',
      { models: [{ name: 'a', checkpoint: 'a.pth', dtyp: 'float32' }] },
      'settings: Expected the name of a setting of a model under models.0, received "dtyp" (did you mean dtype?)',
    ],
    [
      'a model without its checkpoint',
      { models: [{ name: 'a' }] },
      'settings: models.0.checkpoint must be string, received none',
    ],
    ['a model that is none', { models: ['a.pth'] }, 'settings: models.0 must be object, received "a.pth"'],
    ['models that are no list', { models: 'a.pth' }, 'settings: models must be array, received "a.pth"'],
    ['a name of every object', { constructor: 1 }, 'settings: Expected the name of a setting, received "constructor"'],
    [
      'two models of one name and version',
      { models: [...MODELS, ...MODELS] },
      'settings: Expected distinct models, received a version 1 twice',
    ],
    [
      'more samples than the queue of a model takes',
      { maxQueueSize: 8 },
      'settings: Expected maxSamples of at most maxQueueSize (8 for a), received 64',
    ],
    ['a certificate without its key', { tlsCert: 'a' }, 'settings: Expected both tlsCert and tlsKey, received one'],
    [
      'models that everyone can unload',
      { repositoryControl: true },
      'settings: Expected an adminToken with repositoryControl, received none',
    ],
    [
      'several at once',
      { port: -1, prot: 1, threads: 0.5 },
      'settings: 3 faults:\n' +
        '  Expected the name of a setting, received "prot" (did you mean port?)\n' +
        '  port must be >= 0, received -1\n' +
        '  threads must be integer, received 0.5',
    ],
    [
      'two contradictions at once',
      { tlsKey: 'a', repositoryControl: true },
      'settings: 2 faults:\n' +
        '  Expected an adminToken with repositoryControl, received none\n' +
        '  Expected both tlsCert and tlsKey, received one',
    ],
  ] as const) {
    it(`refuses ${what}`, () => {
      refused(given, message)
    })
  }

  it('says where each fault is, in the order of the lines', () => {
    const lines = new Map([
      ['port', 'line 12'],
      ['threads', 'line 3'],
    ])
    const check = (): unknown =>
      checkSettings({ models: MODELS, port: -1, threads: -1 }, 'server.yaml', ([name = '']) => lines.get(name))

    assert.throws(check, {
      message:
        'server.yaml: 2 faults:\n  line 3: threads must be >= 0, received -1\n  line 12: port must be >= 0, received -1',
    })
  })

  it('counts the faults that a message has no room for', () => {
    const given = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`x${index}`, index]))

    assert.throws(
      () => checkSettings({ models: MODELS, ...given }),
      ({ message }: Error) => {
        assert.match(message, /^settings: 100 faults:\n(.*\n){9} {2}and 91 more$/)
        assert.ok(message.length <= 500, String(message.length))
        return true
      },
    )
  })

  it('refuses what is no object', () => {
    assert.throws(() => checkSettings([]), { message: 'Expected an object for settings, received []' })
  })
})
