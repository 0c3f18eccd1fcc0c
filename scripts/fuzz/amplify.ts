import { checkpointOf, zip, type TestEntry } from '../../test/support/archive.js'
import { GLOBALS } from './pickles.js'
import type { Random } from './random.js'

/** A file of few bytes that ask for much: of what an instruction may name again, and of what costs more than its bytes. */
export interface Amplified {
  readonly name: string
  readonly bytes: Buffer
}

type Family = (random: Random, bytes: number) => Amplified

/** Makes a file of about `bytes` bytes, or one that inflates to them. */
export function amplified(random: Random, bytes: number): Amplified {
  return random.pick(FAMILIES)(random, bytes)
}

// Instructions as characters of latin1, which bytesOf() turns into bytes.

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

function uint32(value: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes.toString('latin1')
}

function text(value: string): string {
  return `X${uint32(value.length)}${value}`
}

/** A number that differs from `index` to `index`: it makes keys that are not equal. */
function integer(index: number): string {
  return `J${uint32(index)}`
}

function times(count: number, one: (index: number) => string): string {
  return Array.from({ length: Math.max(0, Math.floor(count)) }, (_, index) => one(index)).join('')
}

/** One storage of 16 bytes, remembered as number 255, and a tensor in it, as number 254. */
const STORAGE = `(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x04tQq\xff0`
const TENSOR = `ctorch._utils\n_rebuild_tensor_v2\n(h\xffK\x00K\x04\x85K\x01\x85\x89NtRq\xfe0`

/** An archive of a pickle, deflated or not, of one pickle only or with another kind of checkpoint around it. */
function archived(random: Random, pickle: string, name: string): Amplified {
  const data = bytesOf(pickle)
  if (random.once(2)) return { name, bytes: Buffer.from(checkpointOf(data, { 0: new Uint8Array(16) })) }
  const entries = [
    { name: 'a/data.pkl', data, deflate: true },
    { name: 'a/data/0', data: new Uint8Array(16) },
    { name: 'a/version', data: '3\n' },
  ]
  return { name: `${name}, deflated`, bytes: Buffer.from(zip(entries)) }
}

/** Something large that is made once, and remembered as number 0. */
function largeValue(random: Random, bytes: number): [what: string, pickle: string] {
  return random.pick<() => [string, string]>([
    () => ['text', text('a'.repeat(bytes))],
    () => ['dots', text('a.'.repeat(bytes / 2))],
    () => ['a name', text('a.'.repeat(2_000))],
    () => ['wrappers', text('module.'.repeat(bytes / 7))],
    () => ['surrogates', text('\xed\xa0\x80'.repeat(bytes / 3))],
    () => ['zeros', text('\0'.repeat(bytes))],
    () => ['bytes', `B${uint32(bytes)}${'\x80'.repeat(bytes)}`],
    () => ['list', `](${'N'.repeat(bytes)}e`],
    () => ['tuple', `(${'N'.repeat(bytes)}t`],
    () => ['tuple of texts', `(${'U\x01a'.repeat(bytes / 3)}t`],
    () => ['dict', `}(${times(bytes / 6, (index) => `${integer(index)}N`)}u`],
    () => ['dict of texts', `}(${times(bytes / 8, (index) => `U\x05${String(index).padStart(5, '0')}N`)}u`],
    () => ['dict of crowded integers', `}(${times(bytes / 13, (index) => `\x8a\x0a\x01${'\0'.repeat(7)}${String.fromCharCode(index & 255, (index >> 8) & 127)}N`)}u`],
    () => ['crowded numbers', `}(${times(bytes / 10, (index) => `G${uint32(index)}\0\0\0\0N`)}u`],
    () => ['set', `\x8f(${times(bytes / 5, integer)}\x90`],
    () => ['list of pairs', `](${times(bytes / 8, (index) => `${integer(index)}N\x86`)}e`],
    () => ['integer', `\x8b${uint32(1024)}${'\x7f'.repeat(1024)}`],
    () => ['shape', `(${'K\x01'.repeat(64)}t`],
    () => ['tensor', 'h\xfe'],
    () => ['class', 'ctorch.nn.modules.linear\nLinear\n'],
    () => ['class of a long name', `c${'a'.repeat(4_000)}\n${'b'.repeat(4_000)}\n`],
    () => ['numpy text', `cnumpy\ndtype\nU\x07U${String(Math.floor(bytes / 4)).padStart(6, '0')}\x85Rq\x01cnumpy._core.multiarray\nscalar\nh\x01B${uint32(bytes & ~3)}${'\0'.repeat(bytes & ~3)}\x86R`],
    () => ['persistent id', `(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x04t`],
    () => ['arguments of a tensor', `(h\xffK\x00))\x89Nt`],
    () => ['an object', 'ca\nB\n)\x81'],
  ])() // prettier-ignore
}

