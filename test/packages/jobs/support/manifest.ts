import { runIdOf, type RunManifest } from '../../../../packages/jobs/lib/manifest.js'

/** Makes the manifest of a run of 25 images in 3 chunks. */
export function createManifest(changes: Partial<Omit<RunManifest, 'run'>> = {}): RunManifest {
  const manifest = {
    version: 1 as const,
    out: '/out',
    source: '/images',
    listing: '0'.repeat(64),
    images: 25,
    chunks: 3,
    chunkSize: 10,
    roots: ['/images'],
    urlPrefixes: [],
    maxImageBytes: 1000,
    task: 'classify' as const,
    topK: 1,
    attempts: 5,
    model: { path: '/model.pth', digest: '0'.repeat(64), dtype: 'float32' as const },
    ...changes,
  }
  return { ...manifest, run: runIdOf(manifest) }
}
