import assert from 'node:assert/strict'

import { cuda, Parameter, scope, tensor } from 'napi-torch'
import { GradScaler, SGD } from 'napi-torch/optim'

import { itWithPython, python } from '../support/python.js'
import { skip } from '../support/skip.js'

/** Losses whose gradients are finite, infinite and NaN in turn. */
const FACTORS = [1, 2, 1e38, 1, 1, 1, NaN, 1, 1, 1, 1, 3, 1e30, 1]

const SCRIPT = `
import json, sys
import torch
nan = float('nan')
a = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
optimizer = torch.optim.SGD([a], lr=0.1)
scaler = torch.amp.GradScaler('cpu', init_scale=1024.0, growth_interval=3, growth_factor=3.0, backoff_factor=0.3)
seen = []
for step, factor in enumerate([1, 2, 1e38, 1, 1, 1, nan, 1, 1, 1, 1, 3, 1e30, 1]):
    optimizer.zero_grad()
    scaler.scale((a * factor).sum()).backward()
    if step % 2 == 1:
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    seen.append([scaler.get_scale(), scaler._get_growth_tracker(), *a.tolist()])
print(json.dumps([seen, scaler.state_dict()]))
`

describe('GradScaler', () => {
  itWithPython('takes and leaves out the steps that Python does, with its scales', () =>
    scope(() => {
      const a = new Parameter(tensor([1, 2], { dtype: 'float32' }))
      const optimizer = new SGD([a], { lr: 0.1 })
      const options = { initScale: 1024, growthInterval: 3, growthFactor: 3, backoffFactor: 0.3 }
      const scaler = new GradScaler({ device: 'cpu', ...options })

      const seen = FACTORS.map((factor, step) => {
        optimizer.zeroGrad()
        scaler.scale(a.mul(factor).sum()).backward()
        if (step % 2 === 1) scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        return [scaler.getScale(), scaler.stateDict()['_growth_tracker'], ...a.toFloat32Array()]
      })

      assert.deepEqual([seen, scaler.stateDict()], JSON.parse(python(SCRIPT)))
    }),
  )

  it('goes on from a state', () => {
    const scaler = new GradScaler({ device: 'cpu' })
    const state = { scale: 8, growth_factor: 4, backoff_factor: 0.25, growth_interval: 7, _growth_tracker: 2 }

    scaler.loadStateDict(new Map(Object.entries(state)))

    assert.deepEqual(scaler.stateDict(), state)
    assert.throws(() => scaler.loadStateDict({ ...state, scale: '1' }), {
      code: 'TORCH_STATE_DICT',
      message: 'Expected a number for scale of the state of GradScaler, received "1"',
    })
    assert.deepEqual(scaler.stateDict(), state)
  })

  it('does nothing if it is not enabled', () =>
    scope(() => {
      const a = new Parameter(tensor([1], { dtype: 'float32' }))
      const optimizer = new SGD([a], { lr: 1 })
      const scaler = new GradScaler({ enabled: false })

      scaler.scale(a.mul(2).sum()).backward()
      scaler.step(optimizer)
      scaler.update()

      assert.deepEqual([a.tolist(), scaler.getScale(), scaler.stateDict()], [[-1], 1, {}])
    }))

  it('refuses a second step or unscaling before update(), and an update() without a step', () =>
    scope(() => {
      const a = new Parameter(tensor([1], { dtype: 'float32' }))
      const optimizer = new SGD([a], { lr: 1 })
      const scaler = new GradScaler({ device: 'cpu' })
      const code = 'TORCH_INVALID_ARGUMENT'

      assert.throws(() => scaler.update(), { code, message: 'No inf checks were recorded prior to update.' })
      assert.throws(() => scaler.step(optimizer), { code, message: 'No inf checks were recorded for this optimizer.' })
      scaler.scale(a.sum()).backward()
      scaler.unscale_(optimizer)
      assert.throws(() => scaler.unscale_(optimizer), {
        code,
        message: 'unscale_() has already been called on this optimizer since the last update().',
      })
      scaler.step(optimizer)
      assert.throws(() => scaler.step(optimizer), {
        code,
        message: 'step() has already been called since the last update().',
      })
      assert.throws(() => scaler.unscale_(optimizer), { code, message: 'unscale_() is being called after step().' })
    }))

  it('refuses CUDA where there is none', function () {
    if (cuda.isAvailable()) skip(this, 'this machine has CUDA')
    assert.throws(() => new GradScaler(), {
      code: 'TORCH_CUDA_UNAVAILABLE',
      message: "There is no CUDA device for a GradScaler: write { device: 'cpu' }",
    })
  })
})