/** Uses of the value that is remembered as number 0, in few bytes each. They leave one value on the stack. */
function usesOf(random: Random): [what: string, one: (index: number) => string] {
  const global = random.pick(GLOBALS).replace(' ', '\n')
  return random.pick<() => [string, (index: number) => string]>([
    () => ['remembered', () => 'h\0'],
    () => ['in tuples', () => 'h\0\x85'],
    () => ['in pairs', () => 'h\0h\0\x86'],
    () => [`as arguments of ${global}`, () => `h\x02h\0R`],
    () => [`as an argument of ${global}`, () => `h\x02h\0\x85R`],
    () => [`as two arguments of ${global}`, () => `h\x02h\0h\0\x86R`],
    () => [`as three arguments of ${global}`, () => `h\x02h\x03h\0h\0\x87R`],
    () => [`built into ${global}`, () => `h\x02)Rh\0b`],
    () => [`with names for ${global}`, () => `h\x02)h\0\x92`],
    () => ['as a name', () => 'h\x03h\0\x93'],
    () => ['as a module', () => 'h\0h\x03\x93'],
    () => ['as both names', () => 'h\0h\0\x93'],
    () => ['as a persistent id', () => 'h\0Q'],
    () => ['as a state', () => 'ca\nB\n)\x81h\0b'],
    () => ['remembered again', () => 'h\0\x94'],
    () => ['remembered far away', (index) => `h\0r${uint32(Math.imul(index, 65_537) >>> 0)}`],
    () => ['as an attribute', () => 'cbuiltins\ngetattr\nca\nB\nh\0\x86R'],
    () => ['as an attribute of an attribute', () => 'h\x04h\x05h\0\x86R'],
    () => ['as a dtype', () => 'cnumpy\ndtype\nh\0\x85R'],
    () => ['as elements', () => '](h\0h\0h\0e'],
  ])()
}

/** One large value, and as many references to it as fit. */
function fan(random: Random, bytes: number): Amplified {
  const [what, value] = largeValue(random, Math.max(8, Math.floor(bytes / random.pick([2, 10, 100]))))
  const [use, one] = usesOf(random)
  const global = random.pick(GLOBALS).replace(' ', '\n')
  const memo = `c${global}\nq\x020U\x01bq\x030cbuiltins\ngetattr\nq\x040ca\nB\nq\x050`
  const count = Math.max(1, (bytes - value.length) / one(0).length)
  const around = random.pick<() => string>([
    () => `(${times(count, one)}t.`,
    () => `](${times(count, one)}e.`,
    () => `}(${times(count / 2, (index) => `${integer(index)}${one(index)}`)}u.`,
    () => `}(${times(count / 3, (index) => `U\x06${String(index).padStart(6, '0')}${one(index)}`)}u.`,
    () => `}(U\x01wh\xfe${times(count / 3, (index) => `U\x06${String(index).padStart(6, '0')}${one(index)}`)}u.`,
    () => `}(U\x01wh\xfeu(${times(count, one)}t\x86.`,
    // The uses are lost, one by one.
    () => `${times(count, (index) => `${one(index)}0`)}N.`,
    // As facts of a state dict.
    () =>
      `ccollections\nOrderedDict\n)R(U\x01wh\xfeu}U\x09_metadata}(${times(count / 3, (index) => `U\x06${String(index).padStart(6, '0')}${one(index)}`)}usb.`,
  ])()
  return archived(random, `\x80\x02${STORAGE}${TENSOR}${memo}${value}q\x000${around}`, `${what}, ${use}`)
}

