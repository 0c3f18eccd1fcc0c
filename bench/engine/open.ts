import { availableParallelism } from 'node:os'

import type { Contender } from './contenders.js'
import { installRival, prepare, PYTHON } from './prepare.js'
import { Worker } from './worker.js'
import type { Workload } from './workloads.js'

/** What a process says when it has opened its network. */
export interface OpenResult {
  readonly versions: Readonly<Record<string, string>>
  /** ms that compile() took; null for those that have none. */
  readonly compileMs: number | null
  /** Resident bytes before the network was opened and after. */
  readonly resident: { readonly before: number; readonly after: number }
}

/** A contender's process with its network. */
export interface Opened {
  readonly contender: Contender
  readonly worker: Worker
  readonly result: OpenResult
}

/** A contender that could not be opened, and why. */
export interface Skipped {
  readonly contender: string
  readonly reason: string
}

/** Starts a contender's process and has it open a network; rejects with what is missing. */
export async function open(contender: Contender, workload: Workload): Promise<Opened> {
  const { program, kind, env } = contender
  const { files, onnxFailure } = prepare(workload)
  const missing = program === 'worker.py' && PYTHON === undefined ? 'NAPI_TORCH_TEST_PYTHON names no Python' : null
  const failure = kind === 'onnxruntime' ? (onnxFailure ?? installRival()) : missing
  if (failure !== null) throw new Error(failure)

  const threads = contender.threads ?? availableParallelism()
  const worker = new Worker({ program, kind, threads, env })
  try {
    const { model, shape } = workload
    const result = await worker.ask<OpenResult>('open', { files, model, shape, threads, ...contender.open })
    return { contender, worker, result }
  } catch (error) {
    await worker.close()
    throw error
  }
}

/** Opens those that can be opened; the others are skipped. */
export async function openAll(
  contenders: readonly Contender[],
  workload: Workload,
): Promise<{ readonly opened: readonly Opened[]; readonly skipped: readonly Skipped[] }> {
  const opened: Opened[] = []
  const skipped: Skipped[] = []
  for (const contender of contenders) {
    progress(`${workload.model}: opening ${contender.name}`)
    try {
      opened.push(await open(contender, workload))
    } catch (error) {
      skipped.push({ contender: contender.name, reason: messageOf(error) })
    }
  }
  return { opened, skipped }
}

/** Ends the processes. */
export async function closeAll(opened: readonly { readonly worker: Worker }[]): Promise<void> {
  await Promise.all(opened.map(({ worker }) => worker.close()))
}

/** Says on the terminal what is going on, over what it said before. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

/** Gives the text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
