import path from 'node:path'

import eslint from '@eslint/js'
import tseslint from 'typescript-eslint'

// A file may import its own layer and those of the rows before it, not the others in its row. CONTRIBUTING.md has this table too.
export const LAYERS = [
  [
    {
      name: 'util',
      files: ['util/'],
    },
  ],
  [{ name: 'libtorch', files: ['libtorch/'] }],
  [
    {
      name: 'tensor',
      files: ['tensor/'],
    },
  ],
  [{ name: 'autograd', files: ['autograd/'] }],
  [
    { name: 'nn', files: ['nn/'] },
    { name: 'checkpoint', files: ['checkpoint/'] },
    { name: 'vision', files: ['vision/'] },
  ],
  [
    { name: 'models', files: ['models/'] },
    { name: 'data', files: ['data/'] },
    { name: 'optim', files: ['optim/'] },
    { name: 'install', files: ['install/'] },
  ],
  [{ name: 'engine', files: ['engine/'] }],
  [{ name: 'model', files: ['model/'] }],
  [{ name: 'classifier', files: ['classifier/', 'evaluation/'] }],
  [{ name: 'train', files: ['train/'] }],
  [{ name: 'cli', files: ['cli/'] }],
  [{ name: 'entries', files: ['entries/'] }],
  [{ name: 'index', files: ['index.ts'] }],
]

// Built-in classes of which each realm has its own: `instanceof` is false for what another realm made.
const BUILT_IN = [
  ...['Object', 'Function', 'Array', 'Map', 'Set', 'WeakMap', 'WeakSet', 'WeakRef', 'Promise', 'Date', 'RegExp'],
  ...['Error', 'AggregateError', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'],
  ...[
    'ArrayBuffer',
    'SharedArrayBuffer',
    'DataView',
    'Buffer',
    '(Big)?(Ui|I)nt\\d+(Clamped)?Array',
    'Float\\d+Array',
    'Readable',
    'Writable',
    'EventEmitter',
  ],
  ...[
    'URL',
    'URLSearchParams',
    'AbortController',
    'AbortSignal',
    'DOMException',
    'Event',
    'EventTarget',
    'Blob',
    'File',
  ],
  ...[
    'Headers',
    'Request',
    'Response',
    'FormData',
    'ReadableStream',
    'TextDecoder',
    'TextEncoder',
    'Intl',
    'WebAssembly',
  ],
]

const REALMS = 'values of other realms (Jest, vm) are of other classes: use the checks of lib/util/realm.ts'

// What the page of jsdom, in which Jest and Vitest can run a program, does not have.
const MISSING_IN_JSDOM = {
  setImmediate: 'node:timers',
  clearImmediate: 'node:timers',
  TextDecoder: 'node:util',
  TextEncoder: 'node:util',
  BroadcastChannel: 'node:worker_threads',
  MessageChannel: 'node:worker_threads',
  ReadableStream: 'node:stream/web',
}

const LIB = path.join(import.meta.dirname, 'lib')

function layerOf(file) {
  const inside = path.relative(LIB, file)
  for (const [rank, row] of LAYERS.entries()) {
    for (const { name, files } of row) {
      if (files.some((entry) => (entry.endsWith('/') ? inside.startsWith(entry) : inside === entry)))
        return { name, rank }
    }
  }
  return null
}

const layers = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const importer = layerOf(context.filename)
    function check(node) {
      const specifier = node.source?.value
      if (typeof specifier !== 'string' || !specifier.startsWith('.')) return
      const target = path.resolve(path.dirname(context.filename), specifier.replace(/\.js$/, '.ts'))
      const imported = layerOf(target)
      if (importer === null || imported === null) {
        const unknown = importer === null ? context.filename : target
        context.report({ node, message: `${path.relative(LIB, unknown)} is in no layer of eslint.config.js` })
      } else if (
        imported.rank > importer.rank ||
        (imported.rank === importer.rank && imported.name !== importer.name)
      ) {
        context.report({
          node,
          message: `${importer.name} may not import ${imported.name}: imports go down the layers`,
        })
      }
    }
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
    }
  },
}

export default tseslint.config(
  { ignores: ['**/dist/', 'build/', 'prebuilds/', '.cache/', 'node_modules/'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // `declare` fields and checked narrowing need the longer form now and then.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/unified-signatures': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // Its search does not end on types that contain themselves, such as the tree of a checkpoint.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      eqeqeq: 'error',
      'no-console': 'off',
    },
  },
  { files: ['lib/**/*.ts'], plugins: { ours: { rules: { layers } } }, rules: { 'ours/layers': 'error' } },
  {
    files: ['lib/**/*.ts', 'packages/*/lib/**/*.ts'],
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-unsafe-type-assertion': 'off',
    },
  },
  {
    files: ['lib/**/*.ts', 'packages/*/lib/**/*.ts'],
    ignores: ['**/lib/cli/**'],
    rules: { 'no-console': 'error' },
  },
  {
    files: ['lib/**/*.ts', 'packages/*/lib/**/*.ts'],
    ignores: ['lib/util/environment.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Read the environment in lib/util/environment.ts' },
      ],
    },
  },
  {
    files: ['lib/**/*.ts', 'packages/*/lib/**/*.ts'],
    ignores: ['lib/util/realm.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: `BinaryExpression[operator='instanceof'][right.name=/^(${BUILT_IN.join('|')})$/]`,
          message: REALMS,
        },
        {
          selector: "BinaryExpression > MemberExpression[object.name='Object'][property.name='prototype']",
          message: REALMS,
        },
      ],
      'no-restricted-globals': [
        'error',
        ...Object.entries(MISSING_IN_JSDOM).map(([name, module]) => ({
          name,
          message: `jsdom has none: import it from ${module}`,
        })),
      ],
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {
      globals: {
        console: 'readonly',
        process: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
        performance: 'readonly',
        setTimeout: 'readonly',
        structuredClone: 'readonly',
        clearTimeout: 'readonly',
        AbortController: 'readonly',
        AbortSignal: 'readonly',
        fetch: 'readonly',
        File: 'readonly',
        Response: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
      },
    },
  },
  {
    files: ['packages/server/page/*.js'],
    languageOptions: {
      globals: Object.fromEntries(
        ['document', 'location', 'navigator', 'Image', 'File', 'createImageBitmap'].map((name) => [name, 'readonly']),
      ),
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafeCalls: ['it', 'describe'] }] },
  },
)
