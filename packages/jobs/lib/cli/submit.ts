import { ENGINE_DTYPES } from 'napi-torch'
import {
  CLASSIFIER_OPTIONS,
  type Context,
  count,
  defineCommand,
  EXIT,
  type Flags,
  plural,
  POSITIVE_INTEGER,
  TOP,
} from 'napi-torch/internal/cli'
import { DEFAULT_ATTEMPTS, DEFAULT_CHUNK_SIZE, DEFAULT_MAX_IMAGE_BYTES } from '../limits.js'
import { submit as submitImages } from '../submit.js'
import { QUEUE_OPTIONS, REDIS_NOTES } from './options.js'

const OPTIONS = {
  model: { value: '<checkpoint>', description: 'checkpoint, folder of a hub or hf://owner/name', isRequired: true },
  out: { value: '<folder>', description: 'folder for the results', isRequired: true },
  features: { description: 'write feature vectors instead of predictions' },
  top: { ...TOP, default: 1 },
  chunkSize: {
    value: '<n>',
    description: 'number of images in a chunk',
    type: POSITIVE_INTEGER,
    default: DEFAULT_CHUNK_SIZE,
  },
  attempts: {
    value: '<n>',
    description: 'maximum number of attempts for a chunk',
    type: POSITIVE_INTEGER,
    default: DEFAULT_ATTEMPTS,
  },
  allowRoot: {
    value: '<folder>',
    description: 'another folder that images may come from; may be repeated',
    isRepeatable: true,
  },
  allowUrlPrefix: {
    value: '<url>',
    description: 'prefix of URLs that may be fetched; may be repeated',
    isRepeatable: true,
  },
  maxImageBytes: {
    value: '<n>',
    description: 'maximum size of an image file in bytes',
    type: POSITIVE_INTEGER,
    default: DEFAULT_MAX_IMAGE_BYTES,
  },
  ...CLASSIFIER_OPTIONS,
  dtype: { value: '<name>', description: 'data type of the activations', choices: ENGINE_DTYPES, default: 'float32' },
  ...QUEUE_OPTIONS,
} as const

export const command = defineCommand({
  name: 'submit',
  description:
    'Lists images in the folder of the results, and queues them for the workers in chunks. Submitting the same images again adds nothing.',
  arguments: { source: { description: 'folder, pattern in quotes, or CSV or JSONL file of paths or URLs' } },
  options: OPTIONS,
  notes: `Images may come from the folder of <source>, and from the folders and URLs that --allow-root and
--allow-url-prefix add.

${REDIS_NOTES}`,
  examples: [
    'napi-torch jobs submit /data/archive --model resnet18.pth --out /data/labels',
    "napi-torch jobs submit '/data/2026-*/**/*.jpg' --model resnet18.pth --out /data/embeddings --features",
    'napi-torch jobs submit urls.csv --allow-url-prefix https://images.example.com/ --model resnet18.pth --out labels',
  ],
  run: ({ source }, flags, context) => submit(source, flags, context),
})

/** Milliseconds between two lines of progress. */
const INTERVAL_MS = 2000

async function submit(source: string, flags: Flags<typeof OPTIONS>, { terminal, signal }: Context): Promise<number> {
  const { json, top, ...options } = flags
  let lastLine = performance.now()
  const submission = await submitImages(source, {
    ...options,
    topK: top,
    signal,
    onListed: (images) => {
      if (performance.now() - lastLine < INTERVAL_MS) return
      lastLine = performance.now()
      terminal.note(`${plural(images, 'image')} listed`)
    },
  })
  for (const warning of submission.warnings) terminal.note(`napi-torch: ${warning}`)
  if (json === true) {
    terminal.printJson(submission)
    return EXIT.ok
  }
  const { run, images, chunks, added, isKnown } = submission
  const { bold, dim } = terminal.colors
  terminal.print(`Run ${bold(run)}${isKnown ? ', submitted before' : ''}`)
  terminal.print(`${plural(images, 'image')} in ${plural(chunks, 'chunk')}, ${count(added)} of them added to the queue`)
  terminal.print(dim(`napi-torch jobs status ${flags.out}`))
  return EXIT.ok
}
