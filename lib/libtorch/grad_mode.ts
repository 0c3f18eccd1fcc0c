import { AsyncLocalStorage } from 'node:async_hooks'

import {
  AUTOCAST_OFF,
  clearAutocastCache,
  prepareCalls,
  setAutocast,
  setGradMode,
  type AutocastState,
  type GradMode,
} from './binding.js'

/** A callback that runs in a grad mode and an autocast state. */
interface ModeRegion {
  mode: GradMode
  readonly autocast: AutocastState
  readonly parent: ModeRegion | null
  isOpen: boolean
}

/** What holds outside all callbacks, for this thread. */
const root: ModeRegion = { mode: 'enabled', autocast: AUTOCAST_OFF, parent: null, isOpen: true }

// A grad mode and an autocast state reach over `await` through the storage. The synchronous callbacks of this package use a plain variable instead, as
// its scopes do: the storage costs each promise of the process some time once it is in use.
const storage = new AsyncLocalStorage<ModeRegion>()
let synchronous: ModeRegion | null = null

/** Callbacks that have given a promise which is not settled. Meanwhile the mode may be another one at each call. */
let pending = 0

/** Gives the mode that holds for the code that asks. */
export function currentGradMode(): GradMode {
  return currentRegion().mode
}

/** Gives the autocast state that holds for the code that asks. */
export function currentAutocast(): AutocastState {
  return currentRegion().autocast
}

/** Sets the mode of the innermost callback that runs in one, or without such a callback that of the thread. */
export function changeGradMode(mode: GradMode): void {
  currentRegion().mode = mode
  apply()
}

/** Gives the mode that holds where code asks for one: inference mode cannot be left from within. */
export function unlessInference(mode: GradMode): GradMode {
  return currentGradMode() === 'inference' ? 'inference' : mode
}

/** Runs `body` in a mode, which holds over `await` until the promise that it gives is settled; in inference mode, in that. */
export function inGradMode<T>(mode: GradMode, body: () => T): T {
  return inRegion({ ...currentAbove(), mode: unlessInference(mode) }, body)
}

/** Runs `body` in an autocast state, which holds over `await` until the promise that it gives is settled. */
export function inAutocast<T>(autocast: AutocastState, body: () => T): T {
  return inRegion({ ...currentAbove(), autocast }, body)
}

function inRegion<T>(region: ModeRegion, body: () => T): T {
  const outer = synchronous
  synchronous = null
  try {
    return storage.run(region, () => {
      apply()
      return settle(region, body)
    })
  } finally {
    synchronous = outer
    apply()
  }
}

/** Does what {@link inGradMode} does for a synchronous `body`: cheaper, as it need not be followed over `await`. */
export function inGradModeNow<T>(mode: GradMode, body: () => T): T {
  const outer = synchronous
  const region = { ...currentAbove(), mode: unlessInference(mode) }
  synchronous = region
  apply()
  try {
    return body()
  } finally {
    region.isOpen = false
    synchronous = outer
    apply()
  }
}

function settle<T>(region: ModeRegion, body: () => T): T {
  let isPending = false
  try {
    const result = body()
    if (!isThenable(result)) return result
    isPending = true
    if (pending++ === 0) prepareCalls(apply)
    return Promise.resolve(result).finally(() => {
      close(region)
      if (--pending === 0) prepareCalls(null)
      apply()
    }) as T
  } finally {
    if (!isPending) close(region)
  }
}

/** The weights that were converted may change once no autocast holds any more, as in PyTorch. */
function close(region: ModeRegion): void {
  region.isOpen = false
  if (region.autocast !== AUTOCAST_OFF && currentOf(region).autocast === AUTOCAST_OFF) clearAutocastCache()
}

/** Passes the modes of the code that runs on to the addon. */
function apply(): void {
  const { mode, autocast } = currentRegion()
  setGradMode(mode)
  setAutocast(autocast)
}

/** A region in which all is as it is here. */
function currentAbove(): ModeRegion {
  const parent = currentRegion()
  return { mode: parent.mode, autocast: parent.autocast, parent, isOpen: true }
}

/** The innermost callback that has not ended: work that was not awaited may go on after its own has. */
function currentRegion(): ModeRegion {
  return currentOf(synchronous ?? storage.getStore() ?? root)
}

function currentOf(innermost: ModeRegion): ModeRegion {
  let region = innermost
  while (!region.isOpen && region.parent !== null) region = region.parent
  return region
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
