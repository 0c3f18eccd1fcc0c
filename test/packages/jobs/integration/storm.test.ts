import assert from 'node:assert/strict'
import { join } from 'node:path'

import { useTemporaryFolder } from '../../../support/folder.js'
import { skip } from '../../../support/skip.js'
import { writeImages } from '../support/images.js'
import { HAS_REDIS } from '../support/redis.js'
import { runStorm } from '../support/storm.js'

const IMAGES = 2000

describe('A run of three workers, of which one is killed and one stopped, while Redis is restarted', function () {
  this.timeout(180_000)
  const folder = useTemporaryFolder()

  before(function () {
    if (!HAS_REDIS) skip(this, 'redis-server is not installed')
  })

  it(`has each of ${IMAGES} images exactly once, with the prediction that one process makes`, async () => {
    const source = join(folder(), 'images')
    const paths = await writeImages(source, IMAGES)

    const { takenOver, ...report } = await runStorm({
      source,
      paths,
      out: join(folder(), 'out'),
      chunkSize: 25,
      lock: 2,
    })

    assert.deepEqual(report, {
      // However long it took.
      seconds: report.seconds,
      images: IMAGES,
      chunks: 80,
      workers: 3,
      killed: 1,
      stopped: 1,
      redisRestarts: 1,
      addedAgain: 0,
      duplicates: 0,
      missing: 0,
      differing: 0,
      errors: 0,
    })
    assert.ok(takenOver >= 1, 'the killed worker held no chunk')
  })
})
