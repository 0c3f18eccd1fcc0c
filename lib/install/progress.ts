/** What a long step of the installer has done so far. */
export interface InstallProgress {
  readonly action: 'download' | 'unpack' | 'copy'
  /** Bytes done. */
  readonly done: number
  /** Bytes in all, or null if unknown. */
  readonly total: number | null
}

/** How the steps of the installer tell what they do; the installer itself prints nothing. */
export interface Reporter {
  /** Called once for each step, with a short sentence. */
  readonly onStep?: ((text: string) => void) | undefined
  /** Called often during long steps. */
  readonly onProgress?: ((progress: InstallProgress) => void) | undefined
  /** Stops the installer, which leaves the cache as it was. */
  readonly signal?: AbortSignal | undefined
}
