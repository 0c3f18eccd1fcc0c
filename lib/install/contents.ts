import { posix } from 'node:path'

/**
 * Tells where a file of a torch wheel, a libtorch archive or a site-packages folder goes in the cache, or null if the
 * package does not need it: of 1.1 GB, the Python files and Python's own libraries stay behind.
 *
 * The layout is the wheel's (`torch/lib`, `nvidia/…/lib`), as the CUDA libraries look for each other relative to it.
 * `name` is relative, with forward slashes.
 */
export function targetOf(name: string): string | null {
  const target = name.startsWith('libtorch/') ? `torch/${name.slice('libtorch/'.length)}` : name
  const needed = NEEDED.some((pattern) => pattern.test(target)) && !UNNEEDED.some((pattern) => pattern.test(target))
  return needed ? posix.normalize(target) : null
}

const NEEDED = [
  /^torch\/lib\/[^/]+\.(so(\.[\d.]+)?|dylib|dll|lib)$/,
  /^torch\/include\//,
  /^torch\/share\/cmake\//,
  /^torch\/(version\.py|build-version|build-hash)$/,
  /^nvidia\/[^/]+\/lib\/[^/]+\.so(\.[\d.]+)?$/,
  // The licenses ask to be passed on with the binaries.
  /^(torch|nvidia_[^/]+)-[^/]+\.dist-info\/(METADATA$|licenses\/|licen[cs]e|notice)/i,
  /^torch\/(licen[cs]e|notice)[^/]*$/i,
]

const UNNEEDED = [
  /\/$/,
  // Python's half of torch, its test libraries, and the ones that only Python opens.
  /^torch\/lib\/(lib)?(torch_python|torchbind_test|jitbackend_test|backend_with_compiler|aoti_custom_ops|shm)\./,
  /^nvidia\/.*\.alt\.so/,
]
