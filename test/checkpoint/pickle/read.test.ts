import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

import {
  CheckpointError,
  OrderedDict,
  PickledGlobal,
  PickledObject,
  PickleTuple,
  type CheckpointLimits,
  type CheckpointValue,
} from 'napi-torch'

import { checkLimits } from '../../../lib/checkpoint/limits.js'
import { unpickle } from '../../../lib/checkpoint/pickle/read.js'
import { fixture, toJson } from '../../support/checkpoints.js'

interface Case {
  readonly name: string
  readonly expected: unknown
  readonly pickles: Readonly<Record<string, string>>
}

const CASES = JSON.parse(readFileSync(fixture('pickles.json'), 'utf8')) as readonly Case[]

/** Reads a pickle that is written as text, one character a byte. */
async function read(pickle: string | Uint8Array, limits: Partial<CheckpointLimits> = {}): Promise<CheckpointValue> {
  const bytes = typeof pickle === 'string' ? Buffer.from(pickle, 'latin1') : pickle
  const { value } = await unpickle(bytes, { limits: checkLimits(limits), place: { path: 'x.pth', entry: 'data.pkl' } })
  return value
}

async function assertRefused(pickle: string, code: string, text: string, limits = {}): Promise<void> {
  await assert.rejects(read(pickle, limits), (error: Error & { code?: string }) => {
    assert.equal(error.message, `x.pth, entry data.pkl, ${text}`)
    assert.equal(error.code, code)
    return true
  })
}

