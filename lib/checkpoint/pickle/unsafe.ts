import type { Fail } from '../failure.js'
import type { PickledGlobal } from '../values.js'

const RUNS = 'runs programs or changes files'
const IMPORTS = 'imports and runs Python code'
const PICKLES = 'loads another pickle, which can run code'
const NETWORK = 'opens network connections'
const CALLS = 'calls other functions by name'
const NATIVE = 'loads native code'

/** Modules with all that is in them, and what asking for them usually means. */
const UNSAFE_MODULES: ReadonlyMap<string, string> = new Map([
  ...tagged(
    RUNS,
    'os posix nt ntpath posixpath subprocess _posixsubprocess shutil pty commands popen2 tempfile fileinput',
  ),
  ...tagged(RUNS, 'multiprocessing concurrent asyncio platform sys io _io fcntl signal'),
  ...tagged(IMPORTS, 'importlib imp runpy pkgutil zipimport code codeop bdb pdb trace timeit profile cProfile doctest'),
  ...tagged(IMPORTS, 'pip ensurepip setuptools distutils venv site pydoc inspect'),
  ...tagged(PICKLES, 'pickle _pickle cPickle pickletools shelve marshal dill cloudpickle joblib'),
  ...tagged(
    NETWORK,
    'socket _socket ssl http urllib urllib2 httplib ftplib smtplib telnetlib xmlrpc socketserver requests',
  ),
  ...tagged(NETWORK, 'httpx aiohttp paramiko webbrowser antigravity'),
  ...tagged(CALLS, 'operator _operator functools _functools types'),
  ...tagged(NATIVE, 'ctypes _ctypes cffi gc mmap'),
  ...tagged(PICKLES, 'torch.serialization torch.package torch.jit torch._jit_internal torch.hub torch.export'),
  ...tagged(IMPORTS, 'torch.fx torch._dynamo torch._inductor torch._lazy torch.compiler torch.utils.bottleneck'),
  ...tagged(NATIVE, 'torch.utils.cpp_extension torch.ops torch.classes torch._ops torch._classes torch.library'),
  ...tagged(RUNS, 'torch.multiprocessing torch.distributed.rpc torch.distributed.run torch.distributed.launch'),
  ...tagged(IMPORTS, 'numpy.testing numpy.f2py numpy.distutils numpy.ctypeslib numpy.lib.npyio numpy.lib._npyio_impl'),
])

/** Single names, and what asking for them usually means. */
const UNSAFE_NAMES: ReadonlyMap<string, string> = new Map([
  ...tagged(
    PICKLES,
    'torch.load torch.save torch.storage._load_from_bytes numpy.load numpy.loads numpy.save pandas.read_pickle',
  ),
  ...tagged(RUNS, 'numpy.memmap numpy.fromfile numpy.loadtxt numpy.genfromtxt'),
  ...tagged(CALLS, 'torch._utils._rebuild_wrapper_subclass torch.overrides.get_overridable_functions'),
  ...tagged(NATIVE, 'torch._C._jit_call torch._C._load_for_lite_interpreter'),
])

/** Harmless names of modules in {@link UNSAFE_MODULES}. */
const EXCEPTIONS: ReadonlySet<string> = new Set([
  'types.SimpleNamespace',
  'torch.serialization._get_layout',
  'torch._dynamo.eval_frame.OptimizedModule',
  // Marks of types in TorchScript archives: see torch_globals.ts.
  'torch.jit._pickle.restore_type_tag',
  'torch.jit._pickle.build_intlist',
  'torch.jit._pickle.build_doublelist',
  'torch.jit._pickle.build_boollist',
  'torch.jit._pickle.build_tensorlist',
])

/** All that a pickle may name of Python's builtins; the rest runs code, opens files or reaches for attributes. */
const BUILTINS: ReadonlySet<string> = new Set(
  (
    'object bool int float complex str bytes bytearray list tuple dict set frozenset range slice ' +
    // Only ever applied to a class, for a class that is nested in it: see globals.ts.
    'getattr'
  ).split(' '),
)

/** Parts of a dotted name that lead out of the module in front of it. */
const WAYS_OUT: ReadonlySet<string> = new Set(
  'os posix nt sys subprocess builtins importlib pickle ctypes socket shutil runpy'.split(' '),
)

/**
 * Refuses the names by which pickles attack. Nothing that is named is ever imported or called here, so this protects
 * the next program that opens the file, and tells the user what the file is.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSAFE`
 */
export function refuseUnsafe(global: PickledGlobal, fail: Fail): void {
  const reason = reasonAgainst(global)
  if (reason === undefined) return
  const advice = 'a trustworthy checkpoint has no use for it; do not open this file with Python either'
  throw fail('TORCH_CHECKPOINT_UNSAFE', `The file asks Python for ${global.path}, which ${reason}: ${advice}`)
}

function reasonAgainst({ module, name, path }: PickledGlobal): string | undefined {
  if (EXCEPTIONS.has(path)) return undefined
  if (module === 'builtins') return BUILTINS.has(name) ? undefined : CALLS
  const named = UNSAFE_NAMES.get(path)
  if (named !== undefined) return named
  for (let end = module.length; end > 0; end = module.lastIndexOf('.', end - 1)) {
    const reason = UNSAFE_MODULES.get(module.slice(0, end))
    if (reason !== undefined) return reason
  }
  // `torch` has `os` as an attribute, as have many modules: the dotted name of protocol 4 would walk there.
  const parts = name.split('.')
  for (let count = 1; count < parts.length; count++) {
    const reason = UNSAFE_MODULES.get(`${module}.${parts.slice(0, count).join('.')}`)
    if (reason !== undefined) return reason
  }
  return parts.some((part) => WAYS_OUT.has(part) || (part.startsWith('__') && part.endsWith('__'))) ? CALLS : undefined
}

function tagged(reason: string, names: string): [string, string][] {
  return names.split(' ').map((name) => [name, reason])
}
