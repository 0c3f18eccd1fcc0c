import type { Turns } from '../turns.js'

/** Elements that are written at a time: about a millisecond. */
const PIECE_LENGTH = 4096

/** Characters that are turned into bytes at a time. */
const PIECE_CHARACTERS = 2 ** 16

/** Writes JSON with long arrays as `JSON.stringify` does, in turns. */
export class JsonWriter {
  readonly #turns: Turns
  readonly #pieces: Buffer[] = []
  #text = ''

  constructor(turns: Turns) {
    this.#turns = turns
  }

  /** Adds a short text. */
  add(text: string): void {
    this.#text += text
  }

  /** Adds an array: the elements of all parts, one after the other. */
  async addArray(parts: readonly (Float32Array | readonly string[])[]): Promise<void> {
    this.add('[')
    let isFirst = true
    for (const part of parts) {
      for (let start = 0; start < part.length; start += PIECE_LENGTH) {
        const elements = !isTexts(part)
          ? [...part.subarray(start, start + PIECE_LENGTH)]
          : part.slice(start, start + PIECE_LENGTH)
        this.add(isFirst ? '' : ',')
        this.add(JSON.stringify(elements).slice(1, -1))
        isFirst = false
        if (this.#text.length >= PIECE_CHARACTERS) this.#endPiece()
        await this.#turns.next()
      }
    }
    this.add(']')
  }

  /** Gives all that was added, in pieces. */
  end(): readonly Buffer[] {
    this.#endPiece()
    return this.#pieces
  }

  #endPiece(): void {
    if (this.#text === '') return
    this.#pieces.push(Buffer.from(this.#text))
    this.#text = ''
  }
}

function isTexts(part: Float32Array | readonly string[]): part is readonly string[] {
  return Array.isArray(part)
}
