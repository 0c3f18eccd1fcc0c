import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'

import { PRESETS, type PresetName } from '../classifier/preset_names.js'
import { isDevice, type Device } from '../util/device.js'
import { TorchError } from '../util/errors.js'
import { FLAVOURS, type Flavour } from '../install/official.js'
import { packageFacts } from '../util/package.js'
import type { Context } from './context.js'
import { EXIT } from './exit_codes.js'
import { loadExtension, type Done } from './extension.js'

/** Runs the command that `args` name and gives its exit code. A command is imported when it is called, not before. */
export async function runProgram(args: readonly string[], context: Context): Promise<number> {
  let exitCode: number = EXIT.ok
  const program = createProgram(context, (code) => {
    exitCode = code
  })
  await addServe(program, args, context, (code) => {
    exitCode = code
  })
  await addJobs(program, args, context, (code) => {
    exitCode = code
  })
  if (args.length === 0) {
    program.outputHelp({ error: true })
    return EXIT.usage
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Help and version were asked for, and have been printed.
    if (error.exitCode === 0) return EXIT.ok
    throw usageError(error, program, args)
  }
}

const INSPECT_HELP = `
Examples:
  $ napi-torch inspect model.pth
  $ napi-torch inspect model.pth --json | jq '.tensors[].key'
  $ napi-torch inspect model.pth --stats
  $ napi-torch inspect model.pth --diff model.safetensors`

const CONVERT_HELP = `
OUT says the format by its end: .pth, .pt, .bin and .ckpt are files of torch.save, .safetensors is
safetensors. It holds the state dict alone; without --half or --bf16 its bytes are copied as they are.

Examples:
  $ napi-torch convert resnet18.pth resnet18.safetensors
  $ napi-torch convert training.ckpt model.pth --half --strip-prefix module.`

const CLASSIFY_HELP = `
The architecture is recognised from the checkpoint. How images are prepared and what the classes
are called says the file preset.json beside it, else the architecture, unless an option does.

Examples:
  $ napi-torch classify resnet18-f37072fd.pth dog.jpg
  $ napi-torch classify best.pth images/*.png --labels classes.txt --top 3 --json`

const EVALUATE_HELP = `
DATASET is a folder with a subfolder of images for each class, a CSV file of paths and labels, or an
images file in the IDX format of MNIST (its labels file is found beside it).

Examples:
  $ napi-torch evaluate resnet18-f37072fd.pth imagenet/val
  $ napi-torch evaluate best.pth t10k-images-idx3-ubyte.gz --json
  $ napi-torch evaluate best.pth test.csv --svg confusion.svg --wrong wrong.png --resume state.json`

const VERIFY_HELP = `
PyTorch's outputs come from a file that python/make-reference.py of this package wrote where torch is
(--reference), or from a Python that has torch (--python). Ends with 1 if anything differs.

Examples:
  $ napi-torch verify resnet18.pth --python python3
  $ napi-torch verify resnet18.pth --reference reference.safetensors --json`

const BUILD_HELP = `
Needs a C++20 compiler, CMake and make or ninja, and a libtorch with headers: of version 2.11 to 2.14
where NAPI_TORCH_LIBTORCH names one, else 2.13, which is fetched if it is not found.

Examples:
  $ napi-torch build
  $ NAPI_TORCH_LIBTORCH=/opt/libtorch napi-torch build`

const INSTALL_HELP = `
Without --from, the official package of PyTorch is fetched, and its checksum compared.
NAPI_TORCH_LIBTORCH_URL names another address of it, https_proxy a proxy.

Examples:
  $ napi-torch install-libtorch
  $ napi-torch install-libtorch --from libtorch-shared-with-deps-2.13.0.zip`

