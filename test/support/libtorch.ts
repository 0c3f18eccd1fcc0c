import { join } from 'node:path'

import { libraryFile } from '../../lib/libtorch/folder.js'
import { writeFiles } from './folder.js'

/** How a made-up libtorch looks. */
export interface LibtorchLook {
  /** With its local part, such as `2.13.0+cpu`. */
  readonly version?: string
  readonly headers?: boolean
}

/** The files of a Python package `torch` in miniature: the libraries are text, and so cannot be opened. */
export function torchFiles({ version = '2.13.0+cpu', headers = true }: LibtorchLook = {}): Record<string, string> {
  return {
    'torch/version.py': `__version__ = '${version}'\ncuda: Optional[str] = None\n`,
    'torch/__init__.py': 'raise ImportError("not to be imported")\n',
    [`torch/lib/${libraryFile('torch_cpu')}`]: `libtorch_cpu ${version}\n`,
    [`torch/lib/${libraryFile('c10')}`]: `libc10 ${version}\n`,
    ...(headers ? { 'torch/include/ATen/ATen.h': '#pragma once\n' } : {}),
  }
}

/** Writes a made-up site-packages folder and gives the path of its `torch`. */
export function makeLibtorch(folder: string, look: LibtorchLook = {}): string {
  return join(writeFiles(folder, torchFiles(look)), 'torch')
}
