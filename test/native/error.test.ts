import assert from 'node:assert/strict'

import { runModule } from '../support/child.js'

describe('a warning of libtorch', () => {
  it('reaches process.on("warning"), and nothing else is printed', async () => {
    // An even kernel cannot be padded evenly: libtorch says so once in a process.
    const result = await runModule(`
      import { functional, ones, scope } from 'napi-torch'
      process.removeAllListeners('warning')
      process.on('warning', ({ name, message }) => console.log(name + ': ' + message.slice(0, 33)))
      scope(() => functional.conv2d(ones([1, 1, 4, 4]), ones([1, 1, 2, 2]), { padding: 'same' }))
    `)

    assert.deepEqual(
      { stdout: result.stdout.trim(), stderr: result.stderr, status: result.status },
      { stdout: "TorchWarning: Using padding='same' with even ke", stderr: '', status: 0 },
    )
  })
})
