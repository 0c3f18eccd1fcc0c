import type { CommandEntry } from './command.js'
import { loadPackageCommand } from './package_command.js'

/** Headings of the help. */
const MODELS = 'Models'
const SERVING = 'Serving'
const MACHINE = 'This machine'
export const SHELL = 'Shell'

/** All commands. The module of a command is imported when it is called, so that no command pays for the others. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'demo',
    summary: 'classify 10,000 images with the sample model',
    group: MODELS,
    computes: true,
    load: () => import('./demo.js'),
  },
  {
    name: 'inspect',
    summary: 'list the contents of a checkpoint',
    group: MODELS,
    load: () => import('./inspect/inspect.js'),
  },
  {
    name: 'convert',
    summary: 'write a checkpoint in another format',
    group: MODELS,
    load: () => import('./convert/convert.js'),
  },
  {
    name: 'classify',
    summary: 'classify images',
    group: MODELS,
    computes: true,
    load: () => import('./classify.js'),
  },
  {
    name: 'train',
    summary: 'train a model for classes of your own',
    group: MODELS,
    load: () => import('./train/train.js'),
  },
  {
    name: 'evaluate',
    summary: 'measure accuracy on a labeled dataset',
    group: MODELS,
    load: () => import('./evaluate/evaluate.js'),
  },
  {
    name: 'verify',
    summary: 'compare the output of every module with PyTorch',
    group: MODELS,
    load: () => import('./verify/verify.js'),
  },
  {
    name: 'serve',
    summary: 'serve models over HTTP',
    group: SERVING,
    computes: true,
    load: () => loadPackageCommand('serve', '@napi-torch/server'),
  },
  {
    name: 'jobs',
    summary: 'classify millions of images on many machines',
    group: SERVING,
    load: () => loadPackageCommand('jobs', '@napi-torch/jobs'),
  },
  {
    name: 'doctor',
    summary: 'check whether this machine can run models',
    group: MACHINE,
    load: () => import('./doctor.js'),
  },
  {
    name: 'install-libtorch',
    summary: 'download libtorch, or take it from a file',
    group: MACHINE,
    load: () => import('./install_libtorch.js'),
  },
  {
    name: 'build',
    summary: 'build the addon for your own libtorch',
    group: MACHINE,
    load: () => import('./build.js'),
  },
  {
    name: 'completion',
    summary: 'print a script with which a shell completes',
    group: SHELL,
    load: () => import('./completion/completion.js'),
  },
]
