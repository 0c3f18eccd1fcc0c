/** Bytes that grow at their end. */
export class ByteWriter {
  #bytes = new Uint8Array(1024)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Gives what was written, as a view. */
  toBytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  uint8(value: number): this {
    const at = this.#grow(1)
    this.#view.setUint8(at, value)
    return this
  }

  uint16(value: number): this {
    const at = this.#grow(2)
    this.#view.setUint16(at, value, true)
    return this
  }

  uint32(value: number): this {
    const at = this.#grow(4)
    this.#view.setUint32(at, value, true)
    return this
  }

  int32(value: number): this {
    const at = this.#grow(4)
    this.#view.setInt32(at, value, true)
    return this
  }

  uint64(value: number): this {
    const at = this.#grow(8)
    this.#view.setBigUint64(at, BigInt(value), true)
    return this
  }

  float64BigEndian(value: number): this {
    const at = this.#grow(8)
    this.#view.setFloat64(at, value, false)
    return this
  }

  bytes(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length)
    this.#bytes.set(bytes, at)
    return this
  }

  ascii(text: string): this {
    return this.bytes(Buffer.from(text, 'latin1'))
  }

  /** Makes room and gives its offset. Call it before touching the view, which it may replace. */
  #grow(count: number): number {
    const at = this.#length
    this.#length += count
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2))
      larger.set(this.#bytes)
      this.#bytes = larger
      this.#view = new DataView(larger.buffer)
    }
    return at
  }
}
