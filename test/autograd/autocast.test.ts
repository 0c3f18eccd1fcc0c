import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

import {
  autocast,
  compile,
  functional as F,
  getAutocastDtype,
  getNumThreads,
  isAutocastEnabled,
  loadCheckpoint,
  manualSeed,
  noGrad,
  ones,
  randint,
  randn,
  resnet18Cifar,
  saveCheckpoint,
  scope,
  StateDict,
  type Tensor,
} from 'napi-torch'
import { SGD } from 'napi-torch/optim'

import { useTemporaryFolder } from '../support/folder.js'
import { assertClose } from '../support/numeric.js'
import { itWithPython, python } from '../support/python.js'

/** A step of training under autocast, and the dtypes that operators give. */
const SCRIPT = `
import sys
sys.path.insert(0, 'scripts')
import torch
import resnet_cifar
folder = sys.argv[1]
torch.set_num_threads(int(sys.argv[2]))
model = resnet_cifar.resnet18(width=16).to(memory_format=torch.channels_last)
model.load_state_dict(torch.load(folder + '/start.pth', weights_only=True))
data = torch.load(folder + '/data.pth', weights_only=True)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
images = data['images'].contiguous(memory_format=torch.channels_last)
with torch.autocast('cpu', dtype=torch.bfloat16):
    loss = torch.nn.functional.cross_entropy(model(images), data['labels'])
loss.backward()
optimizer.step()
torch.save(model.state_dict(), folder + '/end.pth')
print(loss.item())

a, b = torch.ones(2, 2), torch.ones(2, 2)
x = torch.ones(1, 2, 4, 4)
with torch.autocast('cpu', dtype=torch.bfloat16):
    c = a @ b
    results = [c, c + a, c.exp(), torch.nn.functional.linear(c, a), torch.nn.functional.conv2d(x, torch.ones(2, 2, 3, 3)),
        torch.nn.functional.mse_loss(c, a), torch.nn.functional.softmax(c, 1), torch.nn.functional.cross_entropy(c, torch.tensor([0, 1]))]
    with torch.autocast('cpu', enabled=False):
        results.append(a @ b)
    with torch.autocast('cpu', dtype=torch.float16):
        results.append(a @ b)
print(' '.join(str(r.dtype).removeprefix('torch.') for r in results))
`

/** The dtype of a product, and whether autocast holds by its function. */
function state(): [string, boolean] {
  return [scope(() => ones([2, 2]).matmul(ones([2, 2])).dtype), isAutocastEnabled()]
}

/** The dtypes of what the script computes at its end. */
function dtypesOfResults(): string[] {
  const [a, b, x] = [ones([2, 2]), ones([2, 2]), ones([1, 2, 4, 4])]
  return autocast(
    () => {
      const c = a.matmul(b)
      const results: Tensor[] = [c, c.add(a), c.exp(), F.linear(c, a), F.conv2d(x, ones([2, 2, 3, 3]))]
      results.push(F.mseLoss(c, a), F.softmax(c, 1), F.crossEntropy(c, randint(0, 2, [2])))
      results.push(autocast(() => a.matmul(b), { enabled: false }))
      results.push(autocast(() => a.matmul(b), { dtype: 'float16' }))
      return results.map(({ dtype }) => dtype)
    },
    { dtype: 'bfloat16' },
  )
}

const OFF = ['float32', false]
const ON = ['bfloat16', true]

