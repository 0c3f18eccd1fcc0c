import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  submit,
  work,
  type Submission,
  type SubmitOptions,
  type WorkEvent,
  type WorkOptions,
  type WorkSummary,
} from '@napi-torch/jobs'

import { CHECKPOINT, FASHION_MNIST } from '../../../support/fashion_mnist.js'
import { useTemporaryFolder } from '../../../support/folder.js'
import { writeImages } from './images.js'
import { useRedis, type RedisServer } from './redis.js'

/** What a test of jobs works with: a Redis that is empty, and a folder with images. */
export interface Setup {
  readonly redis: RedisServer
  readonly folder: string
  /** The folder of the images. */
  readonly source: string
  readonly paths: readonly string[]
  readonly out: string
  /** Submits the images, ten in a chunk. */
  readonly submit: (options?: Partial<SubmitOptions>) => Promise<Submission>
  /** Works until all is done. */
  readonly work: (options?: WorkOptions) => Promise<WorkSummary & { readonly events: readonly WorkEvent[] }>
}

/** Gives each test of the current `describe` images and an empty Redis. */
export function useJobs(images = 25): () => Setup {
  const redis = useRedis()
  const folder = useTemporaryFolder()
  const written = useWrittenImages(images)
  let setup: Setup | null = null
  beforeEach(async () => {
    await redis().flush()
    const source = join(folder(), 'images')
    await cp(written(), source, { recursive: true })
    setup = createSetup(redis(), folder(), source, images)
  })
  return () => {
    if (setup === null) throw new Error('The test has not begun')
    return setup
  }
}

/** Makes the three chunks of a run fail: no machine has the folder of the images. */
export async function failAllChunks({ submit, work, source }: Setup): Promise<void> {
  await submit({ attempts: 1 })
  const images = `${source}-elsewhere`
  await rename(source, images)
  for (let chunk = 0; chunk < 3; chunk++)
    await assert.rejects(work({ concurrency: 1 }), { code: 'TORCH_SOURCE_UNAVAILABLE' })
  await rename(images, source)
}

/** A copy of the model, so that two runs have different models with equal predictions. */
export async function copyModel(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, 'copy.pth')
  await cp(CHECKPOINT, path)
  await cp(join(FASHION_MNIST, 'preset.json'), join(folder, 'preset.json'))
  return path
}

function createSetup(redis: RedisServer, folder: string, source: string, images: number): Setup {
  const out = join(folder, 'out')
  return {
    redis,
    folder,
    source,
    out,
    paths: Array.from({ length: images }, (_, index) => join(source, `${String(index).padStart(5, '0')}.png`)),
    submit: (options = {}) => submit(source, { model: CHECKPOINT, out, chunkSize: 10, redis: redis.url, ...options }),
    work: async (options = {}) => {
      const events: WorkEvent[] = []
      const summary = await work({
        redis: redis.url,
        threads: 1,
        untilDone: true,
        onEvent: (event) => events.push(event),
        ...options,
      })
      return { ...summary, events }
    },
  }
}

/** Writes the images once for all tests of a `describe`. */
function useWrittenImages(images: number): () => string {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'napi-torch-images-'))
    await writeImages(folder, images)
  })
  after(() => rm(folder, { recursive: true, force: true }))
  return () => folder
}
