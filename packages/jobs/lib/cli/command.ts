import { InvalidArgumentError, Option, type Command } from 'commander'

import { type Device, ENGINE_DTYPES, type EngineDType, type PresetName } from 'napi-torch'
import { isDevice, PRESETS } from 'napi-torch/internal'
import { type Context, EXIT } from 'napi-torch/internal/cli'
import {
  DEFAULT_ATTEMPTS,
  DEFAULT_CHUNK_SIZE,
  DEFAULT_BATCH_SIZE,
  DEFAULT_CONCURRENCY,
  DEFAULT_LOCK_MS,
  DEFAULT_MAX_IMAGE_BYTES,
} from '../limits.js'
import type { MetricsAddress } from '../metrics_server.js'

const REDIS_HELP = `
Redis is at --redis, else at NAPI_TORCH_REDIS_URL (rediss:// for TLS), else on this machine. Its password
belongs into NAPI_TORCH_REDIS_PASSWORD: everybody on the machine can read a command line.`

const SUBMIT_HELP = `
SOURCE is a folder, a pattern in quotes, or a CSV or JSONL file of paths or addresses. Images may come
from that folder, and from what --allow-root and --allow-url-prefix add.
${REDIS_HELP}

Examples:
  $ napi-torch jobs submit /data/archive --model resnet18.pth --out /data/labels
  $ napi-torch jobs submit '/data/2026-*/**/*.jpg' --model resnet18.pth --out /data/embeddings --features
  $ napi-torch jobs submit urls.csv --allow-url-prefix https://images.example.com/ --model resnet18.pth --out labels`

const WORK_HELP = `
Start it on as many machines as you like; they must see the folders of images and results at the same
paths. SIGTERM and Ctrl-C finish the chunks in hand.
${REDIS_HELP}

Examples:
  $ napi-torch jobs work
  $ napi-torch jobs work --threads 8 --metrics 0.0.0.0:9464 --allow-root /data`

const RETRY_HELP = `
Gives the chunks that failed, that Redis lost, or whose results are gone to the workers again.

Examples:
  $ napi-torch jobs retry /data/labels
  $ napi-torch jobs retry /data/labels --errors TORCH_SOURCE_UNAVAILABLE,TORCH_FILE`

/** Options that all of `jobs` have. */
export interface QueueFlags {
  readonly redis?: string
  readonly queue?: string
  readonly json?: true
}

/** Options of `jobs submit` as they stand on the command line. */
export interface SubmitFlags extends QueueFlags {
  readonly model: string
  readonly out: string
  readonly features?: true
  readonly top: number
  readonly chunkSize: number
  readonly attempts: number
  readonly allowRoot?: readonly string[]
  readonly allowUrlPrefix?: readonly string[]
  readonly maxImageBytes: number
  readonly key?: string
  readonly wholeModule?: true
  readonly arch?: string
  readonly preset?: PresetName
  readonly labels?: string
  readonly dtype: EngineDType
}

/** Options of `jobs work` as they stand on the command line. */
export interface WorkFlags extends QueueFlags {
  readonly concurrency: number
  readonly threads?: number
  readonly batchSize?: number
  readonly device: Device
  readonly model?: string
  readonly allowRoot?: readonly string[]
  /** In seconds. */
  readonly lock: number
  readonly untilDone?: true
  readonly metrics?: MetricsAddress
}

/** Options of `jobs status` as they stand on the command line. */
export interface StatusFlags extends QueueFlags {
  readonly watch?: true
}

/** Options of `jobs retry` as they stand on the command line. */
export interface RetryFlags extends QueueFlags {
  readonly errors?: readonly string[]
}

