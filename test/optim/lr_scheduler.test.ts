import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { noGrad, Parameter, saveCheckpoint, scope, zeros } from 'napi-torch'
import {
  Adam,
  ChainedScheduler,
  ConstantLR,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  ExponentialLR,
  LambdaLR,
  LinearLR,
  loadOptimizerState,
  MultiStepLR,
  OneCycleLR,
  PolynomialLR,
  ReduceLROnPlateau,
  RMSprop,
  SequentialLR,
  SGD,
  StepLR,
  type LRScheduler,
  type ScheduledGroup,
} from 'napi-torch/optim'

import { itWithPython, python } from '../support/python.js'

const STEPS = 200
const HALF = 97

/** Prints learning rates and momenta of each step, from what the folder of a case holds, if anything, and writes its states. */
const SCRIPT = `
import json, math, os, sys
import torch
from torch.optim import Adam, RMSprop, SGD
from torch.optim.lr_scheduler import *

def metric(step):
    return math.sin(step / 9) + 1 / (step + 1)

def run(folder, optimizer, scheduler, start, end):
    a, b = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1))
    scope = dict(globals(), a=a, b=b)
    optimizer = scope['o'] = eval(optimizer, scope)
    scheduler = eval(scheduler, scope)
    if start > 0:
        optimizer.load_state_dict(torch.load(folder + '/optimizer.pth', weights_only=True))
        scheduler.load_state_dict(torch.load(folder + '/scheduler.pth', weights_only=True))
    seen = []
    for step in range(start, end):
        for group in optimizer.param_groups:
            seen.append([group['lr'], group['betas'][0] if 'betas' in group else group['momentum'], scheduler.get_last_lr()[0]])
        optimizer.step()
        scheduler.step(*([metric(step)] if isinstance(scheduler, ReduceLROnPlateau) else []))
    os.makedirs(folder, exist_ok=True)
    torch.save(optimizer.state_dict(), folder + '/optimizer.pth')
    torch.save(scheduler.state_dict(), folder + '/scheduler.pth')
    return seen

print(json.dumps([run(**each) for each in json.loads(sys.argv[1])]))
`

/** What {@link SCRIPT} gives the plateau. */
const metric = (step: number): number => Math.sin(step / 9) + 1 / (step + 1)

type AnyOptimizer = SGD | Adam | RMSprop
type AnyScheduler = LRScheduler | ReduceLROnPlateau

interface Case {
  readonly optimizer: string
  readonly scheduler: string
  readonly make: (optimizer: AnyOptimizer) => AnyScheduler
}

const OPTIMIZERS: Readonly<Record<string, (a: Parameter, b: Parameter) => AnyOptimizer>> = {
  'SGD([a], lr=0.1)': (a) => new SGD([a], { lr: 0.1 }),
  "SGD([{'params': [a]}, {'params': [b], 'lr': 0.03}], lr=0.1, momentum=0.9)": (a, b) =>
    new SGD([{ params: a }, { params: b, lr: 0.03 }], { lr: 0.1, momentum: 0.9 }),
  'Adam([a], lr=0.01)': (a) => new Adam([a], { lr: 0.01 }),
  'RMSprop([a], lr=0.01)': (a) => new RMSprop([a], { lr: 0.01 }),
}
const [ONE = '', GROUPS = '', ADAM = '', RMSPROP = ''] = Object.keys(OPTIMIZERS)

