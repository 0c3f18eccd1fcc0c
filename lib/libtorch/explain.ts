const GLIBC_NEEDED = '2.28'
const LITTLE_ADDRESS_SPACE =
  'There is not enough address space, of which libtorch takes about 500 MB beside that of Node.js: raise the limit (ulimit -v unlimited)'

/**
 * Says in one sentence what a failure to open a library means and what helps, or gives an empty string for a text of
 * the system that is not known here. `isMemoryLimited`: the address space of the process has a limit. Default: `false`.
 */
export function explainLoadFailure(
  text: string,
  { isMemoryLimited = false }: { readonly isMemoryLimited?: boolean } = {},
): string {
  if (isMemoryLimited && /failed to map segment/i.test(text)) return LITTLE_ADDRESS_SPACE
  for (const [pattern, explanation] of EXPLANATIONS) {
    const match = pattern.exec(text)
    if (match !== null) return explanation.replace('$1', match[1] ?? '')
  }
  return ''
}

// The patterns are texts of glibc's and macOS's loaders. The first that fits counts.
const EXPLANATIONS: readonly (readonly [RegExp, string])[] = [
  [
    /libgomp[^:]*: cannot open shared object file/,
    'The OpenMP runtime is missing: apt-get install libgomp1, or dnf install libgomp',
  ],
  [
    /lib(?:cudart|cublas|cublasLt|cudnn|cufft|cufile|cupti|curand|cusolver|cusparse|cusparseLt|nccl|nvJitLink|nvrtc|nvshmem\w*)[^:]*: cannot open shared object file/,
    'NVIDIA libraries of this CUDA libtorch are missing: npx napi-torch install-libtorch --flavor cpu selects one without CUDA',
  ],
  [
    /libcuda\.so[^:]*: cannot open shared object file/,
    'This CUDA libtorch needs the NVIDIA driver: install it, or select one without CUDA by npx napi-torch install-libtorch --flavor cpu',
  ],
  [
    /version `GLIBC_([\d.]+)' not found/,
    `libtorch needs glibc ${GLIBC_NEEDED} or newer, and this system's is older than $1: use a newer distribution (Debian 10, Ubuntu 20.04, RHEL 8 or later)`,
  ],
  [
    /version `((?:GLIBCXX|CXXABI)_[\d.]+)' not found/,
    'The C++ runtime of this system is too old ($1 is missing): apt-get install libstdc++6, or dnf install libstdc++',
  ],
  [
    /(?:ld-linux|__\w+_chk|gnu_get_libc_version)\S*: (?:symbol not found|cannot open|No such file)|Error relocating/,
    'libtorch is made for glibc, and this system (Alpine?) has another C library: use an image such as node:22-slim',
  ],
  [
    /cannot allocate memory in static TLS block/,
    'Too much has been opened before: import napi-torch earlier in the program, or set GLIBC_TUNABLES=glibc.rtld.optional_static_tls=16384',
  ],
  [
    /file too short|invalid ELF header|not a mach-o file|wrong ELF class|incompatible architecture|cannot open shared object file: Is a directory/i,
    'The file is damaged or made for another kind of machine: npx napi-torch install-libtorch fetches a good one',
  ],
  [
    /failed to map segment|operation not permitted|cannot apply additional memory protection/i,
    'The system refuses to run code from this folder (mounted noexec?): set NAPI_TORCH_CACHE to another one and install again',
  ],
  [
    /[Cc]annot allocate memory/,
    'There is not enough memory to open libtorch, which takes about 500 MB of address space',
  ],
  [/Permission denied/, 'This user may not read the file: change its permissions'],
]
