import type { ModelRegistry } from './registry.js'

/** What knows the files of the models. */
export type ComparesFiles = Pick<ModelRegistry, 'compareFiles'>

/**
 * Checks every `intervalMs` whether the files of the models have changed, and calls `reload` when they have and are then the same
 * at two checks in a row: files that are still being written are not loaded. Files that could not be loaded are not tried again
 * until they change.
 *
 * Polls because notifications of the file system do not reach network file systems, nor the links with which Kubernetes replaces
 * volumes.
 */
export function watchModels(models: ComparesFiles, intervalMs: number, reload: () => Promise<void>): () => void {
  let before = ''
  let failed = ''
  let isBusy = false
  const check = async (): Promise<void> => {
    const { isChanged, fingerprint } = await models.compareFiles()
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
    check()
      // reload() logs it.
      .catch(() => undefined)
      .finally(() => (isBusy = false))
  }, intervalMs)
  timer.unref()
  return () => clearInterval(timer)
}