const CASES: readonly Case[] = [
  { optimizer: ONE, scheduler: 'StepLR(o, 30)', make: (o) => new StepLR(o, 30) },
  { optimizer: GROUPS, scheduler: 'StepLR(o, 7, gamma=0.9)', make: (o) => new StepLR(o, 7, { gamma: 0.9 }) },
  {
    optimizer: GROUPS,
    scheduler: 'MultiStepLR(o, [10, 50, 50, 120])',
    make: (o) => new MultiStepLR(o, [10, 50, 50, 120]),
  },
  { optimizer: GROUPS, scheduler: 'ExponentialLR(o, 0.98)', make: (o) => new ExponentialLR(o, 0.98) },
  { optimizer: ONE, scheduler: 'CosineAnnealingLR(o, 200)', make: (o) => new CosineAnnealingLR(o, 200) },
  {
    optimizer: GROUPS,
    scheduler: 'CosineAnnealingLR(o, 33, eta_min=0.001)',
    make: (o) => new CosineAnnealingLR(o, 33, { etaMin: 0.001 }),
  },
  {
    optimizer: ONE,
    scheduler: 'CosineAnnealingWarmRestarts(o, 25)',
    make: (o) => new CosineAnnealingWarmRestarts(o, 25),
  },
  {
    optimizer: GROUPS,
    scheduler: 'CosineAnnealingWarmRestarts(o, 10, T_mult=2, eta_min=1e-4)',
    make: (o) => new CosineAnnealingWarmRestarts(o, 10, { tMult: 2, etaMin: 1e-4 }),
  },
  {
    optimizer: ONE,
    scheduler: 'OneCycleLR(o, 0.5, total_steps=201)',
    make: (o) => new OneCycleLR(o, 0.5, { totalSteps: 201 }),
  },
  {
    optimizer: GROUPS,
    scheduler:
      "OneCycleLR(o, [0.5, 0.2], epochs=10, steps_per_epoch=21, pct_start=0.4, anneal_strategy='linear', three_phase=True)",
    make: (o) =>
      new OneCycleLR(o, [0.5, 0.2], {
        ...{ epochs: 10, stepsPerEpoch: 21, pctStart: 0.4, annealStrategy: 'linear', threePhase: true },
      }),
  },
  {
    optimizer: ADAM,
    scheduler:
      'OneCycleLR(o, 0.1, total_steps=250, div_factor=10, final_div_factor=100, base_momentum=0.8, max_momentum=0.9)',
    make: (o) =>
      new OneCycleLR(o, 0.1, {
        ...{ totalSteps: 250, divFactor: 10, finalDivFactor: 100, baseMomentum: 0.8, maxMomentum: 0.9 },
      }),
  },
  {
    optimizer: RMSPROP,
    scheduler: 'OneCycleLR(o, 0.1, total_steps=250, cycle_momentum=False)',
    make: (o) => new OneCycleLR(o, 0.1, { totalSteps: 250, cycleMomentum: false }),
  },
  { optimizer: ONE, scheduler: 'LinearLR(o)', make: (o) => new LinearLR(o) },
  {
    optimizer: GROUPS,
    scheduler: 'LinearLR(o, start_factor=0.1, end_factor=0.7, total_iters=120)',
    make: (o) => new LinearLR(o, { startFactor: 0.1, endFactor: 0.7, totalIters: 120 }),
  },
  {
    optimizer: GROUPS,
    scheduler: 'ConstantLR(o, factor=0.5, total_iters=20)',
    make: (o) => new ConstantLR(o, { factor: 0.5, totalIters: 20 }),
  },
  {
    optimizer: ONE,
    scheduler: 'PolynomialLR(o, total_iters=150)',
    make: (o) => new PolynomialLR(o, { totalIters: 150 }),
  },
  {
    optimizer: GROUPS,
    scheduler: 'PolynomialLR(o, total_iters=50, power=2)',
    make: (o) => new PolynomialLR(o, { totalIters: 50, power: 2 }),
  },
  {
    optimizer: ONE,
    scheduler: 'LambdaLR(o, lambda epoch: 0.95 ** epoch)',
    make: (o) => new LambdaLR(o, (epoch) => 0.95 ** epoch),
  },
  {
    optimizer: GROUPS,
    scheduler: 'LambdaLR(o, [lambda epoch: epoch // 30, lambda epoch: 1 / (epoch + 1)])',
    make: (o) => new LambdaLR(o, [(epoch) => Math.floor(epoch / 30), (epoch) => 1 / (epoch + 1)]),
  },
  { optimizer: GROUPS, scheduler: 'ReduceLROnPlateau(o)', make: (o) => new ReduceLROnPlateau(o) },
  {
    optimizer: GROUPS,
    scheduler:
      "ReduceLROnPlateau(o, mode='max', factor=0.5, patience=3, threshold=0.01, threshold_mode='abs', cooldown=2, min_lr=[0.001, 0.002])",
    make: (o) =>
      new ReduceLROnPlateau(o, {
        ...{ mode: 'max', factor: 0.5, patience: 3, threshold: 0.01, thresholdMode: 'abs', cooldown: 2 },
        minLr: [0.001, 0.002],
      }),
  },
  {
    optimizer: GROUPS,
    scheduler: 'SequentialLR(o, [LinearLR(o, start_factor=0.1, total_iters=10), CosineAnnealingLR(o, 190)], [10])',
    make: (o) =>
      new SequentialLR(o, [new LinearLR(o, { startFactor: 0.1, totalIters: 10 }), new CosineAnnealingLR(o, 190)], [10]),
  },
  {
    optimizer: GROUPS,
    scheduler:
      'SequentialLR(o, [ConstantLR(o, 0.1, 20), MultiStepLR(o, [5, 60]), CosineAnnealingWarmRestarts(o, 15), PolynomialLR(o, 30)], [15, 100, 140])',
    make: (o) =>
      new SequentialLR(
        o,
        [
          new ConstantLR(o, { factor: 0.1, totalIters: 20 }),
          new MultiStepLR(o, [5, 60]),
          new CosineAnnealingWarmRestarts(o, 15),
          new PolynomialLR(o, { totalIters: 30 }),
        ],
        [15, 100, 140],
      ),
  },
  {
    optimizer: GROUPS,
    scheduler: 'ChainedScheduler([ConstantLR(o, 0.1, 20), ExponentialLR(o, 0.99)])',
    make: (o) => new ChainedScheduler([new ConstantLR(o, { factor: 0.1, totalIters: 20 }), new ExponentialLR(o, 0.99)]),
  },
]

