import { type Context, count, defineCommand, EXIT, type Flags, plural, type ValueType } from 'napi-torch/internal/cli'
import { retry as retryRun } from '../retry.js'
import { QUEUE_OPTIONS, REDIS_NOTES, RUN } from './options.js'

const CODES: ValueType<readonly string[]> = {
  expected: 'codes such as TORCH_FILE',
  parse(text) {
    const codes = text.split(',')
    return codes.every((code) => /^TORCH_[A-Z_]+$/.test(code)) ? codes : undefined
  },
}

const OPTIONS = {
  errors: {
    value: '<codes>',
    description: 'also retry chunks with images that ended with one of these codes',
    type: CODES,
  },
  ...QUEUE_OPTIONS,
} as const

export const command = defineCommand({
  name: 'retry',
  description: 'Gives the missing chunks of a run to the workers again.',
  arguments: { run: RUN },
  options: OPTIONS,
  notes: `Chunks are missing if they failed, if Redis lost them, or if their results were deleted.

${REDIS_NOTES}`,
  examples: [
    'napi-torch jobs retry /data/labels',
    'napi-torch jobs retry /data/labels --errors TORCH_SOURCE_UNAVAILABLE,TORCH_FILE',
  ],
  run: ({ run }, flags, context) => retry(run, flags, context),
})

async function retry(
  run: string,
  { json, ...options }: Flags<typeof OPTIONS>,
  { terminal, signal }: Context,
): Promise<number> {
  const retried = await retryRun(run, { ...options, signal })
  const { added, failed, reopened } = retried
  if (json === true) terminal.printJson(retried)
  else
    terminal.print(
      `${plural(added, 'chunk')} added to the queue: ${count(failed)} had failed, ${count(reopened)} will be computed again`,
    )
  return EXIT.ok
}