/** Lists, dicts and objects that hold the one before them several times, or themselves. */
function graph(random: Random, bytes: number): Amplified {
  const leaf = random.pick([']', '}', 'h\xfe', 'ca\nB\n)\x81', `(${'N'.repeat(100)}t`])
  const level = random.pick([
    'h\0h\0\x86q\x000',
    '](h\0h\0h\0eq\x000',
    '}(U\x05modelh\0U\x0astate_dicth\0U\x03netU\x01au q\x000'.replace(' ', ''),
    '}(U\x04argsh\0U\x03cfgh\0U\x05modelh\0uq\x000',
    'ca\nB\n)\x81}(U\x01ah\0U\x01bh\0ubq\x000',
    'h\0\x85q\x000',
  ])
  const self = random.pick([
    '',
    ']q\x00h\0ah\0ah\0a0',
    '}q\x00U\x05modelh\0sU\x0astate_dicth\0s0',
    '}q\x00(U\x04args h\0u0'.replace(' ', ''),
  ])
  const inner = random.pick([2, 20, bytes / level.length])
  const body = `${leaf}q\x000${self}${level.repeat(Math.max(1, inner))}`
  const keys = times((bytes - body.length) / 14, (index) => `U\x06k${String(index).padStart(5, '0')}h\0`)
  const root = random.pick([`}(${keys}u.`, 'h\0.', `](${'h\0'.repeat(Math.max(1, (bytes - body.length) / 2))}e.`])
  return archived(random, `\x80\x02${STORAGE}${TENSOR}${body}${root}`, 'a graph of shared values')
}

/** Modules that share their children, their dicts of attributes, or their names. */
function modules(random: Random, bytes: number): Amplified {
  const entries = random.pick([1, 10, 1_000, Math.max(1, bytes / 20)])
  const dict = random.pick([
    '}',
    `}(${times(entries, (index) => `U\x06${String(index).padStart(6, '0')}N`)}u`,
    `}(${times(entries, (index) => `U\x06${String(index).padStart(6, '0')}h\xfe`)}u`,
    `}(${text('a'.repeat(Math.min(bytes / 3, 100_000)))}h\xfeu`,
  ])
  const shared = `${dict}q\x010}q\x020`
  const [parameters, buffers] = random.pick<[string, string]>([
    ['h\x01', 'h\x02'],
    ['h\x02', 'h\x01'],
    ['h\x02', 'h\x02'],
  ])
  const named = random.pick([1, 2, 50])
  const level = (children: string): string =>
    `ctorch.nn.modules.container\nSequential\n)\x81}(U\x0b_parameters${parameters}U\x08_buffers${buffers}U\x08_modules${children}ub`
  const child = (index: number): string => `U\x04${String(index % 9_999).padStart(4, '0')}h\0`
  const step = `${level(`}(${times(named, child)}u`)}q\x000`
  const room = Math.max(1, (bytes - shared.length) / step.length)
  const body = `${shared}${level('h\x02')}q\x000${step.repeat(random.pick([1, 20, 90, room]))}`
  const wide = times((bytes - body.length) / 12, (index) => `U\x06${String(index).padStart(6, '0')}h\0`)
  const root = random.pick(['h\0.', `${level(`}(${wide}u`)}.`, `}(U\x05modelh\0u.`])
  return archived(random, `\x80\x02${STORAGE}${TENSOR}${body}${root}`, 'modules that share')
}

/** State dicts of many keys, most with one tensor, and keys that are long, deep or wrapped. */
function keys(random: Random, bytes: number): Amplified {
  const length = random.pick([6, 20, 60, 500, 5_000, bytes / 2])
  const part = random.pick([
    'a.',
    'module.',
    'layer1.0.',
    'a',
    '.',
    'model._orig_mod.',
    'x.parametrizations.weight.',
    '_v',
  ])
  const end = random.pick(['weight', 'bias', 'running_mean', 'weight_v', 'weight_g', 'original0', ''])
  const front = part.repeat(Math.max(0, length / part.length))
  const one = front.length + end.length + 13
  const isVaried = random.once(2)
  const body = times(Math.max(1, bytes / one), (index) => {
    const number = String(index).padStart(6, '0')
    return `${text(isVaried ? `${number}.${front}${end}` : `${front}${number}.${end}`)}h\xfe`
  })
  return archived(random, `\x80\x02${STORAGE}${TENSOR}}(${body}u.`, `keys of ${Math.round(one)} characters`)
}

