import assert from 'node:assert/strict'

import { Budget } from '../../../lib/checkpoint/budget.js'
import { failAt } from '../../../lib/checkpoint/failure.js'
import { checkLimits } from '../../../lib/checkpoint/limits.js'
import { EntryCounter } from '../../../lib/checkpoint/state_dict/module_tree.js'
import { pythonClass, readClassFacts as read } from '../../../lib/checkpoint/torchscript/facts.js'

const readClassFacts = (code: string): ReturnType<typeof read> => {
  return read(code, new EntryCounter(new Budget(checkLimits(), code.length), failAt({})))
}

describe('readClassFacts()', () => {
  it('reads the constants of scripted classes', () => {
    const code = [
      'class Conv2d(Module):',
      '  __parameters__ = ["weight", ]',
      '  stride : Final[Tuple[int, int]] = (2, 1)',
      '  padding_mode : Final[str] = "reflect"',
      '  eps : Final[float] = 1.0000000000000001e-05',
      '  divisor_override : Final[NoneType] = None',
      '  ceil_mode : Final[bool] = True',
      '  transposed : bool',
      '',
    ].join('\n')
    assert.deepEqual(Object.fromEntries(readClassFacts(code).get('Conv2d') ?? []), {
      stride: [2, 1],
      padding_mode: 'reflect',
      eps: 1e-5,
      divisor_override: null,
      ceil_mode: true,
    })
  })

  it('reads the arguments of the calls in traced classes, and the defaults of those that are left out', () => {
    const code = [
      'class Conv2d(Module):',
      '    _0 = torch.pad(argument_1, [1, 1, 2, 2], "reflect")',
      '    input = torch._convolution(_0, weight, None, [2, 2], [0, 0], [1, 1], False, [0, 0], 4, False, False, True, True)',
      'class BatchNorm2d(Module):',
      '    input = torch.batch_norm(x, weight, bias, mean, var, False, 0.1, 0.001, True)',
      'class MaxPool2d(Module):',
      '    input = torch.max_pool2d((a).forward((b).forward(x, [1], ), y, ), [3, 3], [2, 2], [1, 1])',
      'class LeakyReLU(Module):',
      '    input = torch.leaky_relu_(x)',
      '',
    ].join('\n')
    const classes = readClassFacts(code)
    assert.deepEqual(Object.fromEntries(classes.get('Conv2d') ?? []), {
      padding_mode: 'reflect',
      padding: [2, 1],
      stride: [2, 2],
      dilation: [1, 1],
      groups: 4,
    })
    assert.equal(classes.get('BatchNorm2d')?.get('eps'), 0.001)
    assert.deepEqual(Object.fromEntries(classes.get('MaxPool2d') ?? []), {
      kernel_size: [3, 3],
      stride: [2, 2],
      padding: [1, 1],
      dilation: 1,
      ceil_mode: false,
    })
    assert.equal(classes.get('LeakyReLU')?.get('negative_slope'), 0.01)
  })

  it('passes over what is cut off, nested or something else', () => {
    const lines = [
      '    torch.max_pool2d(x, [[3], [2',
      '    torch.max_pool2d(',
      '    torch.pad(x, y, "reflect',
      '  stride : Final[int] = ',
      '  padding : Final[int] = {}',
      `    torch.batch_norm(${'('.repeat(500)}`,
      `    torch.batch_norm(${'['.repeat(500)}`,
    ]
    const facts = readClassFacts(['class A(Module):', ...lines].join('\n')).get('A')
    for (const name of ['kernel_size', 'padding_mode', 'eps']) assert.equal(facts?.get(name), undefined, name)
    assert.equal(facts?.get('stride') === undefined || Array.isArray(facts.get('stride')), true)
  })
})

describe('pythonClass()', () => {
  it('takes away what TorchScript added', () => {
    assert.equal(
      pythonClass('__torch__.torch.nn.modules.conv.___torch_mangle_24.Conv2d'),
      'torch.nn.modules.conv.Conv2d',
    )
    assert.equal(pythonClass('__torch__.Net'), 'Net')
  })
})
