// The test runners in which users run code that uses the package: each makes realms of its own, in which the classes of
// JavaScript, the globals and the modules are others than those of the process.

/** What is installed beside the package to run the tests. */
export const RUNNER_PACKAGES = {
  jest: '30',
  'jest-environment-jsdom': '30',
  vitest: '3',
  jsdom: '26',
} as const

/** Opening libtorch alone takes seconds on a busy machine, and the default of both is 5 s. */
const TIMEOUT_MS = 60_000

/** The rows: how each is called, with the arguments of Node.js first. */
export const RUNNERS: readonly { readonly kind: string; readonly args: readonly string[] }[] = [
  ...['node', 'jsdom'].map((environment) => ({
    kind: `Jest, ${environment}`,
    args: [
      '--experimental-vm-modules',
      '--no-warnings',
      'node_modules/jest/bin/jest.js',
      `--env=${environment}`,
      `--testTimeout=${TIMEOUT_MS}`,
    ],
  })),
  ...['threads', 'forks', 'vmThreads'].flatMap((pool) =>
    ['node', 'jsdom'].map((environment) => ({
      kind: `Vitest, ${pool}, ${environment}`,
      args: [
        'node_modules/vitest/vitest.mjs',
        'run',
        '--globals',
        `--pool=${pool}`,
        `--environment=${environment}`,
        `--testTimeout=${TIMEOUT_MS}`,
      ],
    })),
  ),
]

/** The files of the project, by name. Jest and Vitest both find the tests by their name. */
export const RUNNER_FILES: Readonly<Record<string, string>> = {
  'jest.config.json': JSON.stringify({ transform: {}, testMatch: ['**/realm.test.mjs'] }),

  'realm.test.mjs': `import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { compile, createModel, decodeImage, detectArchitecture, fromArray, IdxDataset, keep, loadCheckpoint, memory, presets, scope, tensor } from 'napi-torch'

// Both take it as the last argument of a test; the default of 5 s is short for a busy machine.
const LIMIT_MS = 60_000
const folder = dirname(createRequire(import.meta.url).resolve('@napi-torch/fashion-mnist/package.json'))

async function read() {
  const { image, label } = await (await IdxDataset.open(folder)).get(0)
  const state = await loadCheckpoint(join(folder, 'resnet18-fashion-mnist.pth'))
  const model = createModel(detectArchitecture(state)).eval()
  model.loadStateDict(new Map(state))
  return { image, label, state, model }
}

test('computes and compiles', async () => {
  const { image, label, state, model } = await read()
  const input = await presets.fashionMnist().apply(image)
  const logits = scope(() => [...model.forward(input.unsqueeze(0)).toFloat32Array()])
  expect(logits.indexOf(Math.max(...logits))).toBe(label)
  const engine = await compile(model, { input: [...input.shape], maxBatchSize: 2 })
  const sample = Float32Array.from(input.toFloat32Array())
  const { signal } = new AbortController()
  const batch = await engine.run(sample, { signal })
  const one = await engine.infer(sample, { signal })
  expect(Math.abs(one[label] - logits[label])).toBeLessThan(1e-3)
  expect([...one]).toEqual([...batch])
  await engine.close()
  for (const each of [input, ...state.values()]) each.dispose()
  model.dispose()
}, LIMIT_MS)

test('takes what this realm makes, and gives what it knows', async () => {
  const array = new Float32Array([1, 2])
  const shared = fromArray(array, [2])
  array[0] = 5
  expect([...shared.toFloat32Array()]).toEqual([5, 2])
  expect(shared.toFloat32Array() instanceof Float32Array).toBe(true)
  expect(shared.shape).toStrictEqual([2])
  expect(typeof memory().tensors).toBe('number')
  expect(() => shared.add(tensor([1, 2, 3]))).toThrow(Error)
  const failure = await loadCheckpoint('nowhere.pth').catch((error) => error)
  expect(failure instanceof Error).toBe(true)
  shared.dispose()
}, LIMIT_MS)

test('keeps what maps, sets and objects of this realm hold', () => {
  const { list, map, set } = scope(() => {
    const made = { list: [tensor([1])], map: new Map([['a', tensor([2])]]), set: new Set([tensor([3])]) }
    return made
  })
  const held = scope(() => {
    const object = { one: tensor([4]) }
    keep(object)
    return object.one
  })
  const all = [...list, ...map.values(), ...set, held]
  expect(all.map((each) => each.item())).toEqual([1, 2, 3, 4])
  for (const each of all) each.dispose()
}, LIMIT_MS)

test('decodes bytes of this realm', async () => {
  const bmp = new Uint8Array(58)
  new DataView(bmp.buffer).setUint16(0, 0x424d)
  for (const [at, value] of [[2, 58], [10, 54], [14, 40], [18, 1], [22, 1]]) new DataView(bmp.buffer).setUint32(at, value, true)
  new DataView(bmp.buffer).setUint16(26, 1, true)
  new DataView(bmp.buffer).setUint16(28, 24, true)
  const image = await decodeImage(bmp)
  expect(image.data instanceof Uint8Array).toBe(true)
  expect(image.width).toBe(1)
}, LIMIT_MS)
`,
}