type Seen = readonly (readonly number[])[]

/** Does what {@link SCRIPT} does. */
async function run(folder: string, { optimizer: name, make }: Case, start: number, end: number): Promise<Seen> {
  return scope(async () => {
    const [a, b] = [new Parameter(zeros([1])), new Parameter(zeros([1]))]
    const optimizer = OPTIMIZERS[name]?.(a, b) ?? assert.fail(name)
    const scheduler = make(optimizer)
    if (start > 0) {
      optimizer.loadStateDict(await loadOptimizerState(join(folder, 'optimizer.pth')))
      scheduler.loadStateDict(await loadOptimizerState(join(folder, 'scheduler.pth')))
    }
    const seen: number[][] = []
    for (let step = start; step < end; step++) {
      const groups: readonly ScheduledGroup[] = optimizer.paramGroups
      for (const { lr, betas, momentum = NaN } of groups) {
        seen.push([lr, betas?.[0] ?? momentum, scheduler.getLastLr()[0] ?? NaN])
      }
      noGrad(() => optimizer.step())
      if (scheduler instanceof ReduceLROnPlateau) scheduler.step(metric(step))
      else scheduler.step()
    }
    if (!existsSync(folder)) mkdirSync(folder)
    await saveCheckpoint(join(folder, 'optimizer.pth'), optimizer.stateDict())
    await saveCheckpoint(join(folder, 'scheduler.pth'), scheduler.stateDict())
    return seen
  })
}

/** Within rounding: neither cosines nor powers are the same to the last bit in all languages. */
function assertSame(received: Seen, expected: Seen): void {
  assert.equal(received.length, expected.length)
  for (const [index, values] of expected.entries()) {
    for (const [place, value] of values.entries()) {
      const given = received[index]?.[place] ?? NaN
      const isClose = Math.abs(given - value) <= 1e-12 + 1e-9 * Math.abs(value)
      assert.ok(isClose, `value ${place} of entry ${index}: ${given}, in Python ${value}`)
    }
  }
}