describe('autocast()', () => {
  const temporaryFolder = useTemporaryFolder()

  itWithPython(
    'gives the dtypes of Python, and in training its weights within 1e-6, by both kinds of backward pass',
    () =>
      scope(async () => {
        const folder = temporaryFolder()
        manualSeed(1)
        const images = randn([4, 3, 32, 32]).contiguous({ memoryFormat: 'channels_last' })
        const labels = randint(0, 10, [4])
        const start = resnet18Cifar({ width: 16 }).stateDict()
        await saveCheckpoint(join(folder, 'start.pth'), start)
        const data = new StateDict()
        data.set('images', images)
        data.set('labels', labels)
        await saveCheckpoint(join(folder, 'data.pth'), data)
        const [value, dtypes] = python(SCRIPT, [folder, String(getNumThreads())])
          .trim()
          .split('\n')
        const theirs = Number(value)
        const end = await loadCheckpoint(join(folder, 'end.pth'))

        assert.equal(dtypesOfResults().join(' '), dtypes)
        for (const pass of ['backward', 'backwardAsync'] as const) {
          const model = resnet18Cifar({ width: 16 }).to({ memoryFormat: 'channels_last' })
          model.loadStateDict(start)
          const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 })

          const loss = autocast(() => F.crossEntropy(model.forward(images), labels))
          await loss[pass]()
          optimizer.step()

          assert.ok(
            Math.abs(Number(loss.item()) - theirs) < 1e-6,
            `${pass}: ${Number(loss.item())}, in Python ${theirs}`,
          )
          for (const [key, tensor] of model.stateDict()) {
            // As many threads add up in the same order; in another, bfloat16 would differ from the third digit on.
            assertClose(tensor, end.get(key) ?? assert.fail(key), { atol: 1e-6 })
          }
        }
      }),
  )

  it('holds over await, and nowhere else meanwhile', async () => {
    const inside = autocast(async () => {
      await setTimeout(5)
      const first = state()
      const nested = await autocast(async () => (await setTimeout(1), state()), { enabled: false })
      return [first, nested, state(), noGrad(state)]
    })

    assert.deepEqual(state(), OFF)
    await setTimeout(2)
    assert.deepEqual(state(), OFF)
    assert.deepEqual(await inside, [ON, OFF, ON, ON])
    assert.deepEqual(state(), OFF)
  })

  it('takes its dtype from the one around, which names it by getAutocastDtype()', () => {
    assert.deepEqual([getAutocastDtype(), getAutocastDtype('cuda')], ['bfloat16', 'float16'])
    const inner = autocast(() => autocast(() => [getAutocastDtype(), state()[0]]), { dtype: 'float16' })

    assert.deepEqual(inner, ['float16', 'float16'])
  })

  it('is off in a backward pass inside of it', () =>
    scope(() => {
      const [leaf, factor] = [ones([2, 2], { requiresGrad: true }), randn([2, 2])]
      const product = leaf.matmul(factor)

      autocast(() => {
        product.backward(ones([2, 2]))
      })

      // In bfloat16 the sums of two random numbers would be rounded.
      assert.deepEqual(leaf.grad?.tolist(), ones([2, 2]).matmul(factor.transpose(0, 1)).tolist())
    }))

  it('converts weights again after a step between two of its callbacks', () =>
    scope(() => {
      const weight = ones([2, 2], { requiresGrad: true })
      const product = (): unknown => autocast(() => ones([2, 2]).matmul(weight).tolist())

      assert.deepEqual(product(), [
        [2, 2],
        [2, 2],
      ])
      noGrad(() => weight.mul_(3))
      assert.deepEqual(product(), [
        [6, 6],
        [6, 6],
      ])
    }))

  it('converts weights again after a step while it holds elsewhere', () =>
    scope(async () => {
      const weight = ones([2, 2], { requiresGrad: true })
      const product = (): unknown => ones([2, 2]).matmul(weight).tolist()
      const elsewhere = autocast(async () => {
        product()
        await setTimeout(5)
      })

      autocast(product)
      noGrad(() => weight.mul_(3))

      assert.deepEqual(autocast(product), [
        [6, 6],
        [6, 6],
      ])
      await elsewhere
    }))

  it('leaves engines as they are', () =>
    scope(async () => {
      manualSeed(2)
      const model = resnet18Cifar({ width: 8 }).eval()
      const engine = await compile(model, { input: [3, 32, 32], kernels: 'aten' })
      const image = randn([1, 3, 32, 32]).toFloat32Array()
      try {
        assert.deepEqual(await autocast(() => engine.run(image)), await engine.run(image))
      } finally {
        await engine.close()
      }
    }))

  it('refuses other dtypes, devices and options', () => {
    const refused: [object, string][] = [
      [{ dtype: 'float32' }, `Expected one of 'bfloat16', 'float16' for dtype, received "float32"`],
      [{ deviceType: 'tpu' }, `Expected one of 'cpu', 'cuda' for deviceType, received "tpu"`],
    ]
    for (const [options, message] of refused) {
      assert.throws(() => autocast(() => 0, options), { code: 'TORCH_INVALID_ARGUMENT', message })
    }
    assert.throws(() => autocast(1 as never), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a function for body, received 1',
    })
  })
})