describe('unpickle()', () => {
  for (const { name, expected, pickles } of CASES) {
    for (const [protocol, pickle] of Object.entries(pickles)) {
      it(`reads ${name} of protocol ${protocol}`, async () => {
        const value = await read(Buffer.from(pickle, 'base64'))

        assert.deepEqual(toJson(value), expected)
      })
    }
  }

  it('gives an integer that a double holds as number, a larger one as bigint', async () => {
    assert.equal(await read('\x8a\x07\xff\xff\xff\xff\xff\xff\x1f.'), Number.MAX_SAFE_INTEGER)
    assert.equal(await read('\x8a\x07\x00\x00\x00\x00\x00\x00\x20.'), 2n ** 53n)
  })

  it('keeps a value that is used twice one value', async () => {
    const value = await read('](]q\x00h\x00e.')

    assert.ok(Array.isArray(value))
    assert.equal(value[0], value[1])
  })

  it('reads a list that contains itself', async () => {
    const value = await read(']q\x00h\x00a.')

    assert.ok(Array.isArray(value))
    assert.equal(value[0], value)
  })

  it('reads 100,000 levels of nesting', async () => {
    let value = await read(`${']'.repeat(100_000)}${'a'.repeat(99_999)}.`, { memoryRatio: 200 })

    let depth = 0
    while (Array.isArray(value)) {
      depth++
      value = value[0] ?? null
    }
    assert.equal(depth, 100_000)
  })

  it('reads a value that doubles 200 times without unfolding it', async () => {
    const value = await read(`]q\x00${'0h\x00h\x00\x86q\x00'.repeat(200)}.`)

    assert.ok(value instanceof PickleTuple)
    assert.equal(value[0], value[1])
  })

  it('keeps the attributes of an OrderedDict beside its entries', async () => {
    const value = await read('ccollections\nOrderedDict\n)R}U\x09_metadataK\x01sb.')

    assert.ok(value instanceof OrderedDict)
    assert.equal(value.size, 0)
    assert.deepEqual(value.attributes, new Map([['_metadata', 1]]))
  })

  it('takes __proto__ and constructor as plain keys', async () => {
    const value = await read('}U\x09__proto__K\x01sU\x0bconstructorK\x02s.')

    assert.deepEqual(
      value,
      new Map([
        ['__proto__', 1],
        ['constructor', 2],
      ]),
    )
  })

  it('keeps an object of an unknown class as a record with state, items and entries', async () => {
    const value = await read('cmy.module\nThing\n(K\x01tRK\x02aU\x01kK\x03s}U\x01xK\x04sb.')

    assert.ok(value instanceof PickledObject)
    assert.equal(value.path, 'my.module.Thing')
    assert.deepEqual([...value.args], [1])
    assert.deepEqual(value.items, [2])
    assert.deepEqual(value.entries, new Map([['k', 3]]))
    assert.deepEqual(value.state, new Map([['x', 4]]))
  })

  for (const [name, old, now] of [
    ['long', '__builtin__ long', 'builtins.int'],
    ['unicode', '__builtin__ unicode', 'builtins.str'],
    ['xrange', '__builtin__ xrange', 'builtins.range'],
    ['an exception', 'exceptions StandardError', 'builtins.Exception'],
    ['UserDict', 'UserDict UserDict', 'collections.UserDict'],
    ['another name of a module', 'ConfigParser RawConfigParser', 'configparser.RawConfigParser'],
  ] as const) {
    it(`gives Python 2's ${name} the name of Python 3, in protocols that Python 2 wrote`, async () => {
      const [module = '', global = ''] = old.split(' ')
      const lines = `${module}\n${global}\n`

      const plain = await read(`c${lines}.`)
      const instance = await read(`\x80\x02(i${lines}.`)
      const stacked = await read(
        `\x80\x02\x8c${String.fromCharCode(module.length)}${module}\x8c${String.fromCharCode(global.length)}${global}\x93.`,
      )
      const newer = await read(`\x80\x03c${lines}.`)

      assert.ok(plain instanceof PickledGlobal && stacked instanceof PickledGlobal && newer instanceof PickledGlobal)
      assert.ok(instance instanceof PickledObject)
      assert.deepEqual([plain.path, instance.path, stacked.path, newer.path], [now, now, now, `${module}.${global}`])
    })
  }

  it('keeps a call with names, which goes through a partial before protocol 4, as a record', async () => {
    const partial =
      'cfunctools\npartial\n(cbuiltins\ngetattr\n(cm\nThing\nU\x07__new__tRq\x00tR(h\x00(cm\nThing\nK\x05t}U\x01kK\x01sNtb'

    const value = await read(`${partial})R.`)

    assert.ok(value instanceof PickledObject)
    assert.equal(value.path, 'm.Thing')
    assert.deepEqual(value.args, [5])
    assert.deepEqual(value.kwargs, new Map([['k', 1]]))
  })

  it('reads lone surrogates among characters of one to four bytes, as Python writes them', async () => {
    const text = 'a\ud800é€😀\udfff'.repeat(5_000)
    const bytes = 'a\xed\xa0\x80\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xed\xbf\xbf'.repeat(5_000)
    const length = Buffer.alloc(4)
    length.writeUInt32LE(bytes.length)

    assert.equal(await read(`X${length.toString('latin1')}${bytes}.`), text)
  })

  for (const [name, bytes] of [
    ['an overlong form', '\xc0\x80'],
    ['an overlong form of three bytes', '\xe0\x80\x80'],
    ['a character above U+10FFFF', '\xf4\x90\x80\x80'],
    ['a cut character', '\xe2\x82'],
    ['a byte that follows nothing', '\x80'],
  ] as const) {
    it(`refuses ${name} beside a lone surrogate`, () =>
      assert.rejects(read(`U${String.fromCharCode(bytes.length + 3)}\xed\xa0\x80${bytes}.`.replace('U', '\x8c')), {
        code: 'TORCH_CHECKPOINT_CORRUPT',
        message: /is not UTF-8$/,
      }))
  }

  it('keeps named arguments of an unknown class', async () => {
    const value = await read('cm\nThing\n)}U\x01xK\x04s\x92.')

    assert.ok(value instanceof PickledObject)
    assert.deepEqual(value.kwargs, new Map([['x', 4]]))
  })

  it('lets the event loop run while it reads', async () => {
    let turns = 0
    const timer = setInterval(() => turns++, 0)

    await read(`](${'K\x01'.repeat(1_000_000)}e.`)

    clearInterval(timer)
    assert.ok(turns > 5, `${turns} turns`)
  })

  describe('refuses, with offset and instruction,', () => {
    const corrupt = 'TORCH_CHECKPOINT_CORRUPT'
    const unsupported = 'TORCH_CHECKPOINT_UNSUPPORTED'
    const cases: readonly [name: string, pickle: string, code: string, text: string][] = [
      ['an empty pickle', '', corrupt, 'byte 0 (STOP): The pickle is truncated: expected 1 more bytes, found 0'],
      [
        'a pickle without STOP',
        'K\x01',
        corrupt,
        'byte 2 (STOP): The pickle is truncated: expected 1 more bytes, found 0',
      ],
      [
        'a string past the end',
        'X\xff\x00\x00\x00abc',
        corrupt,
        'byte 0 (BINUNICODE): The pickle is truncated: expected 255 more bytes, found 3',
      ],
      [
        'a string of 2^63 bytes',
        '\x8d\x00\x00\x00\x00\x00\x00\x00\x80abc',
        'TORCH_CHECKPOINT_LIMIT',
        'byte 0 (BINUNICODE8): A value has 9223372036854776000 bytes, more than the limit stringBytes of 134217728',
      ],
      ['an unknown instruction', '\xff.', corrupt, 'byte 0 (0xff): Expected a pickle instruction, found byte 0xff'],
      ['protocol 6', '\x80\x06N.', unsupported, 'byte 0 (PROTO): Expected a pickle protocol of 0 to 5, found 6'],
      [
        'a frame past the end',
        '\x95\xff\x00\x00\x00\x00\x00\x00\x00N.',
        corrupt,
        'byte 0 (FRAME): The pickle is truncated: a frame of 255 bytes runs past its end',
      ],
      ['an empty stack', 'a.', corrupt, 'byte 0 (APPEND): Expected 1 values on the stack, which has fewer'],
      ['a value below a mark', 'N(a.', corrupt, 'byte 2 (APPEND): Expected 1 values on the stack, which has fewer'],
      ['a mark that is not open', 'Nt.', corrupt, 'byte 1 (TUPLE): Expected an open mark, found none'],
      ['unused values', 'NN.', corrupt, 'byte 2 (STOP): The pickle ends with 1 unused values'],
      ['an open mark at the end', '(N.', corrupt, 'byte 2 (STOP): The pickle ends with 0 unused values'],
      ['an unknown memo', 'h\x05.', corrupt, 'byte 0 (BINGET): Nothing was remembered as number 5'],
      [
        'a key without a value',
        '}(K\x01u.',
        corrupt,
        'byte 4 (SETITEMS): Expected pairs of key and value, found 1 values',
      ],
      [
        'entries of a list',
        ']K\x01K\x02s.',
        corrupt,
        'byte 5 (SETITEM): Expected a dict to set entries of, found a list of 0 values',
      ],
      [
        'appending to a tuple',
        ')K\x01a.',
        corrupt,
        'byte 3 (APPEND): Expected a list to append to, found a tuple of 0 values',
      ],
      [
        'adding to a list',
        '](K\x01\x90.',
        corrupt,
        'byte 4 (ADDITEMS): Expected a set to add to, found a list of 0 values',
      ],
      [
        'the state of a dict',
        '}}b.',
        corrupt,
        'byte 2 (BUILD): Expected an object that can have a state, found a dict of 0 entries',
      ],
      ['a call of a number', 'K\x01)R.', corrupt, 'byte 3 (REDUCE): Expected the name of a class or function, found 1'],
      [
        'arguments that are no tuple',
        'cm\nf\n]R.',
        corrupt,
        'byte 6 (REDUCE): Expected a tuple of arguments, found a list of 0 values',
      ],
      ['a class without a name', 'c\nf\n.', corrupt, 'byte 0 (GLOBAL): Expected the name of a class or function'],
      [
        'a name that is a number',
        'K\x01K\x02\x93.',
        corrupt,
        'byte 4 (STACK_GLOBAL): Expected the names of a module and a class, found 1 and 2',
      ],
      [
        'bytes that are no text',
        'X\x01\x00\x00\x00\xff.',
        corrupt,
        'byte 0 (BINUNICODE): A string of 1 bytes is not UTF-8',
      ],
      ['a decimal that is none', 'I1x\n.', corrupt, 'byte 0 (INT): Expected a decimal integer'],
      ['a float that is none', 'F1x\n.', corrupt, 'byte 0 (FLOAT): Expected a decimal number'],
      [
        'a string without quotes',
        'Sabc\n.',
        corrupt,
        'byte 0 (STRING): A string is not quoted or escaped as Python does',
      ],
      ['an integer of negative length', '\x8b\xff\xff\xff\xff.', corrupt, 'byte 0 (LONG4): An integer has -1 bytes'],
      ['a line that does not end', 'cos', corrupt, 'byte 0 (GLOBAL): The pickle ends in a line'],
      [
        'a persistent id',
        'U\x01xQ.',
        corrupt,
        'byte 3 (BINPERSID): Refers to data outside of the pickle, which has none',
      ],
      [
        'an extension code',
        '\x82\x01.',
        unsupported,
        'byte 0 (EXT1): The pickle needs the extension registry of the Python that wrote it',
      ],
      [
        'an outside buffer',
        '\x97.',
        unsupported,
        'byte 0 (NEXT_BUFFER): The pickle needs buffers that were kept outside of it',
      ],
      [
        'a tensor without a storage',
        'ctorch._utils\n_rebuild_tensor_v2\n(NK\x00))\x89NtR.',
        corrupt,
        'byte 42 (REDUCE): Expected a storage for a tensor, found None',
      ],
    ]
    for (const [name, pickle, code, text] of cases) {
      it(name, () => assertRefused(pickle, code, text))
    }
  })

  describe('stops at the limit', () => {
    const cases: readonly [limit: keyof CheckpointLimits, value: number, pickle: string, text: string][] = [
      ['opcodes', 3, 'NNNN.', 'byte 3 (NONE): The pickle has 4 instructions, more than the limit opcodes of 3'],
      [
        'containers',
        2,
        ']]]tt.',
        'byte 2 (EMPTY_LIST): The pickle makes 3 containers, more than the limit containers of 2',
      ],
      [
        'pickleMemory',
        300,
        '}}.',
        'byte 1 (EMPTY_DICT): The pickle takes at least 518 bytes of memory, more than the limit pickleMemory of 300',
      ],
      ['stackDepth', 2, 'NNN.', 'byte 2 (NONE): The stack has 3 values, more than the limit stackDepth of 2'],
      ['marks', 2, '(((.', 'byte 2 (MARK): 3 marks are open, more than the limit marks of 2'],
      [
        'memoEntries',
        1,
        'Nq\x00q\x01.',
        'byte 3 (BINPUT): The pickle remembers a value as number 1, more than the limit memoEntries of 1',
      ],
      [
        'lineBytes',
        4,
        'cabcdefgh\n',
        'byte 0 (GLOBAL): A line has at least 5 bytes, more than the limit lineBytes of 4',
      ],
      [
        'stringBytes',
        2,
        'U\x03abc.',
        'byte 0 (SHORT_BINSTRING): A value has 3 bytes, more than the limit stringBytes of 2',
      ],
      ['integerBytes', 2, '\x8a\x03abc.', 'byte 0 (LONG1): A value has 3 bytes, more than the limit integerBytes of 2'],
    ]
    for (const [limit, value, pickle, text] of cases) {
      it(limit, () => assertRefused(pickle, 'TORCH_CHECKPOINT_LIMIT', text, { [limit]: value }))
    }

    const grown = [
      ['bytes', 'C\x01a', 'SHORT_BINBYTES'],
      ['strings of Python 2 that are no text', 'U\x01\xff', 'SHORT_BINSTRING'],
      ['large integers', '\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f', 'LONG1'],
      ['remembered values', 'Nq\x00', 'BINPUT'],
    ] as const
    for (const [name, one, opcode] of grown) {
      it(`pickleMemory for many ${name}`, () =>
        assert.rejects(read(one.repeat(100), { pickleMemory: 2_000 + 2 * one.length * 100 }), {
          code: 'TORCH_CHECKPOINT_LIMIT',
          opcode,
        }))
    }

    it('memoryRatio for a file of two million empty dicts', () =>
      assert.rejects(read(`(${'}'.repeat(2_000_000)}t.`), {
        code: 'TORCH_CHECKPOINT_LIMIT',
        message: /takes at least 9429\d+ bytes of memory for a file of 2000003, more than the limit memoryRatio of 44$/,
      }))

    it('integerBytes for decimal digits', () =>
      assertRefused(
        'I1234567890\n.',
        'TORCH_CHECKPOINT_LIMIT',
        'byte 0 (INT): An integer has 10 digits, more than the limit integerBytes of 2',
        { integerBytes: 2 },
      ))

    const list = `](${'N'.repeat(20_000)}eq\x00`
    const text = `T${Buffer.from(Uint32Array.of(80_000).buffer).toString('latin1')}${'\0'.repeat(80_000)}q\x02`
    const numpy = 'cnumpy\ndtype\nU\x06U20000\x85Rq\x00cnumpy.core.multiarray\n'
    const many = `X${Buffer.from(Uint32Array.of(4000).buffer).toString('latin1')}${'a.'.repeat(2000)}q\x02`
    const wide = Array.from(
      { length: 6000 },
      (_, index) => `\x8a\x0a\x01${'\0'.repeat(7)}${String.fromCharCode(index & 0xff, index >> 8)}N`,
    )
    const bombs = [
      ['sets of one remembered list', `${list}(${'cbuiltins\nset\nh\x00\x85R'.repeat(100)}t.`, 'REDUCE', 'memoryRatio'],
      ['numpy scalars of one remembered text', `${numpy}scalar\nq\x01${text}(${'h\x01h\x00h\x02\x86R'.repeat(600)}t.`, 'REDUCE', 'memoryRatio'],
      ['numpy arrays of one remembered text', `${numpy}_reconstruct\nq\x01${text}(K\x01J\x80\x38\x01\0\x85cnumpy\ndtype\nU\x02i1\x85R\x89h\x02tq\x03(${'h\x01)Rh\x03b'.repeat(600)}t.`, 'BUILD', 'memoryRatio'],
      ['looks at one remembered tuple of arguments', `(${'N'.repeat(20_000)}tq\x00coperator\nattrgetter\nq\x01(${'h\x01h\x00R'.repeat(100)}t.`, 'REDUCE', 'workRatio'],
      ['names put together of one remembered text', `${many}cbuiltins\ngetattr\nq\x00cm\nC\nh\x02\x86q\x01(${'h\x00h\x01R'.repeat(20_000)}t.`, 'REDUCE', 'workRatio'],
      ['integers that V8 puts in one place of a Map', `}(${wide.join('')}u.`, 'SETITEMS', 'workRatio'],
      ['integers that V8 puts in one place of a Set', `\x8f(${wide.map((one) => one.slice(0, -1)).join('')}\x90.`, 'ADDITEMS', 'workRatio'],
    ] as const // prettier-ignore
    for (const [name, pickle, opcode, limit] of bombs) {
      it(`${limit} for many ${name}`, () =>
        assert.rejects(read(pickle), (error: unknown) => {
          assert.ok(error instanceof CheckpointError)
          assert.equal(error.code, 'TORCH_CHECKPOINT_LIMIT', error.message)
          assert.equal(error.opcode, opcode)
          assert.ok(error.message.includes(`more than the limit ${limit} of`), error.message)
          return true
        }))
    }
  })

  describe('refuses, naming it, the global', () => {
    const unsafe: readonly string[] = [
      'os system',
      'posix system',
      'nt system',
      'subprocess Popen',
      'builtins eval',
      'builtins exec',
      'builtins __import__',
      'builtins open',
      'builtins compile',
      'builtins globals',
      '__builtin__ eval',
      'importlib import_module',
      'importlib.util spec_from_file_location',
      'runpy run_path',
      'pty spawn',
      'socket socket',
      'sys modules',
      'shutil rmtree',
      'ctypes CDLL',
      'pickle loads',
      '_pickle loads',
      'cPickle loads',
      'types CodeType',
      'builtins eval.x',
      'operator attrgetter.__class__',
      'webbrowser open',
      'torch load',
      'torch.serialization load',
      'torch.storage _load_from_bytes',
      'torch.hub load',
      'torch.jit load',
      'torch.utils.cpp_extension load_inline',
      'torch.fx.graph_module reduce_graph_module',
      'numpy load',
      'numpy.testing._private.utils runstring',
      'my.module os.system',
      'torch serialization.os.system',
      'my.module Class.__subclasses__',
      'types FunctionType',
      'builtins setattr',
      'builtins breakpoint',
      'builtins vars',
      'functools reduce',
      'torch._inductor.codecache PyCodeCache.load_by_key_path',
      'torch.fx.graph_module GraphModule.from_code',
      '__builtin__ reduce',
      'commands getoutput',
      '__builtin__ execfile',
      'my.module __import__',
    ]
    for (const name of unsafe) {
      it(name, () =>
        assert.rejects(read(`c${name.replace(' ', '\n')}\n.`), (error: Error & { code?: string; opcode?: string }) => {
          const path = name
            .replace(' ', '.')
            .replace('__builtin__', 'builtins')
            .replace('cPickle', 'pickle')
            .replace('builtins.reduce', 'functools.reduce')
            .replace('commands', 'subprocess')
          assert.equal(error.code, 'TORCH_CHECKPOINT_UNSAFE')
          assert.equal(error.opcode, 'GLOBAL')
          assert.ok(error.message.includes(`The file asks Python for ${path}, which `), error.message)
          return true
        }),
      )
    }

    it('os.system by way of STACK_GLOBAL, INST and getattr', async () => {
      const code = { code: 'TORCH_CHECKPOINT_UNSAFE' }
      await assert.rejects(read('\x8c\x02os\x8c\x06system\x93.'), code)
      await assert.rejects(read('(ios\nsystem\n.'), code)
      await assert.rejects(read('cbuiltins\ngetattr\n(cmy\nmodule\nU\x02ostR.'), code)
      await assert.rejects(read('cbuiltins\ngetattr\n(NU\x09__class__tR.'), code)
    })

    const hidden: readonly [name: string, pickle: string, named: RegExp][] = [
      ['in a partial', 'cfunctools\npartial\n(cos\nsystem\ntR.', /asks Python for os\.system, which runs/],
      [
        'behind a record',
        'cbuiltins\ngetattr\n(cm\nThing\n)RU\x02ostR.',
        /getattr\(an object of Python class m\.Thing, "os"\)/,
      ],
      ['in a dotted attrgetter', 'coperator\nattrgetter\n(U\x0bs.os.systemtR.', /the attribute "s\.os\.system"/],
      ['in an attrgetter by its private name', 'c_operator\nattrgetter\n(U\x0b__globals__tR.', /"__globals__"/],
      [
        'in a methodcaller with names',
        'coperator\nmethodcaller\n(U\x0b__globals__t}U\x01kK\x01s\x92.',
        /"__globals__"/,
      ],
      ['in a class that is made', 'cbuiltins\ntype\n(U\x01a)}tR.', /asks Python to make a class/],
      [
        'by __new__ of a class',
        'cbuiltins\ngetattr\n(cos\npopen\nU\x07__new__tR.',
        /asks Python for os\.popen, which runs/,
      ],
    ]
    for (const [name, pickle, message] of hidden) {
      it(name, () => assert.rejects(read(pickle), { code: 'TORCH_CHECKPOINT_UNSAFE', message }))
    }

    it('that BUILD would change', () =>
      assertRefused(
        'cmy\nThing\n}b.',
        'TORCH_CHECKPOINT_UNSAFE',
        'byte 11 (BUILD): The file asks Python to change my.Thing itself, which is how attacks work',
      ))
  })
})
