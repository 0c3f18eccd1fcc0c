import assert from 'node:assert/strict'
import { join } from 'node:path'

import {
  BatchNorm2d,
  Conv2d,
  loadCheckpoint,
  manualSeed,
  randn,
  saveCheckpoint,
  scope,
  Sequential,
  StateDict,
} from 'napi-torch'
import { AveragedModel, getEmaMultiAvgFn, SGD, updateBn, type AveragedModelOptions } from 'napi-torch/optim'

import { useTemporaryFolder } from '../support/folder.js'
import { assertClose } from '../support/numeric.js'
import { itWithPython, python } from '../support/python.js'

const SCRIPT = `
import sys, torch
from torch.optim.swa_utils import *
folder = sys.argv[1]
torch.set_num_threads(1)
batches = torch.load(folder + '/data.pth', weights_only=True)['batches']
for name, options in [('swa', {}), ('ema', {'multi_avg_fn': get_ema_multi_avg_fn(0.9)}), ('buffers', {'multi_avg_fn': get_ema_multi_avg_fn(0.7), 'use_buffers': True})]:
    model = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))
    model.load_state_dict(torch.load(folder + '/start.pth', weights_only=True))
    averaged = AveragedModel(model, **options)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for batch in batches:
        optimizer.zero_grad()
        model(batch).pow(4).mean().backward()
        optimizer.step()
        averaged.update_parameters(model)
    torch.save(averaged.state_dict(), folder + f'/{name}.pth')
    update_bn(batches, averaged)
    torch.save(averaged.state_dict(), folder + f'/{name}-bn.pth')
`

const make = (): Sequential => new Sequential(new Conv2d(2, 3, 3), new BatchNorm2d(3))

describe('AveragedModel', () => {
  const temporaryFolder = useTemporaryFolder()

  itWithPython('has the averages of Python within 1e-5, and by updateBn() its running statistics', () =>
    scope(async () => {
      const folder = temporaryFolder()
      manualSeed(4)
      await saveCheckpoint(join(folder, 'start.pth'), make().stateDict())
      const data = new StateDict()
      data.set('batches', randn([5, 4, 2, 6, 6]))
      await saveCheckpoint(join(folder, 'data.pth'), data)
      python(SCRIPT, [folder])
      const cases: readonly (readonly [string, AveragedModelOptions])[] = [
        ['swa', {}],
        ['ema', { multiAvgFn: getEmaMultiAvgFn(0.9) }],
        ['buffers', { multiAvgFn: getEmaMultiAvgFn(0.7), useBuffers: true }],
      ]

      for (const [name, options] of cases) {
        const model = make()
        model.loadStateDict(await loadCheckpoint(join(folder, 'start.pth')))
        const averaged = new AveragedModel(model, make(), options)
        const optimizer = new SGD(model.parameters(), { lr: 0.1 })
        const batches =
          data
            .get('batches')
            ?.split(1)
            .map((batch) => batch.squeeze(0)) ?? []
        for (const batch of batches) {
          optimizer.zeroGrad()
          model.forward(batch).pow(4).mean().backward()
          optimizer.step()
          averaged.updateParameters(model)
        }
        for (const file of [name, `${name}-bn`]) {
          if (file !== name) await updateBn(batches, averaged)
          const expected = await loadCheckpoint(join(folder, `${file}.pth`))
          const state = averaged.stateDict()
          assert.deepEqual([...state.keys()], [...expected.keys()])
          for (const [key, tensor] of state) assertClose(tensor, expected.get(key) ?? assert.fail(key), { atol: 1e-5 })
        }
        assert.ok(averaged.training)
        assert.equal((averaged.module.getSubmodule('1') as BatchNorm2d).momentum, 0.1)
      }
    }),
  )

  it('refuses a decay above 1, and a module that is the model', () =>
    scope(() => {
      const code = 'TORCH_INVALID_ARGUMENT'
      const model = make()

      assert.throws(() => getEmaMultiAvgFn(1.5), {
        code,
        message: 'Invalid decay value 1.5 provided. Please provide a value in [0,1] range.',
      })
      assert.throws(() => new AveragedModel(model, model), { code, message: /^Expected a second Module for module, / })
    }))
})
