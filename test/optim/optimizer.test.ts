import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  loadCheckpoint,
  memory,
  noGrad,
  Parameter,
  saveCheckpoint,
  scope,
  StateDict,
  tensor,
  type Tensor,
} from 'napi-torch'
import { Adagrad, Adam, AdamW, LBFGS, loadOptimizerState, RMSprop, SGD, type Optimizer } from 'napi-torch/optim'

import { assertClose } from '../support/numeric.js'
import { itWithPython, python } from '../support/python.js'

/** Steps of each optimizer from what its folder holds, if anything; the loss is the same in both languages. */
const SCRIPT = `
import json, os, sys
import torch
torch.set_num_threads(1)

def train(folder, call, steps):
    a = torch.nn.Parameter(torch.arange(1, 7, dtype=torch.float32).reshape(2, 3) / 4)
    b = torch.nn.Parameter(torch.tensor([1.5, -0.5]))
    optimizer = eval('torch.optim.' + call)
    if os.path.exists(folder + '/optimizer.pth'):
        state = torch.load(folder + '/params.pth', weights_only=True)
        with torch.no_grad():
            a.copy_(state['a'])
            b.copy_(state['b'])
        optimizer.load_state_dict(torch.load(folder + '/optimizer.pth', weights_only=True))
    for step in range(steps):
        def closure():
            optimizer.zero_grad()
            loss = (a * a).sum() + (a.sum(1) * b).exp().sum() / 50 + (b - 1).pow(4).sum()
            loss.backward()
            return loss
        optimizer.step(closure)
    torch.save({'a': a.detach(), 'b': b.detach()}, folder + '/params.pth')
    torch.save(optimizer.state_dict(), folder + '/optimizer.pth')

for run in json.loads(sys.argv[1]):
    os.makedirs(run['folder'], exist_ok=True)
    train(**run)
`

interface Case {
  readonly python: string
  readonly make: (params: readonly Tensor[]) => Optimizer<never>
}

const make = (build: (params: readonly Tensor[]) => unknown): Case['make'] => build as Case['make']

const CASES: readonly Case[] = [
  { python: 'SGD([a, b], lr=0.01)', make: make((params) => new SGD(params, { lr: 0.01 })) },
  {
    python: 'SGD([a, b], lr=0.01, momentum=0.9, dampening=0.1, weight_decay=0.02)',
    make: make((params) => new SGD(params, { lr: 0.01, momentum: 0.9, dampening: 0.1, weightDecay: 0.02 })),
  },
  {
    python: 'SGD([a, b], lr=0.01, momentum=0.8, nesterov=True, weight_decay=0.1)',
    make: make((params) => new SGD(params, { lr: 0.01, momentum: 0.8, nesterov: true, weightDecay: 0.1 })),
  },
  {
    python: 'SGD([a, b], lr=0.001, momentum=0.8, maximize=True)',
    make: make((params) => new SGD(params, { lr: 0.001, momentum: 0.8, maximize: true })),
  },
  {
    python: 'SGD([a, b], lr=0.01, momentum=0.9, fused=True)',
    make: make((params) => new SGD(params, { lr: 0.01, momentum: 0.9, fused: true })),
  },
  {
    python: "SGD([{'params': [a]}, {'params': [b], 'lr': 0.02}], lr=0.01, momentum=0.9)",
    make: make(([a, b]) => {
      return new SGD([{ params: a ?? [] }, { params: b ?? [], lr: 0.02 }], { lr: 0.01, momentum: 0.9 })
    }),
  },
  { python: 'Adam([a, b], lr=0.05)', make: make((params) => new Adam(params, { lr: 0.05 })) },
  {
    python: 'Adam([a, b], lr=0.05, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1, amsgrad=True)',
    make: make((params) => {
      return new Adam(params, { lr: 0.05, betas: [0.8, 0.99], eps: 1e-6, weightDecay: 0.1, amsgrad: true })
    }),
  },
  {
    python: 'Adam([a, b], lr=0.01, maximize=True, weight_decay=0.1)',
    make: make((params) => new Adam(params, { lr: 0.01, maximize: true, weightDecay: 0.1 })),
  },
  {
    python: 'Adam([a, b], lr=0.05, weight_decay=0.1, fused=True)',
    make: make((params) => new Adam(params, { lr: 0.05, weightDecay: 0.1, fused: true })),
  },
  { python: 'AdamW([a, b], lr=0.05)', make: make((params) => new AdamW(params, { lr: 0.05 })) },
  {
    python: 'AdamW([a, b], lr=0.05, weight_decay=0.2, amsgrad=True)',
    make: make((params) => new AdamW(params, { lr: 0.05, weightDecay: 0.2, amsgrad: true })),
  },
  {
    python: 'AdamW([a, b], lr=0.05, fused=True)',
    make: make((params) => new AdamW(params, { lr: 0.05, fused: true })),
  },
  { python: 'RMSprop([a, b])', make: make((params) => new RMSprop(params)) },
  {
    python: 'RMSprop([a, b], lr=0.005, alpha=0.9, momentum=0.9, centered=True, weight_decay=0.1)',
    make: make((params) => {
      return new RMSprop(params, { lr: 0.005, alpha: 0.9, momentum: 0.9, centered: true, weightDecay: 0.1 })
    }),
  },
  { python: 'Adagrad([a, b], lr=0.1)', make: make((params) => new Adagrad(params, { lr: 0.1 })) },
  {
    python: 'Adagrad([a, b], lr=0.1, lr_decay=0.01, weight_decay=0.1, initial_accumulator_value=0.2, eps=1e-8)',
    make: make((params) => {
      const options = { lr: 0.1, lrDecay: 0.01, weightDecay: 0.1, initialAccumulatorValue: 0.2, eps: 1e-8 }
      return new Adagrad(params, options)
    }),
  },
  { python: 'LBFGS([a, b], lr=0.02, max_iter=2)', make: make((params) => new LBFGS(params, { lr: 0.02, maxIter: 2 })) },
  {
    python: "LBFGS([a, b], lr=0.1, max_iter=1, history_size=3, line_search_fn='strong_wolfe')",
    make: make((params) => new LBFGS(params, { lr: 0.1, maxIter: 1, historySize: 3, lineSearchFn: 'strong_wolfe' })),
  },
  {
    python: 'Adagrad([a, b], lr=0.1, fused=True)',
    make: make((params) => new Adagrad(params, { lr: 0.1, fused: true })),
  },
]

