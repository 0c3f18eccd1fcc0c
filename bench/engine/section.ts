import type { Quiet } from './witness.js'

/** What a measurement gives: for people, and for programs. */
export interface Section {
  /** In Markdown. */
  readonly text: string
  readonly results: unknown
  /** What is known of the machine meanwhile, one for each part. */
  readonly quiet: readonly Quiet[]
}
