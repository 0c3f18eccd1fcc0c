import { hintForAddress } from '../util/file_input.js'

/** Longer than any path that is meant; also what a base64 text easily is. */
const MAX_PATH_LENGTH = 4096

const CHECKPOINT = /\.(?:pth|pt|ckpt|bin|safetensors|pth\.tar)$/i

/** Says what a text is that was passed for a path and names no file; undefined where nothing is known. */
export function hintForPath(path: string): string | undefined {
  const hint = hintForAddress(path)
  if (hint !== undefined) return hint
  if (path.length > MAX_PATH_LENGTH || /^(?:\/9j\/|iVBOR|UklGR|R0lGOD|UEsDB)[A-Za-z0-9+/=\s]{40,}$/.test(path)) {
    return "Is no path but the contents of a file as text: pass the bytes, as with Buffer.from(text, 'base64')"
  }
  if (/^[\w.-]+\/[\w.-]+$/.test(path) && !CHECKPOINT.test(path)) {
    return `No such file; if it is a repository of Hugging Face, pass hf://${path}`
  }
  return undefined
}
