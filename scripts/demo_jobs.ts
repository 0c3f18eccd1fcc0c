/**
 * Classifies 10,000 images with three workers, of which one is killed with SIGKILL and one is stopped, while Redis is restarted, and
 * compares the merged result with that of one process. Needs redis-server, which it starts on a port of its own.
 *
 * npm run demo:jobs -- [--images 10000]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { writeImages } from '../test/packages/jobs/support/images.js'
import { HAS_REDIS } from '../test/packages/jobs/support/redis.js'
import { runStorm } from '../test/packages/jobs/support/storm.js'

const CHUNK_SIZE = 100
const LOCK_SECONDS = 5

const { values } = parseArgs({ options: { images: { type: 'string', default: '10000' } } })
if (!HAS_REDIS) throw new Error('redis-server is not installed (on Debian: apt-get install redis-server)')

const folder = mkdtempSync(join(tmpdir(), 'napi-torch-jobs-'))
try {
  const source = join(folder, 'images')
  console.log(`Writing ${values.images} images …`)
  const paths = await writeImages(source, Number(values.images))
  console.log('Three workers …')
  const options = { source, paths, out: join(folder, 'out'), chunkSize: CHUNK_SIZE, lock: LOCK_SECONDS }
  const { seconds, ...report } = await runStorm(options)
  for (const [what, count] of Object.entries(report)) console.log(`| ${what} | ${count} |`)
  console.log(`| seconds | ${seconds.toFixed(1)} |`)
  console.log(`| images per second | ${(report.images / seconds).toFixed(0)} |`)
  const { duplicates, missing, differing, addedAgain } = report
  if (duplicates + missing + differing + addedAgain > 0) process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true })
}
