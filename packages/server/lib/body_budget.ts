import { TorchError } from 'napi-torch'

/** Settings of a {@link BodyBudget}. */
export interface BudgetLimits {
  /** Memory of all requests together. */
  readonly maxBytesInFlight: number
  /** Share of it that the requests of one client may hold together, from 0 to 1. */
  readonly maxClientShare: number
  /** A body that arrives more slowly is refused. */
  readonly minBodyBytesPerSecond: number
  /** A body that arrives more slowly is refused where another one needs its memory. */
  readonly busyBodyBytesPerSecond: number
}

/** The share of a {@link BodyBudget} that one request holds. */
export interface BodyShare {
  /** What its client is known by. Default: none is known. */
  client: string
  /** Takes memory before it is allocated. @throws {TorchError} `TORCH_QUEUE_FULL` */
  take(bytes: number): void
  /** Gives back what was taken and is free again. */
  give(bytes: number): void
  /** Says that a body begins to arrive; `refuse` is called if it does so too slowly. Gives a function that says that it has arrived. */
  arriving(refuse: (reason: TorchError) => void): () => void
  release(): void
}

/** How often the rates are looked at. */
const CHECK_MS = 1000
/** Time in which a rate is measured: a shorter pause says nothing about a connection. */
const WINDOW_MS = 5000

/**
 * Limits the memory that all requests hold together: their bodies, and all that is made of them before the model computes.
 *
 * A body that arrives holds memory. Where that is short, bodies that arrive slowly give it up first: otherwise a few clients that
 * stop in the middle would keep all others out.
 */
export class BodyBudget {
  readonly #limits: BudgetLimits
  readonly #arrivals = new Set<Arrival>()
  readonly #clients = new Map<string, number>()
  #used = 0
  #timer: NodeJS.Timeout | null = null
  #checkedAt = 0

  constructor(limits: BudgetLimits) {
    this.#limits = limits
  }

  get used(): number {
    return this.#used
  }

  /** Opens the share of one request. */
  open(): BodyShare {
    let held = 0
    let client = ''
    let arrival: Arrival | null = null
    const move = (bytes: number): void => {
      held += bytes
      this.#used += bytes
      const left = (this.#clients.get(client) ?? 0) + bytes
      if (left > 0) this.#clients.set(client, left)
      else this.#clients.delete(client)
    }
    return {
      get client() {
        return client
      },
      set client(name) {
        const taken = held
        move(-taken)
        client = name
        move(taken)
      },
      take: (bytes) => {
        this.#checkClient(client, bytes)
        this.#makeRoom(bytes, arrival)
        move(bytes)
        arrival?.note(bytes)
      },
      give: (bytes) => move(-Math.min(bytes, held)),
      arriving: (refuse) => {
        const started = new Arrival((reason) => {
          // What has arrived is dropped.
          move(-held)
          this.#forget(started)
          refuse(reason)
        })
        arrival = started
        this.#arrivals.add(started)
        this.#watch()
        return () => {
          arrival = null
          this.#forget(started)
        }
      },
      release: () => {
        if (arrival !== null) this.#forget(arrival)
        move(-held)
      },
    }
  }

  #checkClient(client: string, bytes: number): void {
    const { maxBytesInFlight, maxClientShare } = this.#limits
    const most = Math.floor(maxBytesInFlight * maxClientShare)
    const held = this.#clients.get(client) ?? 0
    if (client === '' || held + bytes <= most) return
    const text = `The requests of this client hold ${held} of at most ${most} bytes (maxClientShare of maxBytesInFlight)`
    throw new TorchError('TORCH_QUEUE_FULL', text)
  }

  #makeRoom(bytes: number, own: Arrival | null): void {
    const { maxBytesInFlight, busyBodyBytesPerSecond } = this.#limits
    if (this.#used + bytes <= maxBytesInFlight) return
    if (bytes <= maxBytesInFlight) {
      const slow = [...this.#arrivals].filter((each) => each !== own && each.rate() < busyBodyBytesPerSecond)
      slow.sort((one, other) => one.rate() - other.rate())
      const text = `The body arrived more slowly than ${busyBodyBytesPerSecond} bytes per second (busyBodyBytesPerSecond) while others needed the memory`
      for (const each of slow) {
        if (this.#used + bytes <= maxBytesInFlight) return
        each.refuse(new TorchError('TORCH_TOO_SLOW', text))
      }
    }
    if (this.#used + bytes <= maxBytesInFlight) return
    const message = `All requests hold ${this.#used} of at most ${maxBytesInFlight} bytes (maxBytesInFlight)`
    throw new TorchError('TORCH_QUEUE_FULL', message)
  }

  #watch(): void {
    if (this.#timer !== null) return
    this.#checkedAt = performance.now()
    this.#timer = setInterval(() => this.#refuseStalled(), CHECK_MS).unref()
  }

  #refuseStalled(): void {
    const { minBodyBytesPerSecond } = this.#limits
    const now = performance.now()
    const isLate = now - this.#checkedAt > 2 * CHECK_MS
    this.#checkedAt = now
    if (isLate) {
      // This process stood still, and what has arrived meanwhile is not read yet.
      for (const arrival of this.#arrivals) arrival.restart()
      return
    }
    const text = `The body arrived more slowly than ${minBodyBytesPerSecond} bytes per second (minBodyBytesPerSecond)`
    for (const arrival of this.#arrivals) {
      if (arrival.isMeasured && arrival.rate() < minBodyBytesPerSecond)
        arrival.refuse(new TorchError('TORCH_TOO_SLOW', text))
    }
  }

  #forget(arrival: Arrival): void {
    this.#arrivals.delete(arrival)
    if (this.#arrivals.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }
}

/** A body on its way. */
class Arrival {
  readonly refuse: (reason: TorchError) => void
  #startedAt = performance.now()
  /** Beginning of the window that is measured. */
  #markedAt = this.#startedAt
  #bytes = 0
  #lastRate = Infinity

  constructor(refuse: (reason: TorchError) => void) {
    this.refuse = refuse
  }

  get isMeasured(): boolean {
    return performance.now() - this.#startedAt >= WINDOW_MS
  }

  restart(): void {
    this.#startedAt = this.#markedAt = performance.now()
    this.#bytes = 0
    this.#lastRate = Infinity
  }

  note(bytes: number): void {
    const now = performance.now()
    if (now - this.#markedAt >= WINDOW_MS) {
      this.#lastRate = this.rate()
      this.#markedAt = now
      this.#bytes = 0
    }
    this.#bytes += bytes
  }

  /** Bytes per second, in the window that is under way once it is long enough to say something, else in the one before. */
  rate(): number {
    const ms = performance.now() - this.#markedAt
    return ms < CHECK_MS ? this.#lastRate : (1000 * this.#bytes) / ms
  }
}
