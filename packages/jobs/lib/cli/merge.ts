import { type Context, defineCommand, EXIT, JSON_OUTPUT, plural } from 'napi-torch/internal/cli'
import { merge as mergeRun } from '../merge.js'

export const command = defineCommand({
  name: 'merge',
  description: 'Writes results.jsonl, and features.npy, after checking that each image occurs exactly once.',
  arguments: { out: { description: 'folder of the results' } },
  options: { json: JSON_OUTPUT },
  run: ({ out }, flags, context) => merge(out, flags, context),
})

/** Milliseconds between two lines of progress. */
const INTERVAL_MS = 2000

async function merge(
  out: string,
  { json }: { readonly json: true | undefined },
  { terminal, signal }: Context,
): Promise<number> {
  let lastLine = performance.now()
  const merged = await mergeRun(out, {
    signal,
    onMerged: (images) => {
      if (performance.now() - lastLine < INTERVAL_MS) return
      lastLine = performance.now()
      terminal.note(`${plural(images, 'image')} merged`)
    },
  })
  if (json === true) {
    terminal.printJson(merged)
    return EXIT.ok
  }
  const { results, features, images, errors } = merged
  terminal.print(`${plural(images, 'image')}, each exactly once: ${[results, features].filter(Boolean).join(', ')}`)
  for (const [code, number] of Object.entries(errors)) terminal.print(`${plural(number, 'image')} failed: ${code}`)
  return EXIT.ok
}