/** Networks of tensors that take no bytes, so that recognition has much to sort: many blocks, stems, heads or norms. */
function networks(random: Random, bytes: number): Amplified {
  const tensor = (shape: readonly number[]): string =>
    `ctorch._utils\n_rebuild_tensor_v2\n(h\xffK\x00(${shape.map((size) => `M${uint32(size).slice(0, 2)}`).join('')}t(${'K\x00'.repeat(shape.length)}t\x89NtR`
  const memo = `${tensor([64, 64, 3, 3])}q\x000${tensor([64])}q\x010${tensor([10, 64])}q\x020${tensor([64, 3, 7, 7])}q\x030${tensor([64, 64, 1, 1])}q\x040`
  const depth = random.pick([1, 3, 20, 29])
  const path = 'm.'.repeat(depth)
  const conv = (name: string, kind = '\0'): string => `${text(`${name}.weight`)}h${kind}`
  const norm = (name: string): string =>
    times(4, (index) => `${text(`${name}.${['weight', 'bias', 'running_mean', 'running_var'][index]}`)}h\x01`)
  const block = (name: string): string =>
    `${conv(`${name}.conv1`)}${norm(`${name}.bn1`)}${conv(`${name}.conv2`)}${norm(`${name}.bn2`)}`
  const unit = random.pick<(index: number) => string>([
    (index) => block(`${path}layer${1 + (index % 4)}.${index >> 2}`),
    (index) =>
      `${conv(`${index}.${path}conv1`, '\x03')}${norm(`${index}.${path}bn1`)}${times(4, (stage) => block(`${index}.${path}layer${stage + 1}.0`))}`,
    (index) => conv(`${path}stem${index}`, '\x03'),
    (index) => conv(`${path}${index}`, '\x02'),
    (index) => norm(`${path}n${index}`),
    (index) => conv(`${path}${index}.0`, random.pick(['\0', '\x04'])),
  ])
  const whole = `${conv(`${path}conv1`, '\x03')}${norm(`${path}bn1`)}${times(4, (stage) => block(`${path}layer${stage + 1}.0`))}${conv(`${path}fc`, '\x02')}`
  const count = Math.max(1, (bytes - memo.length) / unit(10).length)
  return archived(
    random,
    `\x80\x02${STORAGE}${memo}}(${random.once(2) ? whole : ''}${times(count, unit)}u.`,
    `networks ${depth} deep`,
  )
}

/** Lines of protocol 0, which are parsed. */
function lines(random: Random, bytes: number): Amplified {
  const length = random.pick([1, 60, 2_000, 4_090])
  const line = random.pick<() => string>([
    () => `F${'1'.repeat(length)}x\n`,
    () => `F${'1'.repeat(length)}e1\n`,
    () => `I${'1'.repeat(length)}\n`,
    () => `L${'9'.repeat(Math.min(length, 2_400))}L\n`,
    () => `V${'\\u0041'.repeat(length)}\n`,
    () => `V${'\\ud800'.repeat(length)}\n`,
    () => `S'${'\\x00'.repeat(length)}'\n`,
    () => `S'${'\\a'.repeat(length)}'\n`,
    () => `c${'a.'.repeat(length / 2)}\n${'B.'.repeat(length / 2)}\n`,
    () => `ca\n${'_'.repeat(length)}Error\n`,
    () => `\x8c\x00`,
    () => `U\x02\xff\xff`,
    () => `\x8a\xff${'\x55'.repeat(255)}`,
  ])()
  const body = line.repeat(Math.max(1, bytes / line.length))
  if (random.once(3)) return { name: 'lines, legacy', bytes: Buffer.concat([LEGACY, bytesOf(`(${body}t.].`)]) }
  return archived(random, `(${body}t.`, 'lines')
}

/** Magic number, version and system of a legacy file. */
const LEGACY = bytesOf(
  '\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}(U\x10protocol_versionM\xe9\x03U\x0dlittle_endian\x88u.',
)

/** Storages of a legacy file, and views of them, which were read one by one. */
function legacyViews(random: Random, bytes: number): Amplified {
  const elements = random.pick([1, 1_000, Math.max(1, Math.floor(bytes / 8))])
  const view = (index: number): string =>
    `ctorch._utils\n_rebuild_tensor\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuJ${uint32(elements)}(U\x06${String(index).padStart(6, '0')}K\x00J${uint32(elements)}ttQK\x00K\x01\x85K\x01\x85tR`
  const count = Math.max(1, (bytes - 4 * elements) / (view(0).length + 9))
  const pickle = `\x80\x02}(${times(count, (index) => `U\x06${String(index).padStart(6, '0')}${view(index)}`)}u.\x80\x02]U\x010a.`
  const size = Buffer.alloc(8)
  size.writeBigInt64LE(BigInt(elements))
  return {
    name: 'views of one storage',
    bytes: Buffer.concat([LEGACY, bytesOf(pickle), size, Buffer.alloc(4 * elements)]),
  }
}

