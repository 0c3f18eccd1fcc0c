import type { ModelRegistry } from './registry.js'

/**
 * Looks every `intervalMs` whether the files of the models changed, and calls `reload` when they have changed and then stayed
 * the same from one look to the next: a file that is still being written is left alone. Files that failed are not tried
 * again until they change.
 *
 * By looking, not by the system's notices: those do not cross network file systems, nor the links by which Kubernetes swaps
 * volumes.
 */
export function watchModels(models: ModelRegistry, intervalMs: number, reload: () => Promise<void>): () => void {
  let before = ''
  let failed = ''
  let isBusy = false
  const look = async (): Promise<void> => {
    const { isChanged, fingerprint } = await models.look()
    const isStable = fingerprint === before
    before = fingerprint
    if (!isChanged || !isStable || fingerprint === failed) return
    failed = fingerprint
    await reload()
    failed = ''
  }
  const timer = setInterval(() => {
    if (isBusy) return
    isBusy = true
    look()
      // Said by reload() where it belongs.
      .catch(() => undefined)
      .finally(() => (isBusy = false))
  }, intervalMs)
  timer.unref()
  return () => clearInterval(timer)
}