describe('learning rate schedulers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'napi-torch-schedulers-'))
  after(() => rmSync(folder, { recursive: true }))
  const runs = (who: string, start: number, end: number): object[] =>
    CASES.map(({ optimizer, scheduler }, index) => ({
      folder: join(folder, `${index}-${who}`),
      optimizer,
      scheduler,
      start,
      end,
    }))
  const ours: Seen[] = []
  let theirs: readonly Seen[] = []
  let theirsAfterOurs: readonly Seen[] = []

  // Python starts slowly: it does all cases at once.
  itWithPython(`take ${STEPS} steps here and in Python`, async function (this: Mocha.Context) {
    this.timeout(300_000)
    for (const [index, each] of CASES.entries()) {
      ours.push(await run(join(folder, `${index}-whole`), each, 0, STEPS))
      await run(join(folder, `${index}-ours`), each, 0, HALF)
    }
    const all = JSON.parse(
      python(SCRIPT, [
        JSON.stringify([...runs('python', 0, HALF), ...runs('reference', 0, STEPS), ...runs('ours', HALF, STEPS)]),
      ]),
    ) as Seen[]
    theirs = all.slice(CASES.length, 2 * CASES.length)
    theirsAfterOurs = all.slice(2 * CASES.length)
  })

  CASES.forEach((each, index) => {
    const rest = (seen: Seen): Seen => seen.slice((seen.length / STEPS) * HALF)

    itWithPython(
      `${each.scheduler}: ${STEPS} steps are those of Python, also from its state, and there from ours`,
      async () => {
        const expected = theirs[index] ?? assert.fail()

        assertSame(ours[index] ?? [], expected)
        assertSame(await run(join(folder, `${index}-python`), each, HALF, STEPS), rest(expected))
        assertSame(theirsAfterOurs[index] ?? [], rest(expected))
      },
    )
  })

  describe('refuse', () => {
    const code = 'TORCH_INVALID_ARGUMENT'
    const made = (): SGD => new SGD([new Parameter(zeros([1]))], { lr: 0.1 })
    const refused: readonly [string, (optimizer: SGD) => unknown, string][] = [
      ['no optimizer', () => new StepLR({ paramGroups: [] }, 1), 'an object is not an Optimizer'],
      [
        'to go on without a start',
        (o) => new StepLR(o, 1, { lastEpoch: 3 }),
        "param 'initial_lr' is not specified in param_groups[0] when resuming scheduler with last_epoch >= 0",
      ],
      ['a step size of 0', (o) => new StepLR(o, 0), 'Expected a positive integer for stepSize, received 0'],
      [
        'no list of milestones',
        (o) => new MultiStepLR(o, 3 as never),
        'Expected an array of integers for milestones, received 3',
      ],
      [
        'a factor above 1',
        (o) => new ConstantLR(o, { factor: 2 }),
        'Constant multiplicative factor expected to be between 0 and 1.',
      ],
      [
        'a start at 0',
        (o) => new LinearLR(o, { startFactor: 0 }),
        'Starting multiplicative factor expected to be greater than 0 and less or equal to 1.',
      ],
      [
        'an end below 0',
        (o) => new LinearLR(o, { endFactor: -1 }),
        'Ending multiplicative factor expected to be between 0 and 1.',
      ],
      [
        'a cycle of no length',
        (o) => new OneCycleLR(o, 1),
        'You must define either totalSteps OR (epochs AND stepsPerEpoch)',
      ],
      [
        'rates for other groups',
        (o) => new OneCycleLR(o, [1, 2], { totalSteps: 5 }),
        'maxLr must have the same length as optimizer.paramGroups. maxLr has 2 values, paramGroups has 1.',
      ],
      [
        'a step beyond the cycle',
        (o) => {
          const scheduler = new OneCycleLR(o, 1, { totalSteps: 2 })
          for (let step = 0; step < 3; step++) scheduler.step()
        },
        'Tried to step 3 times. The specified number of total steps is 2',
      ],
      ['a plateau that raises', (o) => new ReduceLROnPlateau(o, { factor: 1 }), 'Factor should be < 1.0.'],
      ['functions for other groups', (o) => new LambdaLR(o, []), 'Expected 1 lr_lambdas, but got 0'],
      ['no function', (o) => new LambdaLR(o, 1 as never), 'Expected a function for lrLambda, received 1'],
      [
        'a list of none',
        (o) => new SequentialLR(o, [], []),
        'Expected at least one scheduler for schedulers of SequentialLR, received []',
      ],
      [
        'a scheduler of another optimizer',
        (o) => new SequentialLR(o, [new StepLR(made(), 1)], []),
        'Expected a scheduler of the optimizer of SequentialLR for schedulers[0], received an instance of StepLR',
      ],
      [
        'too many milestones',
        (o) => new SequentialLR(o, [new StepLR(o, 1)], [1]),
        'Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone points, but got number of schedulers 1 and the number of milestones to be equal to 1',
      ],
      [
        'a list inside of one',
        (o) => new SequentialLR(o, [new StepLR(o, 1), new ChainedScheduler([new StepLR(o, 1)])], [1]),
        'Expected schedulers that hold no others for schedulers after the first, received an instance of ChainedScheduler',
      ],
    ]
    for (const [title, call, message] of refused) {
      it(title, () => scope(() => assert.throws(() => call(made()), { code, message })))
    }

    it('a state of another class, and stay as they are', () =>
      scope(() => {
        const optimizer = made()
        const scheduler = new StepLR(optimizer, 3)
        const before = scheduler.stateDict()

        assert.throws(() => scheduler.loadStateDict({ ...before, gamma: 'x', step_size: 5 }), {
          code: 'TORCH_STATE_DICT',
          message: 'Expected a number for gamma of the state of StepLR, received "x"',
        })
        assert.throws(() => scheduler.loadStateDict(new ExponentialLR(optimizer, 0.5).stateDict()), {
          code: 'TORCH_STATE_DICT',
          message: 'Expected an integer for step_size of the state of StepLR, received undefined',
        })
        assert.throws(
          () =>
            new SequentialLR(optimizer, [scheduler], []).loadStateDict({
              _milestones: [],
              last_epoch: 0,
              _schedulers: [],
              _last_lr: [],
            }),
          {
            code: 'TORCH_STATE_DICT',
            message: 'Expected the states of 1 schedulers, received those of 0',
          },
        )
        assert.deepEqual(new StepLR(optimizer, 3).stateDict()['step_size'], before['step_size'])
      }))
  })
})