/** Classes in the code of a TorchScript archive. */
function code(random: Random, bytes: number): Amplified {
  const line = random.pick([
    ' \n',
    'class A(Module):\n',
    'class A(Module):\n  __parameters__ = []\n',
    `class ${'a'.repeat(900)}\n`,
    '  a : Final[int] = 1\n',
    `    x = torch.max_pool2d(${'('.repeat(500)}\n`,
    `    x = torch.max_pool2d(${'[1, '.repeat(200)}\n`,
    `  __${'_'.repeat(2_000)}\n`,
    '  __a__ = 1\n',
    '"", ',
  ])
  const front = random.pick(['class Net(Module):\n', 'class Net(Module):\n  __parameters__ = ["w", ', ''])
  const text = `${front}${line.repeat(Math.max(1, bytes / line.length))}${random.pick(['', ']\n'])}`
  const object = 'c__torch__\nNet\n)\x81'
  const state = `}(U\x01wh\xfe${times(random.pick([0, 100, 10_000]), (index) => `U\x06${String(index).padStart(6, '0')}h\0`)}u`
  const pickle = `\x80\x02${STORAGE}${TENSOR}${object}}U\x01wh\xfesbq\x000${object}${state}b.`
  const entries: TestEntry[] = [
    { name: 'a/data.pkl', data: bytesOf(pickle) },
    { name: 'a/code/__torch__.py', data: bytesOf(text), deflate: random.once(2) },
    { name: 'a/data/0', data: new Uint8Array(16) },
    { name: 'a/constants.pkl', data: '\x80\x02).' },
    { name: 'a/version', data: '3\n' },
  ]
  return { name: 'TorchScript code', bytes: Buffer.from(zip(entries)) }
}

/** Archives of many entries, of long names, over each other, or within each other. */
function entries(random: Random, bytes: number): Amplified {
  const length = random.pick([1, 20, 2_000, 60_000])
  const count = Math.max(1, Math.min(60_000, bytes / (76 + 2 * length)))
  const offset = random.once(4) ? { offset: 0 } : {}
  const data = random.once(2) ? '' : new Uint8Array(random.pick([1, 10_000]))
  const more = Array.from({ length: Math.floor(count) }, (_, index) => {
    const name = `a/data/${'x'.repeat(length)}${index}${random.once(5_000) ? '/models/a.json' : ''}`
    return { name, data, deflate: data !== '', ...offset }
  })
  const pickle = { name: 'a/data.pkl', data: `\x80\x02${STORAGE}${TENSOR}}U\x01wh\xfes.` }
  const whole = [pickle, { name: 'a/data/0', data: new Uint8Array(16) }, { name: 'a/version', data: '3\n' }, ...more]
  const file = zip(random.once(4) ? more : whole)
  if (!random.once(4)) return { name: 'entries', bytes: Buffer.from(file) }
  return {
    name: 'an archive in an archive',
    bytes: Buffer.from(zip([{ name: 'model.pth', data: file, deflate: true }])),
  }
}

/** Headers of safetensors. */
function headers(random: Random, bytes: number): Amplified {
  const value = random.pick(['{"dtype":"F32","shape":[0],"data_offsets":[0,0]}', '[]', '{}', '0', '""', `{"dtype":"F32","shape":[${Array(64).fill('0').join()}],"data_offsets":[0,0]}`, `"${'\\u0041'.repeat(50)}"`, '{"dtype":"U8","shape":[9007199254740991,9007199254740991,0],"data_offsets":[0,0]}']) // prettier-ignore
  const name = random.pick(['', 'a.'.repeat(10), 'module.'.repeat(5), 'x'.repeat(500)])
  const body = random.pick<() => string>([
    () => `{${Array.from({ length: Math.max(1, Math.floor(bytes / (value.length + name.length + 10))) }, (_, index) => `"${name}${index}":${value}`).join()}}`,
    () => `{"a":[${Array(Math.max(1, Math.floor(bytes / (value.length + 1)))).fill(value).join()}]}`,
    () => `{"a":${'['.repeat(bytes / 2)}${']'.repeat(bytes / 2)}}`,
    () => `{"__metadata__":{"preset":"${'['.repeat(bytes)}"}}`,
    () => `{"__metadata__":{"format":"${'a'.repeat(bytes)}"}}`,
  ])() // prettier-ignore
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(body.length))
  if (random.once(8)) return { name: 'an index', bytes: bytesOf(`{"weight_map":${body}}`) }
  return { name: 'a header', bytes: Buffer.concat([size, bytesOf(body)]) }
}

const FAMILIES: readonly Family[] = [
  fan,
  fan,
  fan,
  fan,
  graph,
  modules,
  modules,
  keys,
  networks,
  lines,
  legacyViews,
  code,
  entries,
  headers,
]
