import assert from 'node:assert/strict'
import { join } from 'node:path'

import { full, loadCheckpoint, saveCheckpoint, scope, type CheckpointTree } from 'napi-torch'

import { inFolder } from '../../support/checkpoints.js'

const KEYS = ['conv1.weight', 'bn1.bias', 'fc.weight']

/** A state dict whose tensors hold `value`, each key behind a prefix. */
function weights(prefix = '', value = 1): Map<string, CheckpointTree> {
  return new Map(KEYS.map((key) => [prefix + key, full([2], value)]))
}

const optimizer = { state: new Map([[0, { step: 3, exp_avg: [0.5] }]]), param_groups: [{ lr: 0.1 }] }

/** What training programs leave, in their own form. */
const FORMS: readonly (readonly [name: string, tree: () => CheckpointTree, source: string])[] = [
  ['torchvision', () => ({ model: weights(), optimizer, lr_scheduler: { last_epoch: 3 }, epoch: 3 }), 'model'],
  ['the ImageNet example of PyTorch', () => ({ epoch: 3, arch: 'resnet18', state_dict: weights('module.'), best_acc1: 70.5, optimizer }), 'state_dict'],
  ['a tutorial', () => ({ epoch: 3, model_state_dict: weights(), optimizer_state_dict: optimizer, loss: 0.5 }), 'model_state_dict'],
  ['the CIFAR scripts', () => ({ net: weights('module.'), acc: 95.5, epoch: 3 }), 'net'],
  ['Lightning', () => ({ 'pytorch-lightning_version': '2.4', state_dict: weights('model.'), optimizer_states: [optimizer], callbacks: {} }), 'state_dict'],
  ['timm with an average', () => ({ arch: 'resnet18', epoch: 3, state_dict: weights(), state_dict_ema: weights('', 2), optimizer }), 'state_dict'],
  ['an average alone', () => ({ ema: weights(), optimizer }), 'ema'],
  ['DistributedDataParallel', () => weights('module.'), ''],
  ['torch.compile', () => weights('_orig_mod.'), ''],
  ['torch.compile of DataParallel', () => ({ model: weights('_orig_mod.module.') }), 'model'],
  ['the full state of FSDP', () => ({ model: weights(), optim: { state: { 'fc.weight': { exp_avg: full([2], 5) } } } }), 'model'],
] // prettier-ignore

describe('loadCheckpoint() of a training checkpoint', () => {
  for (const [name, tree, source] of FORMS) {
    it(`finds the weights in the form of ${name}, and the keys of the model`, () =>
      inFolder(async (folder) => {
        const path = join(folder, 'x.pth')
        await scope(() => saveCheckpoint(path, tree()))

        const state = await loadCheckpoint(path, { stripPrefix: true })

        assert.equal(state.source, source)
        assert.deepEqual([...state.keys()], KEYS)
        assert.deepEqual(state.get('fc.weight')?.tolist(), [1, 1])
        state.dispose()
      }))
  }
})
