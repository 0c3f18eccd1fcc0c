/** A way to compute a network, which has a process of its own. */
export interface Contender {
  /** What `--contenders` calls it. */
  readonly name: string
  readonly title: string
  /** The program, and what its process is told at the start. */
  readonly program: 'worker.ts' | 'worker.py'
  readonly kind: string
  /** Threads, if not as many as there are cores. */
  readonly threads?: number
  /** Options of its `open`, besides those that all have. */
  readonly open?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, string>>
}

/** The one that the others are measured against. */
export const RIVAL = 'ort'

/** The one that stands for this package in the benchmarks that are not about speed alone. */
export const OURS = 'engine-native'

function engine(name: string, title: string, compile: Readonly<Record<string, unknown>>, more?: object): Contender {
  return { name, title, program: 'worker.ts', kind: 'engine', open: { compile }, ...more }
}

// oneDNN and libtorch both ask which instructions they may use.
const AVX2 = { ONEDNN_MAX_CPU_ISA: 'AVX2', ATEN_CPU_CAPABILITY: 'avx2' }

/** All contenders, in the order of the tables. */
export const CONTENDERS: readonly Contender[] = [
  { name: RIVAL, title: 'onnxruntime-node', program: 'worker.ts', kind: 'onnxruntime' },
  { name: 'ort-1', title: 'onnxruntime-node, 1 thread', program: 'worker.ts', kind: 'onnxruntime', threads: 1 },
  { name: 'python', title: 'PyTorch, eager', program: 'worker.py', kind: 'eager' },
  { name: 'python-folded', title: 'PyTorch, BN folded, channels_last', program: 'worker.py', kind: 'folded' },
  { name: 'python-compile', title: 'PyTorch, torch.compile, freezing', program: 'worker.py', kind: 'compiled' },
  { name: 'eager', title: 'napi-torch, eager modules', program: 'worker.ts', kind: 'eager' },
  engine(OURS, 'napi-torch engine, native kernels', { kernels: 'native' }),
  engine('engine-native-fixed', 'napi-torch engine, native kernels, autotune: false', {
    kernels: 'native',
    autotune: false,
  }),
  engine('engine-native-1', 'napi-torch engine, native kernels, 1 thread', { kernels: 'native' }, { threads: 1 }),
  engine('engine-onednn', 'napi-torch engine, oneDNN', { kernels: 'onednn' }),
  engine('engine-aten', 'napi-torch engine, ATen', { kernels: 'aten' }),
  engine('engine-onednn-bf16', 'napi-torch engine, oneDNN, bfloat16', { kernels: 'onednn', dtype: 'bfloat16' }),
  { name: 'engine-int8', title: 'napi-torch engine, int8', program: 'worker.ts', kind: 'engine', open: { int8: true } },
  engine('engine-onednn-avx2', 'napi-torch engine, oneDNN, AVX2 only', { kernels: 'onednn' }, { env: AVX2 }),
  engine(
    'engine-native-avx2',
    'napi-torch engine, native kernels, AVX2 only',
    { kernels: 'native', instructionSet: 'avx2' },
    { env: AVX2 },
  ),
]

/** Gives the contender of a name. */
export function contenderOf(name: string): Contender {
  const contender = CONTENDERS.find((each) => each.name === name)
  if (contender === undefined) throw new Error(`There is no contender ${name}`)
  return contender
}
