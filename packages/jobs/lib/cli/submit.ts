import { type Context, count, EXIT, plural } from 'napi-torch/internal/cli'
import { submit as submitImages } from '../submit.js'
import type { SubmitFlags } from './command.js'

/** Time between progress messages, in ms. */
const INTERVAL_MS = 2000

/** Submits images to the workers. */
export async function submit(source: string, flags: SubmitFlags, { terminal, signal }: Context): Promise<number> {
  const { json, top, ...options } = flags
  let reported = performance.now()
  const submission = await submitImages(source, {
    ...options,
    topK: top,
    signal,
    onListed: (images) => {
      if (performance.now() - reported < INTERVAL_MS) return
      reported = performance.now()
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
