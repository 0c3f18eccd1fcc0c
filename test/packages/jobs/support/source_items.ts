import { openSource, type SourceOptions } from '../../../../packages/jobs/lib/sources/open.js'

/** Lists the items of a source. */
export async function itemsOf(source: string, options: Partial<SourceOptions> = {}): Promise<string[]> {
  const opened = await openSource(source, { allowRoot: [], allowUrlPrefix: [], ...options })
  const found: string[] = []
  for await (const item of opened.items()) found.push(item)
  return found
}