/** Gives `jobs` its commands. */
export function extend(jobs: Command, context: Context, done: (exitCode: number) => void): void {
  const queue = (command: Command): Command =>
    command
      .option('--redis <url>', 'address of Redis, such as redis://host:6379/0')
      .option('--queue <name>', 'name of the queue (default: images)')
      .option('--json', 'print JSON')

  jobs.allowExcessArguments().action(() => {
    const [unknown] = jobs.args
    if (unknown !== undefined) jobs.error(`unknown command '${unknown}'`)
    jobs.outputHelp({ error: true })
    done(EXIT.usage)
  })

  queue(jobs.command('submit').summary('hand images over to the workers'))
    .description(
      'Lists images in the folder of the results, and gives them to the workers in chunks. Submitting the same again adds nothing.',
    )
    .argument('<source>', 'a folder, a pattern, or a CSV or JSONL file')
    .requiredOption('--model <checkpoint>', 'a checkpoint of a ResNet')
    .requiredOption('--out <folder>', 'where the results go')
    .option('--features', 'write feature vectors instead of answers')
    .option('--top <k>', 'answers for each image', positiveInteger, 1)
    .option('--chunk-size <n>', 'images of a chunk', positiveInteger, DEFAULT_CHUNK_SIZE)
    .option('--attempts <n>', 'how often a chunk is tried', positiveInteger, DEFAULT_ATTEMPTS)
    .option('--allow-root <folder>', 'a folder from which images may come; may be repeated', repeated)
    .option('--allow-url-prefix <url>', 'the beginning of addresses that may be fetched; may be repeated', repeated)
    .option('--max-image-bytes <n>', 'the largest image', positiveInteger, DEFAULT_MAX_IMAGE_BYTES)
    .option('--key <key>', 'where the state dict lies in the file, such as model.ema')
    .option('--whole-module', 'take the weights of a pickled module, without running its code')
    .option('--arch <name>', 'refuse a checkpoint of another architecture, such as resnet18')
    .addOption(new Option('--preset <name>', 'how images are prepared').choices(PRESETS))
    .option('--labels <file>', 'a file with a name a line, or one of imagenet, cifar10, fashion-mnist')
    .addOption(new Option('--dtype <name>', 'in which the layers compute').choices(ENGINE_DTYPES).default('float32'))
    .addHelpText('after', SUBMIT_HELP)
    .action(async (source: string, flags: SubmitFlags) => {
      const { submit } = await import('./submit.js')
      done(await submit(source, flags, context))
    })

  queue(jobs.command('work').summary('work on what was submitted'))
    .description('Works on the chunks of all runs of a queue, until a signal ends it.')
    .option('--concurrency <n>', 'chunks in hand at a time', positiveInteger, DEFAULT_CONCURRENCY)
    .option('--threads <n>', 'threads that compute (default: all cores)', positiveInteger)
    .option('--batch-size <n>', 'images that are computed together at most', positiveInteger, DEFAULT_BATCH_SIZE)
    .option('--device <device>', 'cpu, cuda or cuda:N', device, 'cpu')
    .option('--model <checkpoint>', 'where the checkpoint is on this machine (default: where the run says)')
    .option('--allow-root <folder>', 'keep to this folder, whatever a run allows; may be repeated', repeated)
    .option('--lock <seconds>', 'silence after which others take a chunk over', positiveInteger, DEFAULT_LOCK_MS / 1000)
    .option('--until-done', 'end when no chunk is left')
    .option('--metrics <address>', 'serve figures for Prometheus at this port, or host:port', address)
    .addHelpText('after', WORK_HELP)
    .action(async (flags: WorkFlags) => {
      const { work } = await import('./work.js')
      done(await work(flags, context))
    })

  queue(jobs.command('status').summary('tell how far the runs are'))
    .description('Tells how far runs are, and who works on them. Ends with 1 if chunks have failed or are lost.')
    .argument('[run]', 'id of a run, or the folder of its results (default: all runs)')
    .option('--watch', 'go on until all is done')
    .addHelpText('after', REDIS_HELP)
    .action(async (run: string | undefined, flags: StatusFlags) => {
      const { status } = await import('./status.js')
      done(await status(run, flags, context))
    })

  queue(jobs.command('retry').summary('give failed and lost chunks to the workers again'))
    .description('Gives the chunks of a run that are missing to the workers again.')
    .argument('<run>', 'id of the run, or the folder of its results')
    .option('--errors <codes>', 'also chunks with images that ended with one of these codes', codes)
    .addHelpText('after', RETRY_HELP + REDIS_HELP)
    .action(async (run: string, flags: RetryFlags) => {
      const { retry } = await import('./retry.js')
      done(await retry(run, flags, context))
    })

  queue(jobs.command('cancel').summary('take a run out of the queue'))
    .description('Takes the chunks of a run out of the queue. What is done stays, and retry goes on from there.')
    .argument('<run>', 'id of the run, or the folder of its results')
    .addHelpText('after', REDIS_HELP)
    .action(async (run: string, flags: QueueFlags) => {
      const { cancel } = await import('./cancel.js')
      done(await cancel(run, flags, context))
    })

  jobs
    .command('merge')
    .summary('put all results into one file')
    .description('Writes results.jsonl, and features.npy, after having checked that each image is there exactly once.')
    .argument('<out>', 'the folder of the results')
    .option('--json', 'print JSON')
    .action(async (out: string, flags: { readonly json?: true }) => {
      const { merge } = await import('./merge.js')
      done(await merge(out, flags, context))
    })
}

function repeated(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value]
}

function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Expected a positive integer.')
  return Number(text)
}

function device(text: string): Device {
  if (!isDevice(text)) throw new InvalidArgumentError('Expected cpu, cuda or cuda:N.')
  return text
}

function codes(text: string): readonly string[] {
  const list = text.split(',')
  if (!list.every((code) => /^TORCH_[A-Z_]+$/.test(code)))
    throw new InvalidArgumentError('Expected codes such as TORCH_FILE.')
  return list
}

function address(text: string): MetricsAddress {
  const match = /^(?:(.+):)?(\d{1,5})$/.exec(text)
  const port = Number(match?.[2])
  if (match === null || port > 65_535) throw new InvalidArgumentError('Expected a port, or host:port.')
  const host = match[1]?.replace(/^\[|\]$/g, '')
  return host === undefined ? { port } : { host, port }
}