function createProgram(context: Context, done: (exitCode: number) => void): Command {
  const { bold, cyan, dim } = context.terminal.colors
  const program = new Command('napi-torch')
    .description('Runs PyTorch image classifiers in Node.js, without Python.')
    .version(packageFacts().version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    // `napi-torch help x` would take an unknown x for nothing worth a word; --help is enough.
    .helpCommand(false)
    .usage('<command> [options]')
    .option('--verbose', 'print stack and native trace of an error')
    .configureHelp({ showGlobalOptions: true, styleTitle: bold, styleCommandText: cyan, styleOptionText: dim })
    // The one line that says what is wrong is printed by main.
    .configureOutput({ outputError: () => undefined })
    .exitOverride()

  program
    .command('demo')
    .summary('classify 10,000 images with the sample model')
    .description(
      'Classifies the 10,000 test images of Fashion-MNIST with the sample model, and measures accuracy and speed.',
    )
    .option('--images <n>', 'classify the first n images only', positiveInteger)
    .action(async (options: DemoFlags) => {
      const { demo } = await import('./demo.js')
      done(await demo(options, context))
    })

  program
    .command('inspect')
    .summary('list what a checkpoint holds')
    .description('Lists what a checkpoint holds: tensors, sizes, architecture. Nothing in the file is run.')
    .argument('<file>', 'a checkpoint of any format that is read')
    .option('--json', 'print JSON')
    .option('--key <key>', 'where the state dict lies in the file, such as model.ema')
    .option('--whole-module', 'take the weights of a pickled module, without running its code')
    .option('--check', 'look for NaN and infinity even in a file of more than 1 GB')
    .option('--no-check', 'do not look at the values')
    .option('--tensors', 'print all tensors, and nothing else')
    .addOption(new Option('--stats', 'print min, max, mean and NaN of each tensor').conflicts('diff'))
    .option('--diff <other>', 'compare with another checkpoint: ends with 1 if they differ')
    .option('--diff-key <key>', 'where the state dict lies in the other checkpoint')
    .addHelpText('after', INSPECT_HELP)
    .action(async (file: string, options: InspectFlags) => {
      const { inspect } = await import('./inspect.js')
      done(await inspect(file, options, context))
    })

  program
    .command('convert')
    .summary('write a checkpoint in another format')
    .description('Writes the state dict of a checkpoint in another format. Nothing in the file is run.')
    .argument('<in>', 'a checkpoint of any format that is read')
    .argument('<out>', 'the new file')
    .addOption(new Option('--half', 'cast floating point tensors to float16').conflicts('bf16'))
    .option('--bf16', 'cast floating point tensors to bfloat16')
    .option('--strip-prefix <prefix>', 'take this away from the front of the keys, such as module.')
    .option('--key <key>', 'where the state dict lies in the file, such as model.ema')
    .option('--whole-module', 'take the weights of a pickled module, without running its code')
    .option('--force', 'replace OUT if it exists')
    .option('--json', 'print JSON')
    .addHelpText('after', CONVERT_HELP)
    .action(async (file: string, out: string, options: ConvertFlags) => {
      const { convert } = await import('./convert.js')
      done(await convert(file, out, options, context))
    })

  program
    .command('classify')
    .summary('tell what images show')
    .description('Tells what images show, with the probability of each answer.')
    .argument('<checkpoint>', 'a checkpoint of a ResNet')
    .argument('<image...>', 'JPEG, PNG, WebP, GIF, TIFF or AVIF files, or folders of such')
    .option('--key <key>', 'where the state dict lies in the file, such as model.ema')
    .option('--whole-module', 'take the weights of a pickled module, without running its code')
    .option('--arch <name>', 'refuse a checkpoint of another architecture, such as resnet18')
    .option('--labels <file>', 'a file with a name a line, or one of imagenet, cifar10, fashion-mnist')
    .addOption(new Option('--preset <name>', 'how images are prepared').choices(PRESETS))
    .option('--top <k>', 'answers for each image', positiveInteger, 5)
    .option('--device <device>', 'cpu, cuda or cuda:N', device, 'cpu')
    .option('--json', 'print JSON')
    .addHelpText('after', CLASSIFY_HELP)
    .action(async (checkpoint: string, images: string[], options: ClassifyFlags) => {
      const { classify } = await import('./classify.js')
      done(await classify(checkpoint, images, options, context))
    })

  program
    .command('evaluate')
    .summary('measure accuracy on a labelled dataset')
    .description('Measures the accuracy of a checkpoint on a labelled dataset.')
    .argument('<checkpoint>', 'a checkpoint of a ResNet')
    .argument('<dataset>', 'a folder of classes, a CSV file, or an IDX images file')
    .option('--key <key>', 'where the state dict lies in the file, such as model.ema')
    .option('--whole-module', 'take the weights of a pickled module, without running its code')
    .option('--arch <name>', 'refuse a checkpoint of another architecture, such as resnet18')
    .addOption(new Option('--preset <name>', 'how images are prepared').choices(PRESETS))
    .option('--labels <file>', 'a file with a name a line, or one of imagenet, cifar10, fashion-mnist')
    .option('--batch-size <n>', 'images at once', positiveInteger, 32)
    .option('--svg <file>', 'draw the confusion matrix')
    .option('--wrong <file>', 'draw the wrong images with their answers, as PNG')
    .option('--resume <file>', 'keep the answers in a file, and go on from what is there')
    .option('--device <device>', 'cpu, cuda or cuda:N', device, 'cpu')
    .option('--json', 'print JSON')
    .addHelpText('after', EVALUATE_HELP)
    .action(async (checkpoint: string, dataset: string, options: EvaluateFlags) => {
      const { evaluate } = await import('./evaluate.js')
      done(await evaluate(checkpoint, dataset, options, context))
    })

  program
    .command('verify')
    .summary('compare every module with PyTorch')
    .description('Compares the output of every module, eager and compiled, with that of PyTorch, for one random input.')
    .argument('<checkpoint>', 'a checkpoint of a ResNet')
    .addOption(new Option('--reference <file>', 'what make-reference.py wrote').conflicts('python'))
    .option('--python <program>', 'a Python that has torch (default: python3)')
    .option('--key <key>', 'where the state dict lies in the file, such as model.ema')
    .option('--whole-module', 'take the weights of a pickled module, without running its code')
    .option('--arch <name>', 'refuse a checkpoint of another architecture, such as resnet18')
    .option('--json', 'print JSON')
    .addHelpText('after', VERIFY_HELP)
    .action(async (checkpoint: string, options: VerifyFlags) => {
      const { verify } = await import('./verify.js')
      done(await verify(checkpoint, options, context))
    })

  program
    .command('doctor')
    .summary('find out whether this machine can run models')
    .description('Finds out whether this machine can run models, and how to repair what is wrong.')
    .option('--json', 'print JSON')
    .action(async (options: { json?: true }) => {
      const { doctor } = await import('./doctor.js')
      done(await doctor(options, context))
    })

  program
    .command('install-libtorch')
    .summary('fetch libtorch, or take it from a file')
    .description('Puts libtorch into the cache of this package.')
    .option('--from <path>', 'a libtorch folder or zip, a torch wheel, or a folder of wheels')
    .addOption(new Option('--flavour <name>', 'which libtorch').choices(FLAVOURS))
    .option('--force', 'install even if it is there already')
    .addHelpText('after', INSTALL_HELP)
    .action(async (options: InstallFlags) => {
      const { installLibtorch } = await import('./install_libtorch.js')
      done(await installLibtorch(options, context))
    })

  program
    .command('build')
    .summary('build the addon for a libtorch of your own')
    .description('Builds the addon from the sources in this package.')
    .addHelpText('after', BUILD_HELP)
    .action(async () => {
      const { build } = await import('./build.js')
      done(await build(context))
    })

  return program
}

/** The package that brings the command, and how it adds what it needs to it. */
async function addServe(program: Command, args: readonly string[], context: Context, done: Done): Promise<void> {
  const command = program
    .command('serve')
    .summary('answer requests over HTTP')
    .description('Serves models over HTTP: the Open Inference Protocol v2, images, metrics and a page to try them.')
  if (args.includes('serve')) (await loadExtension('serve', '@napi-torch/server')).extend(command, context, done)
}

async function addJobs(program: Command, args: readonly string[], context: Context, done: Done): Promise<void> {
  const command = program
    .command('jobs')
    .summary('classify images by the million, on many machines')
    .description('Classifies images by the million, or embeds them, on many machines: with BullMQ, on Redis.')
    .helpCommand(false)
  if (args.includes('jobs')) (await loadExtension('jobs', '@napi-torch/jobs')).extend(command, context, done)
}

/** Options of `demo` as they stand on the command line. */
export interface DemoFlags {
  readonly images?: number
}

/** Options of `inspect` as they stand on the command line. */
export interface InspectFlags {
  readonly json?: true
  readonly key?: string
  readonly wholeModule?: true
  /** Default: if it is quick. */
  readonly check?: boolean
  readonly tensors?: true
  readonly stats?: true
  readonly diff?: string
  readonly diffKey?: string
}

/** Options of `convert` as they stand on the command line. */
export interface ConvertFlags {
  readonly half?: true
  readonly bf16?: true
  readonly stripPrefix?: string
  readonly key?: string
  readonly wholeModule?: true
  readonly force?: true
  readonly json?: true
}

/** Options of `classify` as they stand on the command line. */
export interface ClassifyFlags {
  readonly key?: string
  readonly wholeModule?: true
  readonly arch?: string
  readonly labels?: string
  readonly preset?: PresetName
  readonly top: number
  readonly device: Device
  readonly json?: true
}

/** Options of `evaluate` as they stand on the command line. */
export interface EvaluateFlags {
  readonly key?: string
  readonly wholeModule?: true
  readonly arch?: string
  readonly labels?: string
  readonly preset?: PresetName
  readonly batchSize: number
  readonly svg?: string
  readonly wrong?: string
  readonly resume?: string
  readonly device: Device
  readonly json?: true
}

/** Options of `verify` as they stand on the command line. */
export interface VerifyFlags {
  readonly reference?: string
  readonly python?: string
  readonly key?: string
  readonly wholeModule?: true
  readonly arch?: string
  readonly json?: true
}

/** Options of `install-libtorch` as they stand on the command line. */
export interface InstallFlags {
  readonly from?: string
  readonly flavour?: Flavour
  readonly force?: true
}

function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Expected a positive integer.')
  return Number(text)
}

function device(text: string): Device {
  if (!isDevice(text)) throw new InvalidArgumentError('Expected cpu, cuda or cuda:N.')
  return text
}

/** Of commander's text, such as `error: unknown option '--jsom'\n(Did you mean --json?)`, makes a sentence. */
function usageError(error: CommanderError, program: Command, args: readonly string[]): TorchError {
  const text = error.message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '')
  const command = program.commands.find((candidate) => args.includes(candidate.name()))
  const help = command === undefined ? 'napi-torch --help' : `napi-torch ${command.name()} --help`
  return new TorchError('TORCH_USAGE', `${text.charAt(0).toUpperCase()}${text.slice(1)}; see ${help}`)
}