/** Does what {@link SCRIPT} does. */
async function train(folder: string, { make }: Case, { resume }: { readonly resume: boolean }): Promise<void> {
  await scope(async () => {
    const rows = [
      [0.25, 0.5, 0.75],
      [1, 1.25, 1.5],
    ]
    const a = new Parameter(tensor(rows, { dtype: 'float32' }))
    const b = new Parameter(tensor([1.5, -0.5], { dtype: 'float32' }))
    const optimizer = make([a, b])
    if (resume) {
      const params = await loadCheckpoint(join(folder, 'params.pth'))
      noGrad(() => [a.copy_(params.get('a') ?? assert.fail()), b.copy_(params.get('b') ?? assert.fail())])
      optimizer.loadStateDict(await loadOptimizerState(join(folder, 'optimizer.pth')))
    }
    for (let step = 0; step < 20; step++) {
      scope(() => {
        optimizer.step(() => {
          optimizer.zeroGrad()
          const products = a.sum(1).mul(b).exp().sum().div(50)
          const loss = a.mul(a).sum().add(products).add(b.sub(1).pow(4).sum())
          loss.backward()
          return loss
        })
      })
    }
    const end = new StateDict()
    end.set('a', a)
    end.set('b', b)
    await saveCheckpoint(join(folder, 'params.pth'), end)
    await saveCheckpoint(join(folder, 'optimizer.pth'), optimizer.stateDict())
  })
}

describe('optimizers beside Python', () => {
  const folder = mkdtempSync(join(tmpdir(), 'napi-torch-optim-'))
  after(() => rmSync(folder, { recursive: true }))
  const place = (index: number, who: 'reference' | 'ours' | 'theirs'): string => join(folder, `${index}-${who}`)
  const runs = (who: 'reference' | 'ours' | 'theirs', steps: number): object[] =>
    CASES.map(({ python: call }, index) => ({ folder: place(index, who), call, steps }))

  // Python starts slowly: it does all cases at once.
  itWithPython('take over what Python saved, and save what it takes over', async function (this: Mocha.Context) {
    this.timeout(300_000)
    python(SCRIPT, [JSON.stringify([...runs('reference', 40), ...runs('theirs', 20)])])
    for (const [index, each] of CASES.entries()) {
      mkdirSync(place(index, 'ours'))
      await train(place(index, 'ours'), each, { resume: false })
      await train(place(index, 'theirs'), each, { resume: true })
    }
    python(SCRIPT, [JSON.stringify(runs('ours', 20))])
  })

  CASES.forEach(({ python: call }, index) => {
    itWithPython(`${call}: 20 steps here and 20 in Python, either way, equal 40 there within 1e-5`, () =>
      scope(async () => {
        const expected = await loadCheckpoint(join(place(index, 'reference'), 'params.pth'))
        for (const who of ['ours', 'theirs'] as const) {
          for (const [key, value] of await loadCheckpoint(join(place(index, who), 'params.pth'))) {
            assertClose(value, expected.get(key) ?? assert.fail(key), { atol: 1e-5 })
          }
        }
      }),
    )
  })
})

describe('LBFGS', () => {
  it('leaves as many tensors alive after steps as its state has, also where a function fails', () =>
    scope(() => {
      const a = new Parameter(tensor([3, -2], { dtype: 'float32' }))
      const optimizer = new LBFGS([a], { historySize: 2, maxIter: 4, lineSearchFn: 'strong_wolfe' })
      const closure = (): Tensor => {
        optimizer.zeroGrad()
        const loss = a.sub(1).pow(4).sum()
        loss.backward()
        return loss
      }
      scope(() => optimizer.step(closure))
      scope(() => optimizer.step(closure))
      const before = memory()

      let calls = 0
      const fail = (): Tensor => {
        if (++calls === 3) throw new Error('mine')
        return closure()
      }
      assert.throws(() => scope(() => optimizer.step(fail)), { message: 'mine' })

      assert.deepEqual(memory(), before)
    }))

  it('needs a function, and one group', () =>
    scope(() => {
      const [a, b] = [
        new Parameter(tensor([1], { dtype: 'float32' })),
        new Parameter(tensor([1], { dtype: 'float32' })),
      ]
      const code = 'TORCH_INVALID_ARGUMENT'

      assert.throws(() => new LBFGS([a]).step(), {
        code,
        message: 'Expected a function that computes the loss for closure, received undefined',
      })
      assert.throws(() => new LBFGS([{ params: a }, { params: b }]), {
        code,
        message: "LBFGS doesn't support per-parameter options (parameter groups)",
      })
      assert.throws(() => new LBFGS([a], { lineSearchFn: 'armijo' as never }), {
        code,
        message: "only 'strong_wolfe' is supported",
      })
    }))
})
