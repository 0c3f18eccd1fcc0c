import { shorten } from '../../util/check.js'
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
  ...tagged(RUNS, 'os posix nt subprocess _posixsubprocess shutil pty commands popen2 tempfile fileinput'),
  ...tagged(RUNS, 'multiprocessing concurrent asyncio sys io _io fcntl'),
  ...tagged(IMPORTS, 'importlib imp runpy pkgutil zipimport code codeop bdb pdb trace timeit profile cProfile doctest'),
  ...tagged(IMPORTS, 'pip ensurepip setuptools distutils venv site pydoc'),
  ...tagged(PICKLES, 'pickle _pickle cPickle pickletools shelve marshal dill cloudpickle joblib'),
  ...tagged(
    NETWORK,
    'socket _socket ssl http urllib urllib2 httplib ftplib smtplib telnetlib xmlrpc socketserver requests',
  ),
  ...tagged(NETWORK, 'httpx aiohttp paramiko webbrowser antigravity'),
  ...tagged(NATIVE, 'ctypes _ctypes cffi gc mmap'),
  ...tagged(PICKLES, 'torch.serialization torch.package torch.jit torch._jit_internal torch.hub'),
  ...tagged(IMPORTS, 'torch.utils.bottleneck'),
  ...tagged(NATIVE, 'torch.utils.cpp_extension torch.ops torch.classes torch._ops torch._classes torch.library'),
  ...tagged(RUNS, 'torch.multiprocessing torch.distributed.rpc torch.distributed.run torch.distributed.launch'),
  ...tagged(IMPORTS, 'numpy.testing numpy.f2py numpy.distutils numpy.ctypeslib numpy.lib.npyio numpy.lib._npyio_impl'),
])

/** Modules whose functions import or run code. Their classes are harmless: of an object nothing but its class and state is kept. */
const UNSAFE_FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ...tagged(IMPORTS, 'torch.fx torch._dynamo torch._inductor torch._lazy torch.compiler torch.export inspect'),
  ...tagged(RUNS, 'platform signal'),
])

/** Single names, and what asking for them usually means. */
const UNSAFE_NAMES: ReadonlyMap<string, string> = new Map([
  ...tagged(
    PICKLES,
    'torch.load torch.save torch.storage._load_from_bytes numpy.load numpy.loads numpy.save pandas.read_pickle',
  ),
  ...tagged(RUNS, 'numpy.memmap numpy.fromfile numpy.loadtxt numpy.genfromtxt'),
  ...tagged(CALLS, 'torch.overrides.get_overridable_functions functools.reduce _functools.reduce'),
  ...tagged(RUNS, 'types.FunctionType types.LambdaType types.CodeType types.CellType types.ModuleType types.new_class'),
  ...tagged(NATIVE, 'torch._C._jit_call torch._C._load_for_lite_interpreter'),
])

/** Harmless names of modules in {@link UNSAFE_MODULES}. */
const EXCEPTIONS: ReadonlySet<string> = new Set([
  'sys.intern',
  'io.BytesIO',
  'io.StringIO',
  '_io.BytesIO',
  '_io.StringIO',
  'torch.serialization._get_layout',
  // What a module that went through torch.compile names its backend by.
  'torch._dynamo.backends.debugging.eager',
  'torch._dynamo.backends.debugging.eager_noexcept',
  'torch._dynamo.backends.debugging.pre_dispatch_eager',
  'torch._dynamo.backends.debugging.aot_eager',
  'torch._dynamo.backends.debugging.aot_eager_decomp_partition',
  'torch._dynamo.backends.inductor.inductor',
  'torch._dynamo.backends.cudagraphs.cudagraphs',
  // Marks of types in TorchScript archives: see torch_globals.ts.
  'torch.jit._pickle.restore_type_tag',
  'torch.jit._pickle.build_intlist',
  'torch.jit._pickle.build_doublelist',
  'torch.jit._pickle.build_boollist',
  'torch.jit._pickle.build_tensorlist',
])

/** An exception is data, whichever module it comes from. */
const EXCEPTION_CLASS = /^[A-Z]\w{0,80}(?:Error|Exception|Warning|Expired)$/

/** Python's builtins that run code, open files or reach for attributes; those of Python 2 as well. */
const UNSAFE_BUILTINS: ReadonlySet<string> = new Set(
  (
    'eval exec compile open input breakpoint setattr delattr globals locals vars dir help exit quit license credits ' +
    'copyright apply execfile reload file raw_input memoryview buffer'
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
  throw fail('TORCH_CHECKPOINT_UNSAFE', `The file asks Python for ${shorten(global.path)}, which ${reason}: ${advice}`)
}

function reasonAgainst({ module, name, path }: PickledGlobal): string | undefined {
  if (EXCEPTIONS.has(path)) return undefined
  const parts = name.split('.')
  if (leadsOut(parts)) return CALLS
  if (module === 'builtins') return UNSAFE_BUILTINS.has(parts[0] ?? '') ? CALLS : undefined
  const named = UNSAFE_NAMES.get(path)
  if (named !== undefined) return named
  if (EXCEPTION_CLASS.test(name)) return undefined
  const inModule = reasonIn(UNSAFE_MODULES, module)
  if (inModule !== undefined) return inModule
  // A method of a class is a function too, such as PyCodeCache.load.
  if (!parts.every((part) => /^_*[A-Z]/.test(part))) {
    const inFunctions = reasonIn(UNSAFE_FUNCTIONS, module)
    if (inFunctions !== undefined) return inFunctions
  }
  // `torch` has `os` as an attribute, as have many modules: the dotted name of protocol 4 would walk there.
  return parts.length === 1 ? undefined : reasonIn(UNSAFE_MODULES, path.slice(0, -(parts.at(-1)?.length ?? 0) - 1))
}

/** Parts of the longest name in the tables: what follows them cannot matter, however many dots a file writes. */
const MAX_PARTS = 4

/** Looks for a module and for each package that it is in. */
function reasonIn(reasons: ReadonlyMap<string, string>, module: string): string | undefined {
  let end = -1
  for (let parts = 1; parts <= MAX_PARTS; parts++) {
    end = module.indexOf('.', end + 1)
    const reason = reasons.get(end < 0 ? module : module.slice(0, end))
    if (reason !== undefined) return reason
    if (end < 0) break
  }
  return undefined
}

/** Tells whether attributes lead to a module or to what Python keeps about an object, from where everything can be reached. */
export function leadsOut(attributes: readonly string[]): boolean {
  return attributes.some((part) => WAYS_OUT.has(part) || (part.startsWith('__') && part.endsWith('__')))
}

function tagged(reason: string, names: string): [string, string][] {
  return names.split(' ').map((name) => [name, reason])
}
