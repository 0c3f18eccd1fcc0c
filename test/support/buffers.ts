/** An ArrayBuffer that can change its size; the library of TypeScript's ES2023 does not know it yet. */
export interface ResizableBuffer extends ArrayBuffer {
  resize(byteLength: number): void
}

/** Makes a {@link ResizableBuffer}. */
export function resizableBuffer(byteLength: number, maxByteLength: number): ResizableBuffer {
  return Reflect.construct(ArrayBuffer, [byteLength, { maxByteLength }]) as ResizableBuffer
}

/** Takes the memory away from an array, as sending it to another thread does. */
export function detach<T extends ArrayBufferView<ArrayBuffer>>(array: T): T {
  structuredClone(array, { transfer: [array.buffer] })
  return array
}
